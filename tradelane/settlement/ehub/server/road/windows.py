"""Settlement windows with each peer: closed by time, reported when both have closed.

Always true: our report is made of the hash-chained journal's lines, not of what this table of payments says;
nothing comes into a window once its committer has closed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from tradelane.market.units import Money, iso
from tradelane.settlement import accounts
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.accounts import load
from tradelane.settlement.ehub.server.bulk import among, names
from tradelane.settlement.ehub.server.road import channel, holds
from tradelane.settlement.ehub.server.road.payments import payers_id
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import payments, settled
from tradelane.settlement.ehub.server.road.tables import peers as p
from tradelane.settlement.ehub.server.road.tables import windows as t
from tradelane.settlement.ehub.server.tables import entries as journal
from tradelane.settlement.ehub.wire_road import Difference, SumState, WindowAnswer, WindowReport
from tradelane.settlement.fspiop_states import TransferState
from tradelane.settlement.road_window import Entry, Report, Sum, WindowState, ordered, report

MOST_AT_ONCE = 500
COMMITTED = payments.c.state == TransferState.COMMITTED.value


def close_due(conn: Connection, road: Road, at: int) -> int:
    """Close with every peer the windows whose time is over; with how many."""
    over = at // road.window_ms - 1
    late = conn.execute(select(p).where(p.c.closed < over).order_by(p.c.peer)).all()
    for peer in late:
        conn.execute(update(p).where(p.c.peer == peer.peer).values(closed=over))
        channel.write(conn, peer.peer, said.Close(through=over), at)
    return len(late)


def closed(conn: Connection, _road: Road, peer: str, body: said.Close, _at: int) -> None:
    """Handles ``close``: nothing more of the peer's comes into these windows."""
    conn.execute(update(p).where(p.c.peer == peer).values(peer_closed=body.through))


def report_due(conn: Connection, road: Road, at: int) -> int:
    """Report windows that both sides have closed, some hundreds at once; with how many peers."""
    both = (p.c.closed > p.c.compared) & (p.c.peer_closed > p.c.compared)
    found = conn.execute(select(p).where(both).order_by(p.c.peer)).all()
    for peer in found:
        through = min(peer.closed, peer.peer_closed, peer.compared + MOST_AT_ONCE)
        for window in range(peer.compared + 1, through + 1):
            if find(conn, peer.peer, window) is None:
                make(conn, road, peer.peer, window, at)
        conn.execute(update(p).where(p.c.peer == peer.peer).values(compared=through))
    return len(found)


def made_again(conn: Connection, road: Road, row: Row[Any], at: int) -> Row[Any]:
    """Report a window once more, where the journal now has it otherwise; the row as it is then."""
    mine = told(_made(conn, road, row.peer, row.window_number))
    if mine != WindowReport.model_validate_json(row.mine):
        keep(conn, row, mine=mine.model_dump_json())
        channel.write(conn, row.peer, said.Reported(window=row.window_number, report=mine), at)
    return required(conn, row.peer, row.window_number)


def make(conn: Connection, road: Road, peer: str, window: int, at: int) -> None:
    """Report a window to the peer."""
    mine = told(_made(conn, road, peer, window))
    row = {"peer": peer, "window_number": window, "state": WindowState.REPORTED.value, "at": at}
    conn.execute(insert(t), row | {"mine": mine.model_dump_json()})
    channel.write(conn, peer, said.Reported(window=window, report=mine), at)


def _made(conn: Connection, road: Road, peer: str, window: int) -> Report:
    return report(road.name, window, entries(conn, road, peer, window), _owed(conn, peer, window))


def entries(conn: Connection, road: Road, peer: str, window: int) -> list[Entry]:
    """What both sides committed in a window, in the order both know; amounts are the journal's."""
    in_window = (payments.c.peer == peer) & (payments.c.window_number == window) & COMMITTED
    rows = conn.execute(select(payments).where(in_window)).all()
    amounts = _amounts(conn, peer, rows)
    made = [
        Entry(
            peer if row.outgoing else road.name,
            row.number,
            payers_id(row),
            road.name if row.outgoing else peer,
            row.send_currency,
            amounts[row.transfer],
        )
        for row in rows
    ]
    return ordered(made)


