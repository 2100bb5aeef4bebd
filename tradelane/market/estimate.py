"""What a choice of blocks costs and which prices come of it, one market at a time: fast, in floats.

A linear program over the vertices near the last prices stays in the solver. From choice to choice only its
balance changes, and vertices are added where primal and dual do not meet on the full curves. Asking for a
hair more in every zone gives the highest optimal prices, for a hair less the lowest.

What it cannot do: decide. quote.py prices exactly what is to be published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.coupling import OFFSETS, dual_bound
from tradelane.market.kept import Kept
from tradelane.market.program import FloatArray, MixedProgram, NotSolved
from tradelane.market.stage import Entries, Stage

HAIR = 2.0**-10
"""Lots asked for in addition, or left out."""
WIDE = np.arange(-24, 25)
"""Vertices offered around the prices of the stage."""
AROUND = np.arange(-3, 4)
"""Vertices offered around prices at which some were missing."""
RELATIVE_GAP = 1e-11
ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Estimate:
    """``cost`` of the orders and lanes in numeraire, lowest and highest prices in numeraire ticks by zone."""

    cost: float
    low: FloatArray
    high: FloatArray


class Estimator:
    """Estimates for one market; ``solved`` counts them. ``stage.price`` says around which
    prices, ``gap`` how far primal and dual may be apart, of the cost.
    """

    def __init__(self, stage: Stage, gap: float = RELATIVE_GAP) -> None:
        self.stage, self.gap, self.solved = stage, gap, 0
        self.demand = np.array([c.total_demand for c in stage.curves], np.float64)
        fx, product = stage.fx, stage.market.product
        self.floor, self.ceiling = fx * product.min_price, fx * product.max_price
        self.known: dict[bytes, Estimate | None] = {}
        self.chosen = [np.array([0, len(c.tick)]) for c in stage.curves]
        self._open(stage.price, stage.shadow, np.concatenate([WIDE, OFFSETS]))

    def at(self, injected: FloatArray) -> Estimate | None:
        """With ``injected`` lots from blocks in each zone; None where the orders cannot balance them."""
        key = injected.tobytes()
        if key not in self.known:
            self.solved += 1
            try:
                self.known[key] = self._estimate(self.demand - injected)
            except NotSolved:
                self.known[key] = None
        return self.known[key]

    def _estimate(self, balance: FloatArray) -> Estimate:
        cost, high = self._solve(balance + HAIR)
        _, low = self._solve(balance - HAIR)
        return Estimate((cost - HAIR * float(high.sum())) * self.stage.unit, np.minimum(low, high), high)

    def _solve(self, balance: FloatArray) -> tuple[float, FloatArray]:
        """Cost in ticks and lots, and prices, on the full curves."""
        room, zones = self.stage.borders.room, len(balance)
        for _ in range(ROUNDS):
            objective, dual = self.program.solve(np.concatenate([balance, room]))
            price, shadow = self.base + dual[:zones], np.maximum(0.0, self.shadow - dual[zones:])
            cost = objective + float(self.base @ balance) - float(self.shadow @ room)
            if cost - self._bound(price, shadow, balance) <= self.gap * abs(cost):
                return cost, price
            self._open(price, shadow, AROUND)
        raise NotSolved(f"primal and dual did not meet in {ROUNDS} rounds")

    def _bound(self, price: FloatArray, shadow: FloatArray, balance: FloatArray) -> float:
        """Least cost of any quantities at ``price``, with the hairs beyond all orders."""
        stage = self.stage
        bound = dual_bound(stage.curves, stage.fx, stage.borders, price, shadow)
        beyond = np.maximum(0.0, price - self.ceiling) + np.maximum(0.0, self.floor - price)
        return bound + float(price @ (balance - self.demand)) - 2 * HAIR * float(beyond.sum())

    def _open(self, price: FloatArray, shadow: FloatArray, offsets: IntArray) -> None:
        """Take up the vertices around ``price`` and count costs from there."""
        for z, (curve, p) in enumerate(zip(self.stage.curves, price / self.stage.fx, strict=True)):
            count, at = len(curve.tick), int(curve.tick.searchsorted(p))
            spread = np.linspace(0, count, min(count + 1, 9)).astype(np.int64)
            wanted = np.concatenate([self.chosen[z], spread, at + offsets])
            self.chosen[z] = np.unique(np.clip(wanted, 0, count))
        self.base, self.shadow = price, shadow
        self.program = Kept(self._program())

    def _program(self) -> MixedProgram:
        """Steps and lanes, then for every zone a hair to be had at the highest and to be left at the lowest
        price.
        """
        zones = len(self.demand)
        stage = Stage(self.stage.market, self.stage.borders, self.base, self.shadow, self.chosen)
        matrix = Entries()
        cost, upper = stage.columns(matrix)
        for sign, limit in ((1.0, self.ceiling), (-1.0, self.floor)):
            matrix.add(np.arange(zones), len(cost) + np.arange(zones), sign)
            cost = np.concatenate([cost, sign * (limit - self.base)])
            upper = np.concatenate([upper, np.full(zones, 2 * HAIR)])
        start, row, value = matrix.by_column(len(cost))
        whole = np.zeros(len(cost), bool)
        lower, balance = np.zeros(len(cost)), stage.balance
        return MixedProgram(cost, lower, upper, balance, balance, start, row, value, whole, 0.0)
