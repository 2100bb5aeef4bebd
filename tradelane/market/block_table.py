"""Blocks as arrays, for a search that values thousands of choices: floats guide it, acceptance.py decides.

A choice is an array of shares, one a block in the book's order; prices stand for all products in one array,
stage by stage in the order of their networks' zones, in numeraire ticks. Gains are in numeraire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tradelane.market.acceptance import Book
from tradelane.market.batch import IntArray
from tradelane.market.block import ancestors
from tradelane.market.program import FloatArray
from tradelane.market.stage import Stage
from tradelane.market.units import MILLI, NANO

DUST = 0.5 / MILLI
"""Ticks that rounding moves a published price by."""


class Table:
    """``block``, ``at`` (place of the price), ``lots`` (sells above zero), ``limit`` (numeraire ticks) and
    ``unit`` (numeraire per tick and lot) have an entry for each block and product of its profile.
    """

    def __init__(self, book: Book, stages: Sequence[Stage]) -> None:
        self.book, self.count = book, len(book.blocks)
        places = [place for stage in stages for place in stage.market.places()]
        where = {place: k for k, place in enumerate(places)}
        self.first = np.cumsum([0, *(len(stage.curves) for stage in stages)]).tolist()
        rows = [
            (
                k, where[p, b.zone], b.side.sign * lots, float(book.fx[b.zone]) * book.limit[b.id][p] / MILLI,
                float(MILLI * book.unit[p]),
            )
            for k, b in enumerate(book.blocks)
            for p, lots in b.profile.items()
        ]  # fmt: skip
        block, at, *rest = zip(*rows, strict=True)
        self.block, self.at = np.array(block), np.array(at)
        self.stage = np.searchsorted(self.first, self.at, side="right") - 1
        self.lots, self.limit, self.unit = (np.array(column, np.float64) for column in rest)
        self.size = self._by_block(np.abs(self.lots * self.unit))
        self.least = np.array([b.min_acceptance / NANO for b in book.blocks])
        self.place = place = {b.id: k for k, b in enumerate(book.blocks)}
        self.parent = np.array([-1 if b.linked_to is None else place[b.linked_to] for b in book.blocks])
        above = {b.id: b.linked_to for b in book.blocks}
        deep = sorted(range(self.count), key=lambda k: -len(ancestors(book.blocks[k].id, above)))
        self.children_first = [(k, int(self.parent[k])) for k in deep if self.parent[k] >= 0]
        self.groups = [np.array([place[b.id] for b in members]) for members in book.groups.values()]
        self.group = np.full(self.count, -1)
        for n, members in enumerate(self.groups):
            self.group[members] = n

    def accepted_lots(self, share: FloatArray) -> FloatArray:
        """Whole lots of each entry, as Block.lots() rounds them."""
        lots = self.lots * share[self.block]
        rounded: FloatArray = np.copysign(np.floor(np.abs(lots) + 0.5), lots)
        return rounded

    def injected(self, share: FloatArray) -> FloatArray:
        """Lots that accepted blocks sell less what they buy, at every place."""
        return _sums(self.at, self.accepted_lots(share), self.first[-1])

    def worth(self, share: FloatArray) -> float:
        """What sellers among the blocks ask less what buyers would pay, numeraire."""
        return float((self.accepted_lots(share) * self.limit * self.unit).sum())

    def gains(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """What each block would gain, taken whole, at the prices between that suit it best."""
        price = np.where(self.lots > 0, high[self.at], low[self.at])
        return self._by_block(self.lots * (price - self.limit) * self.unit)

    def families(self, share: FloatArray, gain: FloatArray) -> FloatArray:
        """What each accepted block gains with everything accepted below it."""
        total = share * gain
        for child, parent in self.children_first:
            total[parent] += total[child]
        return total

    def losers(self, share: FloatArray, low: FloatArray, high: FloatArray) -> tuple[IntArray, FloatArray]:
        """Accepted blocks that lose at all prices between, and what families gain. A block in part that must
        gain counts as one.
        """
        family = self.families(share, self.gains(low, high))
        dust = DUST * self.families(share, self.size)
        bad = (share > 0) & (family < -dust)
        in_part = (share > 0) & (share < 1) & (self.parent < 0) & (self.group < 0)
        if in_part.any():
            bad |= in_part & (self.families(share, self.gains(high, low)) > dust)
        return np.flatnonzero(bad), family

    def most(self, gain: FloatArray) -> float:
        """The most that any choice could gain, of whole gains (acceptance.Book.slack)."""
        best = np.maximum(gain, 0.0)
        if self.children_first:
            best = gain.copy()
            for child, parent in self.children_first:
                best[parent] += max(0.0, best[child])
            best = np.maximum(best, 0.0)
        root = self.parent < 0
        total = float(best[root & (self.group < 0)].sum())
        return total + sum(float((best[m] * root[m]).max()) for m in self.groups)

    def without(self, share: FloatArray, block: int) -> FloatArray:
        """The choice with ``block`` and everything below it rejected."""
        left = share.copy()
        left[block] = 0.0
        for child, parent in reversed(self.children_first):
            if not left[parent]:
                left[child] = 0.0
        return left

    def may_come(self, share: FloatArray) -> IntArray:
        """Rejected blocks that neither their parent nor their group stops."""
        free = (share == 0) & ((self.parent < 0) | (share[self.parent] == 1.0))
        for members in self.groups:
            if share[members].any():
                free[members] = False
        return np.flatnonzero(free)

    def shares(self, share: FloatArray) -> dict[str, int]:
        """By block id, in nano-shares."""
        return {
            self.book.blocks[k].id: NANO if share[k] == 1.0 else round(share[k] * NANO)
            for k in np.flatnonzero(share).tolist()
        }

    def array(self, accepted: Mapping[str, int]) -> FloatArray:
        return np.array([accepted.get(b.id, 0) / NANO for b in self.book.blocks])

    def _by_block(self, entry: FloatArray) -> FloatArray:
        return _sums(self.block, entry, self.count)


def _sums(place: IntArray, value: FloatArray, places: int) -> FloatArray:
    return np.bincount(place, value, places).astype(np.float64)
