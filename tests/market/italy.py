"""The Italian day-ahead market as published (GME MGP, 1-3 April 2025), hour by hour: bid curves, capacities,
foreign borders fixed at their published exchange, and the published prices and flows to hold against ours.

The published bid curves hold accepted blocks as if they were simple bids; in the simple curves they are left
out, and the blocks come with what became of them.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tests.shared import shared_file
from tradelane.market.batch import OrderBatch
from tradelane.market.block import Block
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Product, Zone

MWH = Decimal("0.001")
EURO_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Hour:
    """One hour; ``price`` in milliticks by zone, ``flow`` in lots by (from, to), negative backwards."""

    product: Product
    zones: tuple[Zone, ...]
    lanes: tuple[Lane, ...]
    batches: Mapping[str, OrderBatch]
    price: Mapping[str, int]
    flow: Mapping[tuple[str, str], int]


def _rows(name: str) -> dict[str, list[dict[str, str]]]:
    """Rows of a file by hour."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(shared_file(f"data/gme/{name}.csv.gz"), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["timestamp"]].append(row)
    return found


def lots(text: str) -> int:
    return round(Decimal(text) / MWH)


def ticks(text: str) -> int:
    return round(Decimal(text) / EURO_CENT)


@dataclass(frozen=True)
class Day:
    """The hours of one day without its blocks, the blocks, and their published status: ACC, REJ or PREJ."""

    hours: tuple[Hour, ...]
    blocks: tuple[Block, ...]
    status: Mapping[str, str]


def days() -> Iterator[Day]:
    """The days with their blocks apart; GME's blocks are taken whole or not at all."""
    rows: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for its in _rows("block-orders").values():
        for row in its:
            rows[row["delivery_day"]][row["block_id"]].append(row)
    by_day: dict[str, list[Hour]] = defaultdict(list)
    for hour in hours("simple-bid-curves"):
        by_day[hour.product.id.removeprefix("power/")[:10]].append(hour)
    for day, its_hours in by_day.items():
        blocks = [_block(1_000_000 + k, *row) for k, row in enumerate(sorted(rows[day].items()))]
        status = {name: its[0]["published_status"] for name, its in rows[day].items()}
        yield Day(tuple(its_hours), tuple(blocks), status)


def _block(seq: int, name: str, rows: list[dict[str, str]]) -> Block:
    first = rows[0]
    side = Side.BUY if first["side"] == "demand" else Side.SELL
    profile = {f"power/{row['timestamp']}": lots(row["quantity_mwh"]) for row in rows}
    return Block(name, seq, first["zone"], side, Decimal(first["price_eur_per_mwh"]), profile)


def hours(curves: str = "bid-curves") -> Iterator[Hour]:
    bids, borders = _rows(curves), _rows("published-exchanges")
    capacities, prices, flows = (
        _rows("internal-transfer-capacities"),
        _rows("published-prices"),
        _rows("published-flows"),
    )
    for hour in sorted(bids):
        product = Product(f"power/{hour}", "MWh", MWH, EURO_CENT, -50_000, 400_000)
        orders = list(_orders(product, bids[hour], borders[hour]))
        zones = sorted({row["zone"] for row in bids[hour]})
        yield Hour(
            product,
            tuple(Zone(z, "EUR") for z in zones),
            tuple(_lanes(capacities[hour])),
            {z: OrderBatch.of(o for o in orders if o.zone == z) for z in zones},
            {row["zone"]: 1000 * ticks(row["price_eur_per_mwh"]) for row in prices[hour]},
            {(row["from_zone"], row["to_zone"]): lots(row["flow_mwh"]) for row in flows[hour]},
        )


def _orders(product: Product, bids: list[dict[str, str]], borders: list[dict[str, str]]) -> Iterator[Order]:
    seq = 0
    zones = {row["zone"] for row in bids}
    for row in bids:
        side = Side.BUY if row["side"] == "demand" else Side.SELL
        seq += 1
        yield _order(
            seq, product, row["zone"], side, ticks(row["price_eur_per_mwh"]), lots(row["quantity_mwh"])
        )
    for row in borders:
        exchange = lots(row["exchange_mwh"])
        if row["zone"] in zones and exchange:
            seq += 1
            side, price = (Side.BUY, product.max_price) if exchange > 0 else (Side.SELL, product.min_price)
            yield _order(seq, product, row["zone"], side, price, abs(exchange))


def _order(seq: int, product: Product, zone: str, side: Side, price: int, quantity: int) -> Order:
    return Order(f"o{seq}", seq, "", product.id, zone, side, price, quantity)


def _lanes(rows: list[dict[str, str]]) -> Iterator[Lane]:
    for row in rows:
        a, b = row["from_zone"], row["to_zone"]
        yield Lane(f"{a}>{b}", a, b, lots(row["forward_capacity_mwh"]))
        yield Lane(f"{b}>{a}", b, a, lots(row["reverse_capacity_mwh"]))
