"""Random small markets of several products tied by constraints, and their naive twin."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import highspy
import numpy as np

from tests.market.markets import Market, random_market
from tradelane.market.auction import Part
from tradelane.market.constraint import Constraint, Ramp, flow_based, lane_set
from tradelane.market.product import Zone


@dataclass(frozen=True)
class Linked:
    """Markets of the same zones and lanes, one an interval."""

    zones: tuple[Zone, ...]
    markets: tuple[Market, ...]
    constraints: tuple[Constraint, ...]

    def parts(self) -> list[Part]:
        return [Part(m.product, m.lanes, m.batches()) for m in self.markets]


def random_linked(seed: int, *, lossless: bool = False) -> Linked:
    """One to three intervals under up to five lane sets, flow-based limits and ramps, with some duty."""
    r = random.Random(seed)
    first = random_market(seed, lossless=lossless)
    duty = r.choice([0, 0, 0, 50_000])
    lanes = tuple(replace(lane, capacity=r.choice([5, 50, 1000]), duty_ppm=duty) for lane in first.lanes)
    markets = []
    for hour in range(r.randint(1, 3)):
        other = random_market(seed + 7919 * hour, lossless=lossless)
        names = [zone.id for zone in first.zones]
        orders = tuple(replace(o, zone=r.choice(names), product=f"h{hour}") for o in other.orders)
        markets.append(Market(replace(first.product, id=f"h{hour}"), first.zones, lanes, orders))
    constraints: list[Constraint] = []
    for k in range(r.randint(0, 5) if lanes else 0):
        chosen = r.sample(lanes, r.randint(1, len(lanes)))
        product = r.choice(markets).product.id
        kind = r.choice(["set", "flow", "ramp"])
        if kind == "set":
            ids = [lane.id for lane in chosen]
            constraints.append(lane_set(f"{k}", product, ids, r.choice([0, 3, 20, 70])))
        elif kind == "flow":
            ptdf = {z.id: Fraction(r.randint(-60, 60), 100) for z in first.zones}
            ram = Fraction(r.choice([0, 5, 17, 40]))
            constraints.append(flow_based(f"{k}", product, ptdf, ram, lanes))
        else:
            along, against = [chosen[0].id], [lane.id for lane in chosen[1:2]]
            before = r.choice([None, 0, 0, 4])
            up = r.choice([None, 4, 10])
            ramp = Ramp(
                f"{k}", [m.product.id for m in markets], along, against, up, r.choice([4, 10]), before
            )
            constraints += ramp.constraints()
    return Linked(first.zones, tuple(markets), tuple(constraints))


def naive_linked_welfare(linked: Linked) -> float:
    """Greatest welfare in numeraire without duty: one linear program, a column per order and per lane."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
    solver.silent()
    solver.setOptionValue("threads", 1)  # all solvers of a process must agree on it
    rows = {(m.product.id, z.id): k * len(linked.zones) + n for k, m in enumerate(linked.markets)
            for n, z in enumerate(linked.zones)}  # fmt: skip
    for _ in rows:
        solver.addRow(0.0, 0.0, 0, np.array([], np.int32), np.array([]))
    for c in linked.constraints:
        solver.addRow(-np.inf, float(c.room), 0, np.array([], np.int32), np.array([]))
    fx = {z.id: float(z.fx) for z in linked.zones}
    unit = 0.0
    for market in linked.markets:
        product = market.product
        unit = float(product.tick * product.lot)
        for order in market.orders:
            column = [rows[product.id, order.zone]], [float(order.side.sign)]
            _add(solver, order.side.sign * order.price * fx[order.zone], order.quantity, *column)
        for lane in market.lanes:
            at = [rows[product.id, lane.source], rows[product.id, lane.target]]
            value = [-1.0, 1 - lane.loss_ppm / 1e6]
            for k, c in enumerate(linked.constraints, start=len(rows)):
                if share := c.share.get((product.id, lane.id)):
                    at.append(k)
                    value.append(float(share))
            _add(solver, float(Decimal(lane.tariff) / product.tick), lane.capacity, at, value)
    solver.run()
    return -float(solver.getInfo().objective_function_value) * unit


def _add(solver: highspy.Highs, cost: float, most: int, rows: Sequence[int], values: Sequence[float]) -> None:
    solver.addCol(cost, 0.0, float(most), len(rows), np.array(rows, np.int32), np.array(values))
