"""The journal as an append-only, SHA-256 hash-chained list, and its proof.

The chain alone cannot show that its newest lines were cut off: compare the head with one kept elsewhere.
The proof also recomputes every account's posted and held balance, and the state of every pending line, from
the journal.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from tradelane.settlement.ehub.server.tables import accounts, entries, pendings
from tradelane.settlement.ledger import MOVING, TRANSITIONS, Phase, State

GENESIS = bytes(32)
PAGE = 1_000
HASHED = [column.name for column in entries.c if column.name != "hash"]
"""What a line's hash is over, in this order."""
_quoted = json.encoder.encode_basestring


class Head(NamedTuple):
    """The newest line's number and hash; ``(0, GENESIS)`` when there is none."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first line (or, with ``seq`` 0, account or pending) that does not fit, and why."""

    seq: int
    reason: str


def canonical(body: dict[str, Any]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(prev: bytes, values: Iterable[str | int | None]) -> bytes:
    """SHA-256 over the hash before and the line's values, as a JSON array without spaces."""
    # json.dumps would take twice as long, to find out what is known of these values
    body = ",".join([
        _quoted(one) if type(one) is str else "null" if one is None else repr(one) for one in values
    ])  # fmt: skip
    return hashlib.sha256(prev + f"[{body}]".encode()).digest()


def head(conn: Connection) -> Head:
    row = conn.execute(_HEAD).one_or_none()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


def verify_chain(conn: Connection) -> Broken | None:
    """Recompute every hash and every balance; the first thing that does not fit, or None."""
    journal = _Projection()
    prev = GENESIS
    for seq, row in enumerate(conn.execute(_LINES.execution_options(yield_per=PAGE)), 1):
        reason = _fault(row, seq, prev) or journal.add(row)
        if reason is not None:
            return Broken(seq, reason)
        prev = row.hash
    reason = journal.difference(conn)
    return None if reason is None else Broken(0, reason)


def _fault(row: Row[Any], seq: int, prev: bytes) -> str | None:
    if row.seq != seq:
        return f"line {seq} is missing (found {row.seq})"
    values = row._mapping
    if chained(prev, (values[name] for name in HASHED)) != row.hash:
        return "its fields do not match its hash"
    return None


class _Projection:
    """Balances and open pendings as the journal's lines make them, one line after the other."""

    def __init__(self) -> None:
        self.posted: defaultdict[str, int] = defaultdict(int)
        self.held: defaultdict[str, int] = defaultdict(int)
        self.open: set[int] = set()

    def add(self, row: Row[Any]) -> str | None:
        """Take a line in; or what is wrong with the state of the pending it ends."""
        phase = Phase(row.phase)
        if phase in MOVING:
            self.posted[row.source] -= row.nano
            self.posted[row.target] += row.nano
        self.held[row.source] += row.held_nano
        if phase is Phase.PENDING:
            self.open.add(row.seq)
        elif row.pending is not None:
            self.open.discard(row.pending)
            if (row.state, row.closed_at) != (TRANSITIONS[State.PENDING, phase], row.at):
                return f"the pending line {row.pending} it ends is {row.state}"
        return None

    def difference(self, conn: Connection) -> str | None:
        for account, posted, held in conn.execute(_BALANCES):
            if posted != self.posted.get(account, 0):
                return f"the balance of {account} is not the sum of its transfers"
            if held != self.held.get(account, 0):
                return f"what {account} holds is not the sum of its pendings"
        left = self.open ^ {seq for (seq,) in conn.execute(_OPEN)}
        return f"the pending line {min(left)} has another state than the journal says" if left else None


_HEAD = select(entries.c.seq, entries.c.hash).order_by(entries.c.seq.desc()).limit(1)
_LINES = (
    select(entries, pendings.c.state, pendings.c.closed_at)
    .join_from(entries, pendings, pendings.c.seq == entries.c.pending, isouter=True)
    .order_by(entries.c.seq)
)
_BALANCES = select(accounts.c.account, accounts.c.posted_nano, accounts.c.held_nano)
_OPEN = select(pendings.c.seq).where(pendings.c.state == State.PENDING.value)
