"""The call auction of one power product, from its gate to its contracts.

    journal ``gate`` → clear and prove (market room) → journal ``clearing``, prices, flows, fills, contracts

Always true: the gate is journaled before the clearing, and everything a clearing brings stands in one
transaction. A gate without its clearing (the process was killed between them) is cleared again at the next
start: the same orders give the same clearing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from tradelane.gateway import contracts, journal, tables
from tradelane.gateway.canonical import canonical
from tradelane.gateway.capacities import in_force
from tradelane.gateway.catalogue import AS_CONFIGURED, Catalogue
from tradelane.gateway.halting import Halt, halted, market_of
from tradelane.gateway.preferences import preferences_of, wishes_of
from tradelane.gateway.tables import flows, orders, prices
from tradelane.market.auction import Clearing, NotProven, Part, clear_linked
from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.pairing import pair
from tradelane.market.product import Product
from tradelane.market.trade import Trade
from tradelane.market.units import MILLI
from tradelane.market.wish import Wish
from tradelane.settlement.contract import Contract, Leg


class NotCleared(Exception):
    """No clearing of these orders could be proven, or they are more than can be added up exactly."""


class Called(NamedTuple):
    """What a gate's clearing goes by: its orders, the kW set for lanes, and the halt in which it fell."""

    book: list[Order]
    set_kw: Mapping[str, int]
    halt: Halt | None


def close_gate(conn: Connection, product: Product, now: int) -> int:
    """Journal that no more orders are taken for ``product``, once: the entry's number."""
    body = {"product": product.id}
    written = select(tables.journal.c.seq).where(
        tables.journal.c.kind == "gate", tables.journal.c.body == canonical(body).decode()
    )
    seq = conn.execute(written.limit(1)).scalar()
    return journal.append(conn, "gate", body, now) if seq is None else seq


def called(conn: Connection, product: Product, gate: int) -> Called:
    """As it stood when the journal's entry ``gate`` was written."""
    assert product.delivery is not None
    halt = halted(conn, market_of(product), gate)
    return Called(orders_of(conn, product.id), in_force(conn, product.delivery, gate), halt)


def orders_of(conn: Connection, product: str) -> list[Order]:
    """All accepted orders of a product, by sequence."""
    query = select(orders).where(orders.c.product == product).order_by(orders.c.seq)
    return [
        Order(r.id, r.seq, r.member, r.product, r.zone, Side(r.side), r.price, r.quantity)
        for r in conn.execute(query)
    ]


def by_zone(catalogue: Catalogue, book: Sequence[Order]) -> dict[str, list[Order]]:
    found: dict[str, list[Order]] = {zone: [] for zone in catalogue.zones}
    for order in book:
        found[order.zone].append(order)
    return found


def run(
    catalogue: Catalogue, product: Product, book: Sequence[Order], set_kw: Mapping[str, int] = AS_CONFIGURED
) -> Clearing:
    """Clear ``book`` over the catalogue's lanes, those with a capacity set (kW) by that; heavy, so it is
    called away from the event loop.

    Raises NotCleared.
    """
    batches = {zone: OrderBatch.of(rows) for zone, rows in by_zone(catalogue, book).items()}
    try:
        part = Part(product, catalogue.power_lanes(set_kw), batches)
        zones, constraints = list(catalogue.zones.values()), catalogue.power_constraints(product.id)
        return clear_linked([part], zones, constraints)[0]
    except (NotProven, ValueError) as reason:
        raise NotCleared(str(reason)) from reason


def give_up(conn: Connection, product: Product, reason: str, now: int) -> None:
    """Journal that ``product`` is not cleared, and close its orders unfilled: one product, not the market."""
    journal.append(conn, "uncleared", {"product": product.id, "reason": reason}, now)
    conn.execute(update(orders).where(orders.c.product == product.id).values(state="closed"))


def trades_of(
    catalogue: Catalogue, clearing: Clearing, book: Sequence[Order], wishes: Mapping[str, Wish]
) -> list[Trade]:
    zones = by_zone(catalogue, book)
    ids = [
        ([o.id for o in rows if o.side is Side.SELL], [o.id for o in rows if o.side is Side.BUY])
        for rows in (zones[zone.id] for zone in clearing.network.zones)
    ]
    return pair(clearing, ids, preferences_of(ids, wishes))