def _amounts(conn: Connection, peer: str, rows: Sequence[Row[Any]]) -> dict[str, int]:
    """What each payment moved on the account between the hubs, by the journal."""
    ids = {holds.posted(row.transfer, leg): row for row in rows for leg in range(holds.MOST_LEGS)}
    found: defaultdict[str, int] = defaultdict(int)
    lines = select(journal.c.id, journal.c.source, journal.c.target, journal.c.nano)
    for line in conn.execute(lines.where(among(journal.c.id)), names(ids)):
        row = ids[line.id]
        account = accounts.road(peer, row.send_currency)
        if account == (line.target if row.outgoing else line.source):
            found[row.transfer] += line.nano
    return found


def _owed(conn: Connection, peer: str, window: int) -> dict[str, int]:
    """What this hub owes for all windows so far, each currency, by the account and not by its entries: the
    balance, less what came later, plus what was settled."""
    signed = case((payments.c.outgoing, payments.c.send_nano), else_=-payments.c.send_nano)
    later = (
        select(payments.c.send_currency, func.sum(signed))
        .where(payments.c.peer == peer, payments.c.window_number > window, COMMITTED)
        .group_by(payments.c.send_currency)
    )
    paid = (
        select(settled.c.currency, func.sum(settled.c.owed_nano))
        .where(settled.c.peer == peer)
        .group_by(settled.c.currency)
    )
    used = select(payments.c.send_currency).where(payments.c.peer == peer).distinct()
    held = {currency: accounts.road(peer, currency) for (currency,) in conn.execute(used)}
    balances = load(conn, held.values())
    owed = {currency: balances[name].posted for currency, name in held.items() if name in balances}
    for currency, nano in conn.execute(later):
        owed[currency] -= int(nano)
    for currency, nano in conn.execute(paid):
        owed[currency] += int(nano)
    return owed


def find(conn: Connection, peer: str, window: int) -> Row[Any] | None:
    return conn.execute(select(t).where(t.c.peer == peer, t.c.window_number == window)).one_or_none()


def required(conn: Connection, peer: str, window: int) -> Row[Any]:
    """A window that was reported."""
    row = find(conn, peer, window)
    assert row is not None
    return row


def keep(conn: Connection, row: Row[Any], **values: Any) -> None:
    """Change a window's row."""
    place = (t.c.peer == row.peer) & (t.c.window_number == row.window_number)
    conn.execute(update(t).where(place).values(**values))


def told(made: Report) -> WindowReport:
    """A report as the wire shows it."""
    sums = [
        SumState(
            currency=one.currency,
            entries=one.entries,
            net=str(Money(one.net, one.currency)),
            owed=str(Money(one.owed, one.currency)),
        )
        for one in made.sums
    ]
    return WindowReport(entries=made.entries, head=made.head, sums=sums)


def read(given: WindowReport) -> Report:
    """A report as the rules take it."""
    sums = tuple(
        Sum(
            one.currency,
            one.entries,
            Money.parse(one.net, one.currency).nano,
            Money.parse(one.owed, one.currency).nano,
        )
        for one in given.sums
    )
    return Report(given.entries, given.head, sums)


def listed(
    conn: Connection, road: Road, peer: str | None, state: WindowState | None, after: int, limit: int
) -> list[WindowAnswer]:
    """From the newest, those before window ``after``."""
    query = select(t).order_by(t.c.window_number.desc(), t.c.peer).limit(limit)
    for column, value in ((t.c.peer, peer), (t.c.state, state)):
        if value is not None:
            query = query.where(column == value)
    if after:
        query = query.where(t.c.window_number < after)
    return [answer(row, road) for row in conn.execute(query)]


def answer(row: Row[Any], road: Road) -> WindowAnswer:
    """A window as the wire shows it."""
    start = row.window_number * road.window_ms
    return WindowAnswer(
        peer=row.peer,
        window=row.window_number,
        start=iso(start),
        end=iso(start + road.window_ms),
        state=row.state,
        mine=WindowReport.model_validate_json(row.mine),
        theirs=None if row.theirs is None else WindowReport.model_validate_json(row.theirs),
        difference=None if row.difference is None else Difference.model_validate_json(row.difference),
    )
