"""Random small markets and a naive twin of the coupled auction, for the tests of this room."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import highspy
import numpy as np

from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.product import Allocation, Lane, Product, Zone

POWER = Product("power", "MWh", Decimal("0.001"), Decimal("0.01"), -500, 4000)


@dataclass(frozen=True)
class Market:
    product: Product
    zones: tuple[Zone, ...]
    lanes: tuple[Lane, ...]
    orders: tuple[Order, ...]

    def by_zone(self) -> Mapping[str, list[Order]]:
        found: dict[str, list[Order]] = defaultdict(list)
        for order in self.orders:
            found[order.zone].append(order)
        return found

    def batches(self) -> dict[str, OrderBatch]:
        return {zone: OrderBatch.of(orders) for zone, orders in self.by_zone().items()}


def ids_of(market: Market, zones: Sequence[Zone]) -> list[tuple[list[str], list[str]]]:
    """Order ids per zone as the batches hold them: sells and buys, by sequence."""
    found = []
    for zone in zones:
        rows = sorted(market.by_zone().get(zone.id, []), key=lambda o: o.seq)
        found.append(tuple([o.id for o in rows if o.side is side] for side in (Side.SELL, Side.BUY)))
    return found  # type: ignore[return-value]  # two lists by construction


def random_market(seed: int, *, lossless: bool = False) -> Market:
    """Up to 5 zones, 20 lanes and 40 orders with many ties, negative prices, empty sides and closed lanes."""
    r = random.Random(seed)
    count = r.randint(1, 5)
    zones = tuple(Zone(f"z{k}", "EUR", Decimal(r.choice(["1", "1", "1.17", "0.087"]))) for k in range(count))
    loss = [0] if lossless else r.choice([[0], [0, 20_000, 50_000]])
    lanes = tuple(
        Lane(
            f"{a.id}>{b.id}",
            a.id,
            b.id,
            r.choice([0, 5, 50, 1000]),
            r.choice(loss),
            Decimal(r.choice(["0", "0", "0.05", "0.5"])),
        )
        for a in zones
        for b in zones
        if a is not b and r.random() < 0.6
    )
    step, bottom = r.choice([1, 10, 100]), r.choice([-100, 0, 0])
    orders = tuple(
        Order(
            f"o{k}",
            k,
            "m",
            POWER.id,
            r.choice(zones).id,
            r.choice(list(Side)),
            r.randrange(bottom, 1000) // step * step,
            r.randint(1, 60),
        )
        for k in range(r.randint(0, 40))
    )
    product = Product("power", "MWh", POWER.lot, POWER.tick, -500, 4000, r.choice(list(Allocation)))
    return Market(product, zones, lanes, orders)


def naive_welfare(market: Market) -> float:
    """Greatest welfare in numeraire by one plain linear program with a column per order and per lane."""
    place = {zone.id: k for k, zone in enumerate(market.zones)}
    fx = [float(zone.fx) for zone in market.zones]
    unit = float(market.product.tick * market.product.lot)
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
    solver.silent()
    for _ in market.zones:
        solver.addRow(0.0, 0.0, 0, np.array([], np.int32), np.array([]))
    for order in market.orders:
        z = place[order.zone]
        solver.addCol(
            order.side.sign * order.price * fx[z],
            0.0,
            float(order.quantity),
            1,
            np.array([z], np.int32),
            np.array([float(order.side.sign)]),
        )
    for lane in market.lanes:
        solver.addCol(
            float(Fraction(lane.tariff) / Fraction(market.product.tick)),
            0.0,
            float(lane.capacity),
            2,
            np.array([place[lane.source], place[lane.target]], np.int32),
            np.array([-1.0, 1 - lane.loss_ppm / 1e6]),
        )
    solver.run()
    return -float(solver.getInfo().objective_function_value) * unit
