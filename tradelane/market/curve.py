"""Orders of one product in one zone as quantity per tick: all that the coupling needs of them.

Always true: curves are additive. ``a + b`` is the curve of both partitions' orders together, to the bit, so
partitions on many machines merge in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.units import MILLI

DENSE = 8
"""Ticks of price range per order up to which a dense grid beats sorting the prices."""
BLOCK = 1 << 16
"""Orders looked at together: few enough for a processor's cache."""
EXACT_TOTAL = 1 << 53
"""Coupling and prices pass through float64: totals from here on would not be exact and are refused."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Lots of one zone at one price: supply and demand strictly inside their limit, and exactly at it."""

    supply_in: int
    supply_at: int
    demand_in: int
    demand_at: int

    @property
    def net_low(self) -> int:
        """Least net export with everything in the money filled."""
        return self.supply_in - self.demand_in - self.demand_at

    @property
    def net_high(self) -> int:
        """Greatest net export with everything in the money filled."""
        return self.supply_in + self.supply_at - self.demand_in


@dataclass(frozen=True)
class Curve:
    """``supply`` and ``demand`` in lots at each tick of ``tick`` (strictly increasing, no empty ticks)."""

    tick: IntArray
    supply: IntArray
    demand: IntArray

    @classmethod
    def of(cls, batch: OrderBatch) -> Curve:
        sides = [side.price for side in (batch.sells, batch.buys) if len(side)]
        if not sides:
            empty = np.zeros(0, np.int64)
            return cls(empty, empty, empty)
        low = min(int(p.min()) for p in sides)
        high = max(int(p.max()) for p in sides)
        if 0 < low <= high - low:
            low = 0  # a few empty ticks cost less than to take the lowest from every price
        if high - low < DENSE * (len(batch.sells) + len(batch.buys)):
            return cls._dense(low, _histogram(batch.sells, low, high), _histogram(batch.buys, low, high))
        return cls._sorted(batch)

    @classmethod
    def _dense(cls, low: int, supply: IntArray, demand: IntArray) -> Curve:
        used = np.flatnonzero(supply + demand)
        return cls(used + low, supply[used], demand[used])

    @classmethod
    def _sorted(cls, batch: OrderBatch) -> Curve:
        tick = np.unique(np.concatenate([batch.sells.price, batch.buys.price]))
        columns = [np.zeros(len(tick), np.int64), np.zeros(len(tick), np.int64)]
        for total, side in zip(columns, (batch.sells, batch.buys), strict=True):
            _check_total(side.quantity)
            np.add.at(total, np.searchsorted(tick, side.price), side.quantity)
        return cls(tick, *columns)

    def __add__(self, other: Curve) -> Curve:
        tick = np.union1d(self.tick, other.tick)
        columns = [np.zeros(len(tick), np.int64), np.zeros(len(tick), np.int64)]
        for part in (self, other):
            at = np.searchsorted(tick, part.tick)
            columns[0][at] += part.supply
            columns[1][at] += part.demand
        return Curve(tick, *columns)

    def with_fixed(self, bottom: int, supply: int, top: int, demand: int) -> Curve:
        """With ``supply`` lots more at ``bottom`` and ``demand`` at ``top``, which enclose all ticks."""
        tick, columns = self.tick, [self.supply, self.demand]
        if not len(tick) or tick[0] > bottom:
            tick, columns = np.concatenate([[bottom], tick]), [np.concatenate([[0], c]) for c in columns]
        if tick[-1] < top:
            tick, columns = np.concatenate([tick, [top]]), [np.concatenate([c, [0]]) for c in columns]
        columns = [c.copy() for c in columns]
        columns[0][0] += supply
        columns[1][-1] += demand
        used = np.flatnonzero(columns[0] + columns[1])
        if len(used) == len(tick):
            return Curve(tick, *columns)
        return Curve(tick[used], columns[0][used], columns[1][used])

    @cached_property
    def passed(self) -> IntArray:
        """Cumulated supply + demand below each vertex, ``len(tick) + 1`` values from 0 (lots).

        Reading the curve as one convex cost: at a price of tick k, ``passed[k+1]`` units are either
        supply accepted or demand rejected. A zone's net export is that number less its total demand.
        """
        return np.concatenate([[0], np.cumsum(self.supply + self.demand)])

    @cached_property
    def total_demand(self) -> int:
        return int(self.demand.sum())

    @cached_property
    def cost(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Cost at each vertex of ``passed`` (tick·lots), as float64: guides the solver, proves nothing."""
        paid = (self.supply + self.demand).astype(np.float64) * self.tick
        return np.concatenate([[0.0], np.cumsum(paid)])

    def span(self, price: Fraction) -> tuple[int, int]:
        """Units passed strictly below ``price`` (ticks) and up to and including it."""
        floor = price.numerator // price.denominator
        above = int(self.passed[np.searchsorted(self.tick, floor, side="right")])
        if price.denominator != 1:
            return above, above
        return int(self.passed[np.searchsorted(self.tick, floor, side="left")]), above

    def margins(self, price: int) -> Margins:
        """What is in and at the money at ``price`` milliticks."""
        floor, fraction = divmod(price, MILLI)
        above = int(np.searchsorted(self.tick, floor, side="right"))
        below = above if fraction else int(np.searchsorted(self.tick, floor, side="left"))
        return Margins(
            int(self.supply[:below].sum()),
            int(self.supply[below:above].sum()),
            int(self.demand[above:].sum()),
            int(self.demand[below:above].sum()),
        )

    def price_range(self, passed: float, slack: float) -> tuple[int | None, int | None]:
        """Lowest and highest tick at which ``passed`` units are optimal; None where nothing bounds it.

        ``passed`` within ``slack`` of a vertex counts as on it: there the price may lie anywhere between
        the ticks on both sides, whereas inside a step it is that step's tick.
        """
        left = int(np.searchsorted(self.passed, passed - slack, side="left"))
        right = int(np.searchsorted(self.passed, passed + slack, side="right")) - 1
        if left <= right:
            low = int(self.tick[left - 1]) if left > 0 else None
            high = int(self.tick[right]) if right < len(self.tick) else None
            return low, high
        step = int(self.tick[right])
        return step, step


def _check_total(quantity: IntArray) -> None:
    if np.iinfo(quantity.dtype).max * len(quantity) < EXACT_TOTAL:
        return  # narrow columns cannot reach it
    most = int(quantity.max(initial=0))
    if most * len(quantity) >= EXACT_TOTAL and float(quantity.sum(dtype=np.float64)) >= EXACT_TOTAL:
        raise ValueError("total quantity of one side reaches 2**53 lots; use a larger lot")


def _histogram(side: Columns, low: int, high: int) -> IntArray:
    """Lots per tick, a block of orders at a time: fresh pages for whole columns cost more than the sums."""
    _check_total(side.quantity)
    total = np.zeros(high - low + 1, np.int64)
    for k in range(0, len(side), BLOCK):
        at = side.price[k : k + BLOCK].astype(np.intp)
        if low:
            at -= low
        np.add.at(total, at, side.quantity[k : k + BLOCK].astype(np.int64, copy=False))
    return total
