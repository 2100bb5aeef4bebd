"""A day of block orders at a large exchange's size: 60 zones, 24 intervals, 2,000 blocks, proven."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from tests.bench.bench_coupling import ring_of_lanes
from tests.bench.harness import Pair, benchmark, timed
from tradelane.market.acceptance import Book
from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.block import Block
from tradelane.market.joint import Joint, clear_together
from tradelane.market.order import Side
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.units import NANO

LOT, TICK = Decimal("0.001"), Decimal("0.01")
LARGEST_LOTS = 200_000
"""Of a block, each interval: 200 MWh."""


@dataclass(frozen=True)
class Day:
    """What clear_together() takes."""

    products: tuple[Product, ...]
    zones: tuple[Zone, ...]
    lanes: Mapping[str, tuple[Lane, ...]]
    orders: Mapping[str, Mapping[str, OrderBatch]]
    blocks: tuple[Block, ...]


def a_day(zones: int, intervals: int, steps: int, blocks: int, mixed: bool, seed: int = 9) -> Day:
    """``steps`` sells and half as many buys a zone and interval; every second border loses 2 %.

    The blocks are fill-or-kill; if ``mixed``, a third may be accepted in part, some are linked or exclusive.
    """
    places = tuple(Zone(f"z{z:02d}", "EUR") for z in range(zones))
    products = tuple(Product(f"h{t:02d}", "MWh", LOT, TICK, -50_000, 400_000) for t in range(intervals))
    chance = np.random.default_rng(seed)
    lanes = tuple(
        Lane(
            f"{a:02d}>{b:02d}", places[a].id, places[b].id, int(chance.integers(50_000, 800_000)),
            20_000 * (tariff % 2), TICK * tariff,
        )
        for a, b, tariff in ring_of_lanes(zones, 1)
    )  # fmt: skip
    load, shift = chance.integers(500_000, 5_000_000, zones), chance.integers(-2_500, 2_500, zones)
    seqs = iter(range(zones * intervals))
    orders = {
        p.id: {
            place.id: _batch(steps, int(load[z]), int(shift[z]), t / intervals, next(seqs), seed)
            for z, place in enumerate(places)
        }
        for t, p in enumerate(products)
    }
    kinds = np.random.default_rng([seed, 1])
    made = tuple(_blocks(kinds, places, products, shift, blocks, mixed, zones * intervals * 2 * steps))
    return Day(products, places, {p.id: lanes for p in products}, orders, made)


def _batch(steps: int, load: int, shift: int, hour: float, nth: int, seed: int) -> OrderBatch:
    """Cheap, ordinary and dear sells of 1.05 to 2.2 times the load; two thirds of the load at any price."""
    chance = np.random.default_rng([seed, nth])
    day = 0.75 + 0.25 * np.sin(2 * np.pi * (hour - 0.33))
    low, high = steps // 20, steps // 10
    price = np.concatenate(
        [
            chance.integers(-5_000, 0, low),
            100 + shift + (chance.beta(2, 3, steps - low - high) * 15_000).astype(np.int64),
            chance.integers(8_000, 100_000, high),
        ]
    )
    sells = _columns(chance, price, load * 1.6, nth * 2 * steps)
    price = np.concatenate([[400_000], chance.integers(0, 30_000, steps // 2 - 1)])
    buys = _columns(chance, price, load * day * 0.35, nth * 2 * steps + steps)
    buys.quantity[0] = int(load * day * 0.65)
    return OrderBatch(sells, buys)


def _columns(chance: np.random.Generator, price: IntArray, total: float, first: int) -> Columns:
    share = chance.exponential(1, len(price))
    quantity = np.maximum(1, (share / share.sum() * total).astype(np.int64))
    return Columns(price, quantity, first + np.arange(len(price)))


def _blocks(
    chance: np.random.Generator, zones: Sequence[Zone], products: Sequence[Product], shift: IntArray,
    count: int, mixed: bool, first: int,
) -> list[Block]:  # fmt: skip
    made: list[Block] = []
    for k in range(count):
        start = int(chance.integers(0, len(products) - 3))
        length = min(int(chance.integers(3, len(products) + 1)), len(products) - start)
        z = int(chance.integers(len(zones)))
        side = Side.SELL if chance.random() < 0.75 else Side.BUY
        price = TICK * int(6_000 + shift[z] // 3 + chance.normal(0, 1_500))
        lots = int(np.exp(chance.uniform(np.log(2_000), np.log(LARGEST_LOTS))))
        kind = chance.random() if mixed else 0.0
        partial = mixed and chance.random() < 0.33
        linked = f"b{k - 1}" if kind > 0.85 and k % 4 else None
        if linked is not None:
            z = int(made[-1].zone[1:])
        made.append(
            Block(
                f"b{k}", first + k, zones[z].id, side, price,
                {p.id: lots for p in products[start : start + length]},
                int(chance.integers(1, 10)) * NANO // 10 if partial else NANO,
                linked, f"g{k // 8}" if 0.7 < kind <= 0.85 else None,
            )
        )  # fmt: skip
    return made


@benchmark("blocks-fill-or-kill", goal=6)
def fill_or_kill() -> Pair:
    """2,000 blocks that are taken whole or not at all."""
    return _pair(a_day(60, 24, 1_000, 2_000, mixed=False))


@benchmark("blocks-mixed", goal=6)
def mixed() -> Pair:
    """The same with minimum shares, linked families and exclusive groups."""
    return _pair(a_day(60, 24, 1_000, 2_000, mixed=True))


def _pair(day: Day) -> Pair:
    """From raw columns to proven clearings, against the same without the blocks."""

    def with_blocks() -> None:
        started = time.process_time()
        joint = clear_together(day.products, day.zones, day.lanes, day.orders, day.blocks)
        print(f"{gap_line(day, joint)}; {time.process_time() - started:.1f} s of processor time")

    def without() -> None:
        clear_together(day.products, day.zones, day.lanes, day.orders, ())

    return Pair(timed(with_blocks), timed(without), "without its blocks", repetitions=3, warm_up=0)


def gap_line(day: Day, joint: Joint) -> str:
    """What was accepted, and how far the welfare can be from that of any other choice of blocks."""
    book = Book(day.blocks, day.products, day.zones)
    prices = {
        (clearing.product.id, zone.id): price
        for clearing in joint.clearings
        for zone, price in zip(clearing.network.zones, clearing.outcome.price, strict=True)
    }
    assert not book.faults(joint.accepted, prices)
    assert all(clearing.coupled and clearing.certificate.proven for clearing in joint.clearings)
    own = sum((clearing.certificate.welfare for clearing in joint.clearings), Fraction(0))
    welfare = float(own + book.correction(joint.accepted, day.products))
    assert joint.most_welfare is not None
    gap, rejected = joint.most_welfare - welfare, len(book.paradoxically_rejected(joint.accepted, prices))
    return (
        f"{len(joint.accepted)} of {len(day.blocks)} blocks accepted, {rejected} paradoxically rejected; "
        f"welfare {welfare:.2f} EUR, gap {gap:.2f} EUR or {gap / welfare:.1e} of it"
    )
