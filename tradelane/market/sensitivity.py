"""What one lot more or less is worth at an optimum: prices of limits that lanes share, and ranges of prices.

By duality the least and the greatest optimal price of a constraint are what the optimum gains and loses with
one lot more and one lot less of it. Small moves away from the optimum are again a program of the same form:
each zone may pass more units at its next price or fewer at its last, each lane move where it has room.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.network import Network
from tradelane.market.program import Borders, FloatArray, NotSolved, Program, Solver

FARTHEST = 1e4
"""Lots that one lot of a limit may move: more than any chain of losses and shares asks for."""
GRID = 1_000_000
"""Prices of limits are whole multiples of 1/GRID numeraire ticks, so that no solver's last bit shows."""


def surcharges(network: Network, shadow: Sequence[Fraction]) -> list[Fraction]:
    """What a lot sent over each lane pays for the rows it uses, numeraire ticks."""
    paid = [Fraction(0)] * len(network.links)
    for row, price in zip(network.rows, shadow, strict=True):
        for k, share in row.share.items() if price else ():
            paid[k] += share * price
    return paid


class Sensitivity:
    """Small moves around the optimal ``flow``. ``bottom`` and ``top`` are each zone's price of its last unit
    and its next one (numeraire ticks), ``sends`` and ``spare`` tell which lanes can send less, and more.
    """

    def __init__(
        self, borders: Borders, flow: FloatArray, bottom: Sequence[Fraction], top: Sequence[Fraction],
        sends: Sequence[bool], spare: Sequence[bool], solver: Solver,
    ) -> None:  # fmt: skip
        self.borders, self.solver = borders, solver
        self.bottom, self.top = np.array([float(p) for p in bottom]), np.array([float(p) for p in top])
        left = borders.room - np.array([(row * flow).sum() for row in borders.use])
        scale = np.array([(np.abs(row) * borders.capacity).sum() for row in borders.use])
        self.binding: IntArray = np.flatnonzero(left <= 1e-6 + 1e-12 * scale)
        self.free: list[int] = self.binding.tolist()
        self.least = np.where(sends, -FARTHEST, 0.0)
        self.most = np.where(spare, FARTHEST, 0.0)
        self.cost = borders.cost.copy()

    def shadows(self) -> list[Fraction]:
        """The price of each limit: the middle of what is optimal, one after the other in their order; the
        least where nothing bounds it above. A limit that does not bind has none.
        """
        found = [0.0] * len(self.borders.room)
        for row in self.binding.tolist():
            low = high = self._price(row=row, more=1.0)
            with suppress(NotSolved):
                high = max(low, self._price(row=row, more=-1.0))
            found[row] = (low + high) / 2
            self.free.remove(row)
            self.cost = self.cost + self.borders.use[row] * found[row]
        self.free, self.cost = self.binding.tolist(), self.borders.cost.copy()
        return [_on_grid(price) for price in found]

    def widened(
        self, low: Sequence[Fraction], high: Sequence[Fraction]
    ) -> tuple[list[Fraction], list[Fraction]]:
        """Bounds of the optimal prices whatever the limits' prices are, at least as wide as low to high."""
        lowest, highest = list(low), list(high)
        for z in range(len(low)) if len(self.binding) else ():
            if self.bottom[z] == self.top[z]:
                continue
            with suppress(NotSolved):
                lowest[z] = min(low[z], _on_grid(self._price(zone=z, more=-1.0)))
                highest[z] = max(high[z], _on_grid(self._price(zone=z, more=1.0)))
        return lowest, highest

    def _price(self, *, row: int | None = None, zone: int | None = None, more: float) -> float:
        """The price of a limit, or of a zone, with ``more`` lots of its room or demand. NotSolved where no
        moves make up for them.
        """
        zones = len(self.bottom)
        balance, room = np.zeros(zones), np.zeros(len(self.free))
        if zone is not None:
            balance[zone] = more
        if row is not None:
            room[self.free.index(row)] = more
        none, far = np.zeros(zones), np.full(zones, FARTHEST)
        found = self.solver(
            Program(
                cost=np.concatenate([self.top, self.bottom, self.cost]),
                lower=np.concatenate([none, -far, self.least]),
                upper=np.concatenate([far, none, self.most]),
                balance=balance,
                zone=np.concatenate([np.arange(zones), np.arange(zones)]),
                borders=replace(self.borders, use=self.borders.use[self.free], room=room),
            )
        )
        price = float(found.dual[zones + self.free.index(row) if row is not None else zone])
        by_price = more * (price if row is None else -price)
        if abs(found.objective - by_price) > 1e-2 * max(1.0, abs(price)):
            raise NotSolved("only moves too far to be meant make up for one lot")
        return price


def _on_grid(price: float) -> Fraction:
    return Fraction(round(price * GRID), GRID)
