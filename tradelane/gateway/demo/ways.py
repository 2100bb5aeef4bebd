"""Three sales of the demo followed from the quote to the receipt, and their money account by account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from tradelane.gateway.demo.scene import FAR_HUB as FAR
from tradelane.gateway.demo.scene import MARKET_HUB as HERE
from tradelane.gateway.demo.story import clock_text, goods_text, hours_text, money
from tradelane.gateway.overviews import amounts
from tradelane.gateway.tables import contracts, members
from tradelane.market.units import Money
from tradelane.settlement.contract import State
from tradelane.settlement.ehub.server.customs.tables import declarations
from tradelane.settlement.ehub.server.logistics.tables import nomination_points
from tradelane.settlement.ehub.server.road.tables import copies, payments, windows
from tradelane.settlement.ehub.server.tables import (
    receipts,
    reservations,
    shipment_events,
    shipments,
    transfers,
)
from tradelane.settlement.fspiop_states import TransferState
from tradelane.settlement.road_window import WindowState


@dataclass(frozen=True)
class Change:
    """What a sale did to one account of one hub."""

    hub: str
    account: str
    amount: Money


@dataclass(frozen=True)
class Way:
    """``steps`` in people's words, from quote to receipt; ``changes`` add up to nothing at each hub."""

    title: str
    steps: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def sums(self) -> dict[tuple[str, str], int]:
        """Nano-units by hub and currency: all zero."""
        found: dict[tuple[str, str], int] = {}
        for change in self.changes:
            key = (change.hub, change.amount.currency)
            found[key] = found.get(key, 0) + change.amount.nano
        return found

    @property
    def balanced(self) -> bool:
        return bool(self.changes) and not any(self.sums.values())

    def as_json(self) -> dict[str, Any]:
        changes = [
            {
                "hub": one.hub,
                "account": one.account,
                "currency": one.amount.currency,
                "amount": str(one.amount),
            }
            for one in self.changes
        ]
        return {
            "title": self.title,
            "steps": list(self.steps),
            "changes": changes,
            "balanced": self.balanced,
        }


def ways(zone: Connection, hub: Connection, far: Connection) -> list[Way]:
    """The largest Dutch power sale to Britain, one of potatoes to Norway, and the first money sent over the
    e-road; fewer when there were fewer."""
    found = (_power(zone, hub), _potatoes(zone, hub, far), _payment(hub, far))
    return [way for way in found if way is not None]


def _power(zone: Connection, hub: Connection) -> Way | None:
    c = contracts.c
    row = _largest(zone, c.commodity == "power", c.seller_zone == "NL", c.buyer_zone == "GB", c.delivered > 0)
    if row is None:
        return None
    points = select(func.count()).where(
        nomination_points.c.lane.in_(row["path"]), nomination_points.c.start == row["interval_start"]
    )
    told = hub.execute(points).scalar_one()
    title = f"{row['delivered'] / 1000:.3f} kWh, {hours_text(row['product'])}: {_names(zone, row)}"
    between = (
        f"nominated to the operators of its zones: {told} documents hold the schedule",
        f"metered {row['delivered']} of {row['sent']} Wh",
    )
    return _way(hub, row, title, between)


def _potatoes(zone: Connection, hub: Connection, far: Connection) -> Way | None:
    c = contracts.c
    row = _largest(zone, c.commodity == "goods", c.path != [], c.delivered > 0)
    if row is None:
        return None
    title = f"{goods_text(row)}: {_names(zone, row)}"
    between = (*_declared(hub, row["id"]), *_told(far, row["id"]), *_shipped(hub, row["id"]))
    return _way(hub, row, title, between)


def _largest(zone: Connection, *conditions: Any) -> RowMapping | None:
    query = select(contracts).where(contracts.c.state == State.RELEASED, *conditions)
    return zone.execute(query.order_by(contracts.c.delivered.desc(), contracts.c.seq)).mappings().first()


