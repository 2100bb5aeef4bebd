"""What ``tradelane export`` writes: rows of a gateway's files with units, decimal prices and ISO times.

Only reads; rows come one by one, so that a long journal needs no memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, select

from tradelane.gateway import journal as log
from tradelane.gateway.canonical import canonical
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.config import Config
from tradelane.gateway.counter_events import WORDS
from tradelane.gateway.tables import (
    contracts,
    meter_events,
    metered,
    metered_corrections,
    prices,
    readings,
)
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.market.units import MILLI, iso, plain
from tradelane.meter.reading import VALUE_NAMES, Reading

Row = dict[str, Any]
Rows = Callable[[Connection, Config], Iterator[Row]]
STREAM = 1_000
ENERGY = ("import_wh", "export_wh", "production_wh")

TRADE_COLUMNS = (
    *("id", "agreed_at", "commodity", "product", "interval_start", "interval_end", "unit"),
    *("seller", "seller_zone", "buyer", "buyer_zone", "path"),
    *("sent", "received", "delivered", "imbalance"),
    *("seller_price", "seller_currency", "buyer_price", "buyer_currency", "state"),
)
PRICE_COLUMNS = (
    "product",
    "zone",
    "currency",
    "interval_start",
    "interval_end",
    "price",
    "low",
    "high",
    "net",
)
READING_COLUMNS = (
    *("meter", "seq", "role", "profile", "gateway_time", "device_time", "quality"),
    *sorted(VALUE_NAMES),
)
INTERVAL_COLUMNS = (
    *("meter", "interval_start", "interval_end", "member", "import_wh", "export_wh", "production_wh"),
    *("quality", "corrected_at"),
)
EVENT_COLUMNS = ("meter", "at", "what", "seen", "wh", "seq", "meaning")
JOURNAL_COLUMNS = ("seq", "at", "kind", "body", "hash")


def trades(conn: Connection, _config: Config) -> Iterator[Row]:
    """Contracts in the order they were agreed; quantities in the product's unit."""
    for row in _stream(conn, select(contracts).order_by(contracts.c.seq, contracts.c.id)):
        detail, kept = row.detail, row._mapping
        lot, tick = Decimal(detail["product"]["lot"]), Decimal(detail["product"]["tick"])
        body = {name: kept[name] for name in TRADE_COLUMNS if name in kept}
        body |= {name: iso(kept[name]) for name in ("agreed_at", "interval_start", "interval_end")}
        for name in ("sent", "received", "delivered", "imbalance"):
            body[name] = None if kept[name] is None else plain(kept[name] * lot)
        for side in ("seller", "buyer"):
            body[f"{side}_price"] = _price(kept[f"{side}_price"], tick)
            body[f"{side}_currency"] = detail["zones"][kept[f"{side}_zone"]]["currency"]
        body |= {"unit": detail["product"]["unit"], "path": " ".join(row.path)}
        yield {name: body[name] for name in TRADE_COLUMNS}


def clearing_prices(conn: Connection, config: Config) -> Iterator[Row]:
    """Prices by interval and zone in the zone's currency per unit; net position in units, export above 0."""
    assert config.zone is not None
    catalogue = Catalogue(config.zone)
    order = (prices.c.interval_start, prices.c.product, prices.c.zone)
    for row in _stream(conn, select(prices).order_by(*order)):
        product = _product(catalogue, row.product)
        zone = catalogue.zones.get(row.zone)
        yield {
            "product": row.product,
            "zone": row.zone,
            "currency": zone.currency if zone else None,
            "interval_start": iso(row.interval_start),
            "interval_end": iso(row.interval_end),
            "price": _price(row.price, product.tick),
            "low": _price(row.low, product.tick),
            "high": _price(row.high, product.tick),
            "net": product.quantity_text(row.net),
        }


def meter_readings(conn: Connection, _config: Config) -> Iterator[Row]:
    """Sealed readings by meter in order; values unknown are empty."""
    query = select(readings.c.meter, readings.c.seq, readings.c.body)
    for row in _stream(conn, query.order_by(readings.c.meter, readings.c.seq)):
        body = Reading.from_json(json.loads(row.body)).to_json()
        values = body.pop("values")
        body |= {"meter": row.meter, "seq": row.seq} | {name: values.get(name) for name in VALUE_NAMES}
        yield {name: body[name] for name in READING_COLUMNS}


def metered_intervals(conn: Connection, _config: Config) -> Iterator[Row]:
    """Intervals as they are known now; ``corrected_at`` where late readings changed them."""
    m, c = metered.c, metered_corrections.c
    same = (c.meter == m.meter) & (c.interval_start == m.interval_start)
    query = (
        select(metered, *(c[name].label(f"new_{name}") for name in (*ENERGY, "quality", "at")))
        .select_from(metered)
        .outerjoin(metered_corrections, same)
    )
    for row in _stream(conn, query.order_by(m.meter, m.interval_start)):
        kept = row._mapping
        body = {name: kept[name] for name in INTERVAL_COLUMNS if name in kept}
        body |= {name: iso(kept[name]) for name in ("interval_start", "interval_end")}
        if kept["new_at"] is not None:
            body |= {name: kept[f"new_{name}"] for name in (*ENERGY, "quality")}
        body["corrected_at"] = None if kept["new_at"] is None else iso(kept["new_at"])
        yield {name: body[name] for name in INTERVAL_COLUMNS}


def counter_events(conn: Connection, _config: Config) -> Iterator[Row]:
    """What was decided about counters, oldest first, and what it means."""
    for row in _stream(conn, select(meter_events).order_by(meter_events.c.seq, meter_events.c.meter)):
        body = dict(row._mapping) | {"at": iso(row.at), "meaning": WORDS.get(row.seen, row.seen)}
        yield {name: body[name] for name in EVENT_COLUMNS}


def journal(conn: Connection, _config: Config) -> Iterator[Row]:
    for entry in log.read(conn):
        yield {
            "seq": entry.seq,
            "at": iso(entry.at),
            "kind": entry.kind,
            "body": canonical(entry.body).decode(),
            "hash": entry.hash.hex(),
        }


def _stream(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from conn.execute(query.execution_options(yield_per=STREAM))


def _price(milliticks: int | None, tick: Decimal) -> str | None:
    return None if milliticks is None else plain(milliticks * tick / MILLI)


def _product(catalogue: Catalogue, id: str) -> Product:
    """The product as configured today. ValueError when the configuration no longer knows it."""
    found = catalogue.find(id)
    if isinstance(found, Refusal):
        raise ValueError(f"the configuration no longer knows the product {id}")
    return found
