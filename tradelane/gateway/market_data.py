"""What anyone may know of a zone's market: prices, volumes, flows and capacities of power, and goods by day.

Rows come in order of product and place, so that a page goes on after the last row's ``key``. Always true: no
row tells of one member. A volume that fewer than FEWEST members made is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Connection, Select, case, distinct, func, select, tuple_

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.schedule import product_id
from tradelane.gateway.tables import contracts, flows, orders, prices
from tradelane.market.order import Side
from tradelane.market.units import MILLI, MINUTE, Interval, instant, iso, plain

Row = dict[str, Any]
FEWEST = 3
POWER = "power/"


@dataclass(frozen=True, slots=True)
class Selection:
    """Delivery from ``since`` until before ``until`` (ms); of one zone or lane; after a row's key."""

    since: int | None = None
    until: int | None = None
    place: str | None = None
    after: tuple[str, str] | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class DataTable:
    """``columns`` in order with their units; ``place`` is the column by which rows of one product differ."""

    name: str
    place: str
    columns: dict[str, str]
    rows: Callable[[Connection, Catalogue, Selection], Iterator[Row]]

    def key(self, row: Row) -> tuple[str, str]:
        """Where a row stands."""
        return str(row["product"]), str(row[self.place])


INTERVAL = {"product": "", "interval_start": "UTC", "interval_end": "UTC"}


def _prices(conn: Connection, catalogue: Catalogue, asked: Selection) -> Iterator[Row]:
    p = prices.c
    for row in conn.execute(_page(select(prices), p.product, p.zone, asked)):
        zone = catalogue.zones.get(row.zone)
        tick = catalogue.power(Interval(row.interval_start, row.interval_end)).tick
        told = {name: _price(getattr(row, name), tick) for name in ("price", "low", "high")}
        yield {
            **_interval(row.product),
            "zone": row.zone,
            **told,
            "currency": None if zone is None else zone.currency,
        }


def _volumes(conn: Connection, _catalogue: Catalogue, asked: Selection) -> Iterator[Row]:
    o = orders.c
    sold = func.sum(case((o.side == Side.SELL.value, o.filled), else_=0))
    bought = func.sum(case((o.side == Side.BUY.value, o.filled), else_=0))
    people = func.count(distinct(o.member))
    query = select(o.product, o.zone, sold.label("sold"), bought.label("bought"), people.label("people"))
    query = query.where(o.filled > 0).group_by(o.product, o.zone)
    for row in conn.execute(_page(query, o.product, o.zone, asked)):
        told = row.people >= FEWEST
        yield {
            **_interval(row.product),
            "zone": row.zone,
            "sold_wh": int(row.sold) if told else None,
            "bought_wh": int(row.bought) if told else None,
            "members": row.people if told else None,
        }


def _flows(conn: Connection, catalogue: Catalogue, asked: Selection) -> Iterator[Row]:
    f = flows.c
    lanes = {lane.id: lane for lane in catalogue.power_lanes()}
    for row in conn.execute(_page(select(flows), f.product, f.lane, asked)):
        lane = lanes.get(row.lane)
        yield {
            **_interval(row.product),
            "lane": row.lane,
            "source": None if lane is None else lane.source,
            "target": None if lane is None else lane.target,
            "sent_wh": row.sent,
            "received_wh": row.received,
        }


def _capacities(conn: Connection, _catalogue: Catalogue, asked: Selection) -> Iterator[Row]:
    f = flows.c
    for row in conn.execute(_page(select(flows), f.product, f.lane, asked)):
        used = row.sent * 1_000_000 // row.capacity if row.capacity else None
        yield {
            **_interval(row.product),
            "lane": row.lane,
            "capacity_wh": row.capacity,
            "used_ppm": used,
        }


def _goods(conn: Connection, _catalogue: Catalogue, asked: Selection) -> Iterator[Row]:
    """Goods sold from a zone on a day, whole contracts; the range of prices that sellers got."""
    c = contracts.c
    people = func.count(distinct(c.seller)) + func.count(distinct(c.buyer))
    query = select(
        c.product,
        c.seller_zone,
        func.sum(c.sent).label("lots"),
        func.min(c.seller_price).label("low"),
        func.max(c.seller_price).label("high"),
        people.label("people"),
        func.max(c.id).label("one"),
    )
    query = query.where(c.commodity == "goods").group_by(c.product, c.seller_zone)
    for row in conn.execute(_page(query, c.product, c.seller_zone, asked, power=False)).all():
        detail = conn.execute(select(c.detail).where(c.id == row.one)).scalar_one()
        told, product = row.people >= FEWEST, detail["product"]
        tick = Decimal(product["tick"])
        yield {
            "product": row.product,
            "day": row.product.partition("/")[2],
            "zone": row.seller_zone,
            "quantity": plain(row.lots * Decimal(product["lot"])) if told else None,
            "unit": product["unit"],
            "low": _price(row.low, tick) if told else None,
            "high": _price(row.high, tick) if told else None,
            "currency": detail["zones"][row.seller_zone]["currency"],
        }


TABLES = {
    table.name: table
    for table in (
        DataTable(
            "prices",
            "zone",
            INTERVAL | {"zone": "", "price": "per MWh", "low": "per MWh", "high": "per MWh", "currency": ""},
            _prices,
        ),
        DataTable(
            "volumes",
            "zone",
            INTERVAL | {"zone": "", "sold_wh": "Wh", "bought_wh": "Wh", "members": "people"},
            _volumes,
        ),
        DataTable(
            "flows",
            "lane",
            INTERVAL | {"lane": "", "source": "", "target": "", "sent_wh": "Wh", "received_wh": "Wh"},
            _flows,
        ),
        DataTable(
            "capacities",
            "lane",
            INTERVAL | {"lane": "", "capacity_wh": "Wh", "used_ppm": "ppm"},
            _capacities,
        ),
        DataTable(
            "goods",
            "zone",
            dict.fromkeys(("product", "day", "zone", "quantity", "unit", "low", "high", "currency"), ""),
            _goods,
        ),
    )
}


def _page(
    query: Select[Any], product: Column[str], place: Column[str], asked: Selection, *, power: bool = True
) -> Select[Any]:
    """Power products sort by time, for their names hold it."""
    if power:
        since = POWER if asked.since is None else f"{POWER}{iso(asked.since)}"
        query = query.where(product >= since, product < (_end(asked.until)))
    if asked.place is not None:
        query = query.where(place == asked.place)
    if asked.after is not None:
        query = query.where(tuple_(product, place) > tuple_(*asked.after))
    return query.order_by(product, place).limit(asked.limit)


def _end(until: int | None) -> str:
    return "power0" if until is None else f"{POWER}{iso(until)}"  # "0" follows "/"


def interval_of(product: str) -> Interval:
    """The delivery interval in a power product's name."""
    start, _, length = product.removeprefix(POWER).partition("/PT")
    begin = instant(start)
    found = Interval(begin, begin + int(length.removesuffix("M")) * MINUTE)
    assert product_id(found) == product
    return found


def _interval(product: str) -> Row:
    found = interval_of(product)
    return {"product": product, "interval_start": iso(found.start), "interval_end": iso(found.end)}


def _price(milliticks: int | None, tick: Decimal) -> str | None:
    return None if milliticks is None else plain(milliticks * tick / MILLI)