def _names(zone: Connection, row: RowMapping) -> str:
    names = {one.id: one.name for one in zone.execute(select(members))}
    return f"{names[row['seller']]} → {names[row['buyer']]}"


def _way(hub: Connection, row: RowMapping, title: str, between: Iterable[str]) -> Way:
    gets, pays, _ = amounts(row)
    held = hub.execute(select(reservations).where(reservations.c.contract == row["id"])).one()
    count = hub.execute(select(func.count()).where(receipts.c.contract == row["id"])).scalar_one()
    steps = (
        f"agreed {clock_text(row['agreed_at'])}: {money(gets)} to the seller, {money(pays)} from the buyer",
        f"reserved {money(Money(held.nano, held.currency))}",
        *between,
        f"released {clock_text(row['settled_at'])}, {count} receipts",
    )
    return Way(title, steps, tuple(_changes(hub, HERE, row["id"])))


def _declared(hub: Connection, contract: str) -> Iterator[str]:
    for one in hub.execute(select(declarations).where(declarations.c.contract == contract)):
        due = money(Money(one.duty_nano, one.currency))
        what = f"HS {one.hs_code}, {one.quantity} {one.unit}"
        yield f"declared for {one.destination}: {what}, channel {one.channel}, duty {due}, {one.state}"


def _told(far: Connection, contract: str) -> Iterator[str]:
    """What the hub of the country it goes to has been told."""
    rows = far.execute(select(copies.c.kind, copies.c.body).order_by(copies.c.kind))
    kinds = [row.kind for row in rows if json.loads(row.body).get("contract") == contract]
    if kinds:
        yield f"told to {FAR} over the e-road: {' and '.join(dict.fromkeys(kinds))}"


def _shipped(hub: Connection, contract: str) -> Iterator[str]:
    for one in hub.execute(select(shipments).where(shipments.c.contract == contract)):
        events = select(shipment_events).where(shipment_events.c.shipment == one.shipment)
        rows = hub.execute(events.order_by(shipment_events.c.number))
        yield "shipped: " + ", ".join(f"{row.event.replace('_', ' ')} {clock_text(row.at)}" for row in rows)


def _payment(hub: Connection, far: Connection) -> Way | None:
    done = (payments.c.state == TransferState.COMMITTED.value) & payments.c.outgoing
    row = far.execute(select(payments).where(done).order_by(payments.c.completed_at)).first()
    if row is None:
        return None
    send, fee, receive = (
        Money(nano, currency)
        for nano, currency in (
            (row.send_nano, row.send_currency),
            (row.fee_nano, row.send_currency),
            (row.receive_nano, row.receive_currency),
        )
    )
    agreed = windows.c.state.in_((WindowState.AGREED.value, WindowState.SETTLED.value))
    compared = select(windows.c.state).where(windows.c.window_number == row.window_number, agreed)
    state = far.execute(compared).scalar() or "not compared yet"
    steps = (
        f"quoted: {money(send)} to send {money(receive)}, {money(fee)} of it the fee",
        f"held at {FAR}, then at {HERE}; fulfilled there at {clock_text(row.completed_at)}",
        f"entry {row.number} of window {row.window_number}: {state}",
    )
    changes = [
        *_changes(far, FAR, f"road/{row.transfer}"),
        *_changes(hub, HERE, f"road/{FAR}/{row.transfer}"),
    ]
    return Way(f"{money(receive)} over the e-road, {FAR} → {HERE}", steps, tuple(changes))


def _changes(hub: Connection, name: str, contract: str) -> Iterator[Change]:
    """By account, in the order of their names."""
    found: dict[str, Money] = {}
    for row in hub.execute(select(transfers).where(transfers.c.contract == contract)):
        for account, sign in ((row.source, -1), (row.target, 1)):
            was = found.get(account, Money(0, row.currency))
            found[account] = was + Money(sign * row.nano, row.currency)
    for account, amount in sorted(found.items()):
        if amount.nano:
            yield Change(name, account, amount)