def publish(
    conn: Connection, catalogue: Catalogue, clearing: Clearing, book: Sequence[Order], now: int,
    wall: int,
) -> int:  # fmt: skip
    """Write a proven clearing and all it brings; returns the number of contracts, 0 if already written.

    ``wall`` is the wall time (ms) at which the gate fell.
    """
    product = clearing.product
    if conn.execute(select(prices.c.seq).where(prices.c.product == product.id).limit(1)).first():
        return 0
    known = {order.id for order in book}
    trades = trades_of(catalogue, clearing, book, wishes_of(conn, product.id))
    made = [t for t in trades if t.seller in known and t.buyer in known]
    seq = journal.append(conn, "clearing", summary(clearing), now)
    conn.execute(insert(prices), _price_rows(clearing, seq))
    if clearing.network.lanes:
        conn.execute(insert(flows), _flow_rows(clearing))
    _mark(conn, product, made)
    agreed = contracts_of(catalogue, clearing, book, made, seq)
    contracts.add(conn, agreed, [(t.seller, t.buyer) for t in made], seq, now, wall)
    return len(agreed)


def summary(clearing: Clearing) -> dict[str, Any]:
    """What the journal keeps of a clearing; ``digest`` is over prices, flows and every fill."""
    outcome, network = clearing.outcome, clearing.network
    body: dict[str, Any] = {
        "product": clearing.product.id,
        "coupled": clearing.coupled,
        "rejected": list(clearing.rejected),
        "prices": {
            zone.id: [outcome.price[z], outcome.low[z], outcome.high[z]]
            for z, zone in enumerate(network.zones)
        },
        "flows": {lane.id: [outcome.sent[k], outcome.received[k]] for k, lane in enumerate(network.lanes)},
    }
    if clearing.shadow:
        body["constraints"] = dict(clearing.shadow)
    fills = [
        [sold.tolist(), bought.tolist()] for sold, bought in zip(outcome.sold, outcome.bought, strict=True)
    ]
    digest = hashlib.sha256(canonical({**body, "fills": fills})).hexdigest()
    return {**body, "gap": str(clearing.certificate.gap), "digest": f"sha256:{digest}"}


def _price_rows(clearing: Clearing, seq: int) -> list[dict[str, Any]]:
    product, outcome, network = clearing.product, clearing.outcome, clearing.network
    delivery = product.delivery
    assert delivery is not None
    least, most = product.min_price * MILLI, product.max_price * MILLI
    rows = []
    for z, zone in enumerate(network.zones):
        net = sum(f for link, f in zip(network.links, outcome.sent, strict=True) if link.source == z)
        net -= sum(r for link, r in zip(network.links, outcome.received, strict=True) if link.target == z)
        price: int | None = outcome.price[z]
        bounded = outcome.low[z] > least and outcome.high[z] < most
        if not (bounded or net or outcome.sold[z].any()):
            price = None  # orders bound it on one side at most and nothing was traded: nothing to tell
        rows.append(
            {
                "product": product.id,
                "zone": zone.id,
                "interval_start": delivery.start,
                "interval_end": delivery.end,
                "price": price,
                "low": outcome.low[z],
                "high": outcome.high[z],
                "net": net,
                "seq": seq,
            }
        )
    return rows


def _flow_rows(clearing: Clearing) -> list[dict[str, Any]]:
    outcome = clearing.outcome
    return [
        {
            "product": clearing.product.id,
            "lane": lane.id,
            "capacity": lane.capacity,
            "sent": outcome.sent[k],
            "received": outcome.received[k],
        }
        for k, lane in enumerate(clearing.network.lanes)
    ]


def _mark(conn: Connection, product: Product, made: Sequence[Trade]) -> None:
    """Close the product's orders and note what each was filled."""
    filled: dict[str, int] = {}
    for trade in made:
        filled[trade.seller] = filled.get(trade.seller, 0) + trade.sent
        filled[trade.buyer] = filled.get(trade.buyer, 0) + trade.received
    conn.execute(update(orders).where(orders.c.product == product.id).values(state="closed"))
    if filled:
        one = update(orders).where(orders.c.id == bindparam("order")).values(filled=bindparam("lots"))
        conn.execute(one, [{"order": order, "lots": lots} for order, lots in filled.items()])


def contracts_of(
    catalogue: Catalogue, clearing: Clearing, book: Sequence[Order], made: Sequence[Trade], seq: int
) -> list[Contract]:
    """A contract for each trade between two members."""
    known = {order.id: order for order in book}
    price = {z.id: p for z, p in zip(clearing.network.zones, clearing.outcome.price, strict=True)}
    lanes = {lane.id: lane for lane in clearing.network.lanes}
    found = []
    for k, trade in enumerate(made):
        seller, buyer = known[trade.seller], known[trade.buyer]
        legs = tuple(
            Leg(
                lanes[id],
                catalogue.zones[lanes[id].source],
                catalogue.zones[lanes[id].target],
                price[lanes[id].source],
                price[lanes[id].target],
            )
            for id in trade.path
        )
        found.append(
            Contract(
                f"c{seq}-{k}",
                clearing.product,
                seller.member,
                catalogue.zones[seller.zone],
                buyer.member,
                catalogue.zones[buyer.zone],
                trade.sent,
                trade.received,
                trade.seller_price,
                trade.buyer_price,
                legs,
            )
        )
    return found
