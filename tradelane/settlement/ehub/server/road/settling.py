"""Agreed windows settled: what this hub owes each peer is netted, among the whole group where there is one,
and moved off the accounts between hubs to what is settled outside.

Always true: a window's obligations are discharged once, all of a group's in one linked set; what is paid in
their place comes to the same for every hub.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, insert, select, update

from tradelane.market.units import Money
from tradelane.settlement import accounts, netting
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server import ledger
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.road import channel, peers
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import positions as p
from tradelane.settlement.ehub.server.road.tables import settled
from tradelane.settlement.ehub.server.road.tables import windows as t
from tradelane.settlement.ehub.server.standing import ensure
from tradelane.settlement.ehub.wire_road import WindowReport
from tradelane.settlement.ledger import Result, Transfer, single
from tradelane.settlement.road_window import WINDOW, WindowEvent, WindowState

Owed = dict[str, dict[tuple[str, str], int]]
"""Of each currency: what each of a pair owes the other, nano-units, always positive."""
MOST_AT_ONCE = 10_000


def settle_due(conn: Connection, road: Road, at: int) -> int:
    """Settle what is agreed, as far as all who net together have agreed; how many windows."""
    agreed = select(t).where(t.c.state == WindowState.AGREED.value).order_by(t.c.window_number, t.c.peer)
    waiting: defaultdict[tuple[int, frozenset[str]], set[str]] = defaultdict(set)
    for row in conn.execute(agreed.limit(MOST_AT_ONCE)):
        waiting[row.window_number, road.partners(row.peer)].add(row.peer)
    done = 0
    for (window, partners), ready in waiting.items():
        if ready == partners - {road.name}:
            owed = _owed(conn, road, window, partners, at)
            if owed is not None and _book(conn, road, window, sorted(ready), owed, at):
                done += len(ready)
    return done


def positions_told(conn: Connection, road: Road, peer: str, body: said.Positions, at: int) -> None:
    """Handles ``positions``: what a hub of our group owes within it."""
    if peer not in road.group or sorted(body.group) != sorted(road.group):
        raise Refused(Fault.VALIDATION, "group: not the one this hub nets in")
    _keep(conn, peer, body, at)


def _owed(conn: Connection, road: Road, window: int, partners: frozenset[str], at: int) -> Owed | None:
    """What all partners owe each other; None until all have said so, and pairs say the same."""
    others = sorted(partners - {road.name})
    ours = [net for peer in others for net in _nets(conn, peer, window)]
    if len(others) == 1:
        return _pairs({road.name: ours})
    told = _told(conn, window)
    if road.name not in told:
        body = said.Positions(window=window, group=sorted(partners), nets=ours)
        _keep(conn, road.name, body, at)
        for peer in others:
            channel.write(conn, peer, body, at)
        told[road.name] = ours
    if told.keys() != partners or not _mirrored(told):
        return None
    return _pairs(told)


def _nets(conn: Connection, peer: str, window: int) -> list[said.Net]:
    """What we owe a peer for an agreed window."""
    place = (t.c.peer == peer) & (t.c.window_number == window)
    mine = WindowReport.model_validate_json(conn.execute(select(t.c.mine).where(place)).scalar_one())
    return [said.Net(peer=peer, currency=one.currency, net=one.net) for one in mine.sums]


def _keep(conn: Connection, hub: str, body: said.Positions, at: int) -> None:
    place = (p.c.window_number == body.window) & (p.c.hub == hub)
    text = body.model_dump_json()
    known = conn.execute(select(p.c.body).where(place)).scalar_one_or_none()
    if known is None:
        conn.execute(insert(p), {"window_number": body.window, "hub": hub, "body": text, "at": at})
    elif known != text:
        raise Refused(Fault.MODIFIED, f"positions of window {body.window}")


def _told(conn: Connection, window: int) -> dict[str, list[said.Net]]:
    rows = conn.execute(select(p.c.hub, p.c.body).where(p.c.window_number == window))
    return {hub: said.Positions.model_validate_json(body).nets for hub, body in rows}


def _signed(told: Mapping[str, Iterable[said.Net]]) -> dict[tuple[str, str, str], int]:
    """(debtor, creditor, currency) → nano-units, as each debtor said, negative when it is owed."""
    return {
        (hub, net.peer, net.currency): nano
        for hub, nets in told.items()
        for net in nets
        if (nano := Money.parse(net.net, net.currency).nano)
    }


def _mirrored(told: Mapping[str, Iterable[said.Net]]) -> bool:
    found = _signed(told)
    return all(found.get((b, a, currency)) == -nano for (a, b, currency), nano in found.items())


def _pairs(told: Mapping[str, Iterable[said.Net]]) -> Owed:
    owed: Owed = {}
    for (hub, peer, currency), nano in _signed(told).items():
        pair = (hub, peer) if nano > 0 else (peer, hub)
        owed.setdefault(currency, {})[pair] = abs(nano)
    return owed


def _book(conn: Connection, road: Road, window: int, ready: list[str], owed: Owed, at: int) -> bool:
    """Discharge the window's obligations against what is paid instead; False when a limit does not allow it
    yet."""
    us, rows, moves = road.name, [], []
    for currency, pairs in sorted(owed.items()):
        paid = {(one.debtor, one.creditor): one.nano for one in netting.payments(pairs)}
        for peer in ready:
            ours = pairs.get((us, peer), 0) - pairs.get((peer, us), 0)
            pays = paid.get((us, peer), 0) - paid.get((peer, us), 0)
            if ours or pays:
                row = {"peer": peer, "window_number": window, "currency": currency, "at": at}
                rows.append(row | {"owed_nano": ours, "paid_nano": pays})
                moves += _moves(conn, window, peer, Money(ours, currency), Money(pays, currency), at)
    first_in = sorted(moves, key=lambda one: (one.amount.currency, one.target != _pool(one.amount.currency)))
    entries = [single(one, linked=n + 1 < len(first_in)) for n, one in enumerate(first_in)]
    outcomes = ledger.execute(conn, entries, at)
    if any(one.result is Result.REFUSED for one in outcomes):
        return False
    if rows:
        conn.execute(insert(settled), rows)
    state = WINDOW[WindowState.AGREED, WindowEvent.SETTLE]
    place = (t.c.window_number == window) & t.c.peer.in_(ready)
    conn.execute(update(t).where(place).values(state=state.value))
    return True


def _moves(conn: Connection, window: int, peer: str, ours: Money, pays: Money, at: int) -> list[Transfer]:
    """Off the account between the hubs, and onto what is settled outside, by way of the netting account."""
    currency = ours.currency
    pool = ensure(conn, _pool(currency), currency, "0", at)
    nostro = ensure(conn, accounts.nostro(peer, currency), currency, None, at)
    id = f":road-window/{window}/{peer}/{currency}"
    made = [
        _signed_move(f"{id}/owed", peers.owes(conn, peer, currency, at), pool, ours),
        _signed_move(f"{id}/paid", pool, nostro, pays),
    ]
    return [one for one in made if one is not None]


def _signed_move(id: str, source: str, target: str, amount: Money) -> Transfer | None:
    if amount.nano == 0:
        return None
    if amount.nano < 0:
        source, target, amount = target, source, Money(-amount.nano, amount.currency)
    return Transfer(id, source, target, amount, "road-settlement")


def _pool(currency: str) -> str:
    return accounts.netting(currency)
