"""The store's rows → the Overview that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, RowMapping, distinct, func, select

from tradelane.gateway import contracts as contract_rows
from tradelane.gateway.capacities import in_force
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.overview import (
    Amount,
    LaneView,
    MarcoPolo,
    Overview,
    Totals,
    TradeView,
    ZoneView,
)
from tradelane.gateway.schedule import next_gate, product_id
from tradelane.gateway.tables import contracts, flows, prices
from tradelane.market.result import price_text
from tradelane.market.units import Interval, Money, iso, plain
from tradelane.settlement.contract import State
from tradelane.settlement.settle import value

NEWEST = 20
"""Trades on the page."""
TIMED = 1_000
"""Newest trades whose way is timed: the page asks twice a second."""


def overview(conn: Connection, catalogue: Catalogue, clock: Clock) -> Overview:
    now = clock.now()
    shown = shown_interval(conn, catalogue, now)
    return Overview(
        now=iso(now),
        interval=str(shown),
        next_gate=iso(next_gate(now, catalogue.mtu, catalogue.lead).instant),
        speed=clock.speed,
        zones=zones_in(conn, catalogue, shown),
        lanes=lanes_in(conn, catalogue, shown),
        trades=_trades(conn),
        sellers_abroad=_sellers_abroad(conn, shown),
        totals=_totals(conn),
        marco_polo_ms=marco_polo(conn),
    )


def shown_interval(conn: Connection, catalogue: Catalogue, now: int) -> Interval:
    """The interval being delivered, or the next one once it is cleared and the present was never."""
    present = Interval.at(now, catalogue.mtu)
    cleared = select(prices.c.interval_start).where(prices.c.interval_start >= present.start)
    first = conn.execute(cleared.order_by(prices.c.interval_start).limit(1)).scalar()
    return present if first is None else Interval(first, first + catalogue.mtu)


def zones_in(conn: Connection, catalogue: Catalogue, shown: Interval) -> list[ZoneView]:
    """Every zone as an interval's clearing left it."""
    query = select(prices).where(prices.c.product == product_id(shown))
    found = {row.zone: row for row in conn.execute(query)}
    product = catalogue.power(shown)
    views = []
    for zone in catalogue.section.zones:
        row = found.get(zone.id)
        price = None if row is None or row.price is None else plain(Decimal(price_text(product, row.price)))
        net = 0 if row is None else row.net
        views.append(ZoneView(id=zone.id, name=zone.name, currency=zone.currency, price=price, net_wh=net))
    return views


def lanes_in(conn: Connection, catalogue: Catalogue, shown: Interval) -> list[LaneView]:
    """Every lane as an interval's clearing used it."""
    query = select(flows).where(flows.c.product == product_id(shown))
    found = {row.lane: row for row in conn.execute(query)}
    views = []
    for lane in catalogue.power_lanes({} if found else in_force(conn, shown)):
        row = found.get(lane.id)
        views.append(
            LaneView(
                id=lane.id,
                source=lane.source,
                target=lane.target,
                sent_wh=row.sent if row else 0,
                received_wh=row.received if row else 0,
                capacity_wh=row.capacity if row else lane.capacity,
            )
        )
    return views


def _trades(conn: Connection) -> list[TradeView]:
    query = select(contracts).order_by(contracts.c.seq.desc(), contracts.c.id.desc()).limit(NEWEST)
    return [trade_view(row) for row in conn.execute(query).mappings()]


def _sellers_abroad(conn: Connection, shown: Interval) -> int:
    c = contracts.c
    query = select(func.count(distinct(c.seller)))
    query = query.where(c.product == product_id(shown), c.seller_zone != c.buyer_zone)
    return int(conn.execute(query).scalar_one())


def trade_view(row: RowMapping) -> TradeView:
    """A contract as a reader sees it: once settled, what was delivered; before, what was agreed."""
    gets, pays, lots = amounts(row)
    power = row["commodity"] == "power"
    commodity: Literal["power", "goods"] = "power" if power else "goods"
    return TradeView(
        id=shown_id(row["id"]),
        at=iso(row["agreed_at"]),
        commodity=commodity,
        product=row["product"],
        quantity=plain(lots * Decimal(row["detail"]["product"]["lot"]) * (1000 if power else 1)),
        unit="kWh" if power else row["detail"]["product"]["unit"],
        seller_zone=row["seller_zone"],
        buyer_zone=row["buyer_zone"],
        seller_gets=amount_of(gets),
        buyer_pays=amount_of(pays),
        state=row["state"],
    )


def shown_id(contract: str) -> str:
    """A contract's id holds its orders', and they may hold names: the public one is its hash."""
    return sha256(contract.encode()).hexdigest()[:16]


def amount_of(money: Money) -> Amount:
    return Amount(currency=money.currency, value=str(money))


def amounts(row: RowMapping) -> tuple[Money, Money, int]:
    """What the seller gets, what the buyer pays, and the lots delivered (before: agreed)."""
    contract = contract_rows.contract_of(row)
    sent = contract.sent if row["delivered"] is None else row["delivered"]
    received = (
        contract.received if row["delivered"] is None else row["detail"].get("received", contract.received)
    )
    return (
        Money(value(contract.product, contract.seller_price, sent), contract.seller_zone.currency),
        Money(value(contract.product, contract.buyer_price, received), contract.buyer_zone.currency),
        sent,
    )


def _totals(conn: Connection) -> Totals:
    abroad = (contracts.c.state == State.RELEASED, contracts.c.seller_zone != contracts.c.buyer_zone)
    total = select(func.coalesce(func.sum(contracts.c.delivered), 0))
    power = conn.execute(total.where(*abroad, contracts.c.commodity == "power")).scalar_one()
    goods = conn.execute(
        select(contracts.c.delivered, contracts.c.detail).where(*abroad, contracts.c.commodity == "goods")
    )
    kilograms = sum(r.delivered * Decimal(r.detail["product"]["lot"]) for r in goods)
    return Totals(sold_abroad_wh=int(power), sold_abroad_kg=int(kilograms))


def marco_polo(conn: Connection) -> MarcoPolo | None:
    """Processing time from the meter's reading to the money abroad, waiting excluded: reading → order, gate →
    funded, closing reading → settled; over the newest power sold abroad, in ms of real time.
    """
    query = select(contracts).where(
        contracts.c.state == State.RELEASED,
        contracts.c.commodity == "power",
        contracts.c.seller_zone != contracts.c.buyer_zone,
    )
    query = query.order_by(contracts.c.interval_end.desc()).limit(TIMED)
    times = sorted(t for row in conn.execute(query).mappings() if (t := processing_ms(row)) is not None)
    if not times:
        return None
    return MarcoPolo(p50=quantile(times, 50), p99=quantile(times, 99), count=len(times))


def processing_ms(row: RowMapping) -> int | None:
    """None where a part was not measured: a late or missing statement, or an order without its reading."""
    detail = row["detail"]
    offer, read = detail.get("offer_ms"), detail.get("read_wall")
    if offer is None or read is None or row["funded_wall"] is None or row["settled_wall"] is None:
        return None
    return int(offer + row["funded_wall"] - row["agreed_wall"] + row["settled_wall"] - read)


def quantile(ordered: Sequence[int], percent: int) -> int:
    """The smallest value that at least ``percent`` per cent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
