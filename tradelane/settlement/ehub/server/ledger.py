"""The engine that moves money, the only one: gathers what a batch touches, lets the pure rules judge it, and
writes what they decided, with one statement a table.

Always true: what is written goes to the hash-chained journal and to the balances in one transaction; the
database's own constraints are the last guard of every limit. One writer at a time calls it: two would give
the same number to two lines, which the database refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, update

from tradelane.settlement import ledger
from tradelane.settlement.ehub.server import chain
from tradelane.settlement.ehub.server.accounts import load
from tradelane.settlement.ehub.server.bulk import Bulk, among, names
from tradelane.settlement.ehub.server.tables import accounts, entries, pendings
from tradelane.settlement.judging import Book, Hold, Line, judge
from tradelane.settlement.ledger import Entry, Outcome, Phase, State


def execute(
    conn: Connection,
    ordered: Sequence[Entry],
    at: int,
    *,
    settlement: str | None = None,
    contract: str | Mapping[str, str] | None = None,
) -> list[Outcome]:
    """The outcome of each entry, in order, at ``at`` (ms). Pendings whose time is over end first.

    ``contract`` is that of all of them, or each one's by the entry's id.
    """
    expire(conn, at)
    return _execute(conn, ordered, at, settlement, contract)


def expire(conn: Connection, at: int) -> int:
    """End every pending that has expired by ``at`` (ms) and give its money back; how many there were."""
    due = [expired for (expired,) in conn.execute(_DUE, {"at": at})]
    if due:
        _execute(conn, [ledger.expire(id) for id in due], at, None, None)
    return len(due)


def _execute(
    conn: Connection,
    ordered: Sequence[Entry],
    at: int,
    settlement: str | None,
    contract: str | Mapping[str, str] | None,
) -> list[Outcome]:
    head = chain.head(conn)
    book = _gather(conn, ordered, head.seq)
    before = {name: (account.posted, account.held) for name, account in book.accounts.items()}
    outcomes = judge(book, ordered, at)
    if book.written:
        contracts = {line.id: contract for line in book.written} if isinstance(contract, str) else contract
        _write_lines(conn, book.written, (settlement, contracts or {}, at), head.hash)
        _write_balances(conn, book, before)
        _write_pendings(conn, book, at)
    return outcomes


def _gather(conn: Connection, ordered: Sequence[Entry], last: int) -> Book:
    """All the rules look at: lines of the ids given and accounts of both."""
    ids = {entry.id for entry in ordered}
    ids.update(entry.pending for entry in ordered if entry.pending is not None)
    lines: dict[str, Line] = {}
    holds: dict[str, Hold] = {}
    for seq, id, phase, *values, state in conn.execute(_LINES, names(ids)):
        line = lines[id] = Line(seq, id, Phase(phase), *values)
        if state is not None:
            holds[id] = Hold(line, State(state))
    touched = {one.source for one in ordered} | {one.target for one in ordered}
    touched |= {one.source for one in lines.values()} | {one.target for one in lines.values()}
    return Book(load(conn, [name for name in touched if name is not None]), lines, holds, last)


def _write_lines(
    conn: Connection, written: Sequence[Line], context: tuple[str | None, Mapping[str, str], int], prev: bytes
) -> None:
    rows = []
    settlement, contracts, at = context
    for seq, id, phase, *rest in written:
        values = (seq, id, phase.value, *rest, settlement, contracts.get(id), at)
        prev = chain.chained(prev, values)
        rows.append((*values, prev))
    _INSERT(conn, rows)


def _write_balances(conn: Connection, book: Book, before: dict[str, tuple[int, int]]) -> None:
    changes = [
        (account.posted - posted, account.held - held, name)
        for name, (posted, held) in before.items()
        if (account := book.accounts[name]).posted != posted or account.held != held
    ]
    _CHANGE(conn, changes)


def _write_pendings(conn: Connection, book: Book, at: int) -> None:
    first = book.written[0].seq
    ended = {hold.line.seq: hold.state.value for hold in book.ended}
    made = [
        (
            line.seq,
            ended.get(line.seq, State.PENDING.value),
            line.expires_at,
            at if line.seq in ended else None,
        )
        for line in book.written
        if line.phase is Phase.PENDING
    ]
    _MAKE(conn, made)
    _CLOSE(conn, [(state, at, seq) for seq, state in ended.items() if seq < first])


_LINES = (
    select(*(entries.c[name] for name in chain.HASHED[: len(Line._fields)]), pendings.c.state)
    .join_from(entries, pendings, pendings.c.seq == entries.c.seq, isouter=True)
    .where(among(entries.c.id))
)
_DUE = (
    select(entries.c.id)
    .join_from(pendings, entries, pendings.c.seq == entries.c.seq)
    .where(pendings.c.state == State.PENDING.value, pendings.c.expires_at <= bindparam("at"))
    .order_by(pendings.c.expires_at, pendings.c.seq)
)
_INSERT = Bulk.insert(entries, [*chain.HASHED, "hash"])
_MAKE = Bulk.insert(pendings, ["seq", "state", "expires_at", "closed_at"])
_CLOSE = Bulk(
    lambda given: (
        update(pendings).where(pendings.c.seq == given["n"]).values(state=given["to"], closed_at=given["at"])
    ),
    {"to": pendings.c.state.type, "at": pendings.c.closed_at.type, "n": pendings.c.seq.type},
)
_CHANGE = Bulk(
    lambda given: (
        update(accounts)
        .where(accounts.c.account == given["name"])
        .values(
            posted_nano=accounts.c.posted_nano + given["moved"],
            held_nano=accounts.c.held_nano + given["held"],
        )
    ),
    {
        "moved": accounts.c.posted_nano.type,
        "held": accounts.c.held_nano.type,
        "name": accounts.c.account.type,
    },
)
