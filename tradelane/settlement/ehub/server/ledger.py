"""The engine that moves money, the only one: gathers what a batch touches, lets the pure rules judge it, and
writes what they decided, with one statement a table.

Always true: what is written goes to the hash-chained journal and to the balances in one transaction; the
database's own constraints are the last guard of every limit. One writer at a time calls it: two would give
the same number to two lines, which the database refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from tradelane.settlement import ledger
from tradelane.settlement.ehub.server import chain
from tradelane.settlement.ehub.server.accounts import load, portions
from tradelane.settlement.ehub.server.tables import accounts, entries, pendings
from tradelane.settlement.judging import Book, Hold, Line, judge
from tradelane.settlement.ledger import Entry, Outcome, Phase, State


def execute(
    conn: Connection,
    ordered: Sequence[Entry],
    at: int,
    *,
    settlement: str | None = None,
    contract: str | None = None,
) -> list[Outcome]:
    """The outcome of each entry, in order, at ``at`` (ms). Pendings whose time is over end first."""
    expire(conn, at)
    return _execute(conn, ordered, at, settlement, contract)


def expire(conn: Connection, at: int) -> int:
    """End every pending that has expired by ``at`` (ms) and give its money back; how many there were."""
    due = [expired for (expired,) in conn.execute(_DUE, {"at": at})]
    if due:
        _execute(conn, [ledger.expire(id) for id in due], at, None, None)
    return len(due)


def _execute(
    conn: Connection, ordered: Sequence[Entry], at: int, settlement: str | None, contract: str | None
) -> list[Outcome]:
    book = _gather(conn, ordered)
    before = {name: (account.posted, account.held) for name, account in book.accounts.items()}
    outcomes = judge(book, ordered, at)
    if book.written:
        _write_lines(conn, book.written, (settlement, contract, at))
        _write_balances(conn, book, before)
        _write_pendings(conn, book, at)
    return outcomes


def _gather(conn: Connection, ordered: Sequence[Entry]) -> Book:
    """All the rules look at: lines of the ids given, accounts of both, and the journal's last number."""
    ids = {entry.id for entry in ordered}
    ids.update(entry.pending for entry in ordered if entry.pending is not None)
    lines: dict[str, Line] = {}
    holds: dict[str, Hold] = {}
    for some in portions(ids):
        for *values, state in conn.execute(_LINES, {"ids": some}):
            line = Line(*values)._replace(phase=Phase(values[2]))
            lines[line.id] = line
            if state is not None:
                holds[line.id] = Hold(line, State(state))
    names = {name for entry in ordered for name in (entry.source, entry.target) if name is not None}
    names.update(name for line in lines.values() for name in (line.source, line.target) if name is not None)
    return Book(load(conn, names), lines, holds, chain.head(conn).seq)


def _write_lines(
    conn: Connection, written: Sequence[Line], context: tuple[str | None, str | None, int]
) -> None:
    prev = chain.head(conn).hash
    rows: list[dict[str, Any]] = []
    for line in written:
        values = (*line, *context)
        prev = chain.chained(prev, values)
        rows.append(dict(zip(_COLUMNS, (*values, prev), strict=True)))
    conn.execute(_INSERT, rows)


def _write_balances(conn: Connection, book: Book, before: dict[str, tuple[int, int]]) -> None:
    changes = [
        {"name": name, "moved": account.posted - posted, "held": account.held - held}
        for name, (posted, held) in before.items()
        if (account := book.accounts[name]).posted != posted or account.held != held
    ]
    if changes:
        conn.execute(_CHANGE, changes)


def _write_pendings(conn: Connection, book: Book, at: int) -> None:
    first = book.written[0].seq
    ended = {hold.line.seq: hold.state.value for hold in book.ended}
    made = [
        {
            "seq": line.seq,
            "state": ended.get(line.seq, State.PENDING.value),
            "expires_at": line.expires_at,
            "closed_at": at if line.seq in ended else None,
        }
        for line in book.written
        if line.phase is Phase.PENDING
    ]
    closed = [{"n": seq, "to": state, "at": at} for seq, state in ended.items() if seq < first]
    if made:
        conn.execute(_MAKE, made)
    if closed:
        conn.execute(_CLOSE, closed)


_COLUMNS = [*chain.HASHED, "hash"]
_LINES = (
    select(*(entries.c[name] for name in chain.HASHED[: len(Line._fields)]), pendings.c.state)
    .join_from(entries, pendings, pendings.c.seq == entries.c.seq, isouter=True)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)
_DUE = (
    select(entries.c.id)
    .join_from(pendings, entries, pendings.c.seq == entries.c.seq)
    .where(pendings.c.state == State.PENDING.value, pendings.c.expires_at <= bindparam("at"))
    .order_by(pendings.c.expires_at, pendings.c.seq)
)
_INSERT = insert(entries)
_MAKE = insert(pendings)
_CLOSE = (
    update(pendings)
    .where(pendings.c.seq == bindparam("n"))
    .values(state=bindparam("to"), closed_at=bindparam("at"))
)
_CHANGE = (
    update(accounts)
    .where(accounts.c.account == bindparam("name"))
    .values(
        posted_nano=accounts.c.posted_nano + bindparam("moved"),
        held_nano=accounts.c.held_nano + bindparam("held"),
    )
)
