"""The ordered, hash-chained log that decides the order of all things.

Always true: sequence numbers run 1, 2, 3 … without a hole; each entry's hash covers its own fields and the
hash of the entry before. Entries are only ever added, inside the caller's transaction by the single writer.
The chain alone cannot show that its newest entries were cut off: compare the head with one kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from tradelane.gateway.canonical import canonical
from tradelane.gateway.tables import journal

GENESIS = bytes(32)
PAGE = 1_000


class Head(NamedTuple):
    """The newest entry's number and hash; ``(0, GENESIS)`` of an empty journal."""

    seq: int
    hash: bytes


NOTHING = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. ``at`` is market time in Unix ms."""

    seq: int
    at: int
    kind: str
    body: dict[str, Any]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not fit the chain, and why."""

    seq: int
    reason: str


def append(conn: Connection, kind: str, body: Mapping[str, Any], at: int) -> int:
    """Add one entry and return its sequence number. ValueError or TypeError when the body is not JSON."""
    return append_all(conn, [(kind, body)], at)


def append_all(conn: Connection, events: Sequence[tuple[str, Mapping[str, Any]]], at: int) -> int:
    """Add several entries in one statement; returns the first one's sequence number, the rest follow."""
    first, prev = head(conn)
    first += 1
    rows = []
    for seq, (kind, body) in enumerate(events, first):
        if not kind.isidentifier():
            raise ValueError(f"journal kind {kind!r} is not a plain word")
        data = canonical(body)
        digest = entry_hash(prev, seq, at, kind, data)
        rows.append({"seq": seq, "at": at, "kind": kind, "body": data.decode(), "prev": prev, "hash": digest})
        prev = digest
    if rows:
        conn.execute(insert(journal), rows)
    return first


def head(conn: Connection) -> Head:
    row = conn.execute(_HEAD).one_or_none()
    return Head(row.seq, row.hash) if row else NOTHING


def holds(conn: Connection, head: Head) -> bool:
    """Whether ``head`` is an entry of this journal, or its beginning."""
    found = conn.execute(select(journal.c.hash).where(journal.c.seq == head.seq)).scalar()
    return head == NOTHING or found == head.hash


def entry_hash(prev: bytes, seq: int, at: int, kind: str, body: bytes) -> bytes:
    """SHA-256 over the hash before and this entry's fields, a line each."""
    return hashlib.sha256(b"%s%d\n%d\n%s\n%s" % (prev, seq, at, kind.encode(), body)).digest()


def read(
    conn: Connection, after: int = 0, kinds: Iterable[str] | None = None, limit: int | None = None
) -> Iterator[Entry]:
    """Entries numbered above ``after`` in order, only of ``kinds`` when given, at most ``limit``.

    Reads a page at a time, so the caller may write while it reads.
    """
    wanted = None if kinds is None else list(kinds)
    left = limit
    while left is None or left > 0:
        page = PAGE if left is None else min(PAGE, left)
        query = select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(page)
        if wanted is not None:
            query = query.where(journal.c.kind.in_(wanted))
        rows = conn.execute(query).all()
        for row in rows:
            yield Entry(row.seq, row.at, row.kind, json.loads(row.body), row.hash)
        if len(rows) < page:
            return
        after = rows[-1].seq
        left = None if left is None else left - page


def length(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(journal)).scalar_one()


def verify(conn: Connection) -> Broken | None:
    """Recompute the whole chain; the first entry that does not fit, or None."""
    prev = GENESIS
    query = select(journal).order_by(journal.c.seq).execution_options(yield_per=PAGE)
    for seq, row in enumerate(conn.execute(query), 1):
        broken = _fault(row, seq, prev)
        if broken is not None:
            return Broken(seq, broken)
        prev = row.hash
    return None


def _fault(row: Any, seq: int, prev: bytes) -> str | None:
    if row.seq != seq:
        return f"entry {seq} is missing (found {row.seq})"
    if row.prev != prev:
        return "its link is not the hash of the entry before"
    try:
        digest = entry_hash(prev, seq, row.at, row.kind, row.body.encode())
    except (AttributeError, TypeError, ValueError):
        return "a field has the wrong type"
    return None if digest == row.hash else "its fields do not match its hash"


_HEAD = select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)
