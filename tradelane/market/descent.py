"""From one choice of blocks to better ones, a block at a time, each valued at the prices that come of it.

    repair   while accepted blocks lose, reject the one that loses most, with everything below it
    improve  accept the rejected block that would gain most and repair; where it would itself lose then, see
             whether rejecting one of its rivals (accepted on the same side, gaining least a unit) makes room

A step is kept when it costs less than every choice before it and nobody loses. The search ends where no step
helps or after a number of estimates, so that it ends at the same place everywhere.

What it cannot do: prove that no better choice exists. relaxation.py says how far one could be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.block_table import Table
from tradelane.market.estimate import Estimator
from tradelane.market.program import FloatArray

STEPS = 6
"""Blocks that may be rejected to make room for one."""
RIVALS = 4
"""Accepted blocks tried, one at a time, to make room for one that would lose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``share`` by block, ``cost`` in numeraire, prices in numeraire ticks. ``losers`` lose at every price
    between; ``family`` is what accepted blocks gain with those below them. Without prices: not balanced.
    """

    share: FloatArray
    cost: float
    low: FloatArray
    high: FloatArray
    losers: IntArray
    family: FloatArray


class Descent:
    """Choices among the blocks of ``table`` but those ``forbidden``. ``patience`` is how many estimates of
    one zone's prices may be made.
    """

    def __init__(
        self, table: Table, estimators: Sequence[Estimator], forbidden: Collection[str], patience: int
    ) -> None:
        self.table, self.estimators, self.patience = table, estimators, patience
        self.allowed = np.array([b.id not in forbidden for b in table.book.blocks], bool)
        sell = np.array([b.side.sign > 0 for b in table.book.blocks])
        self.side = np.where(sell, 1, -1)
        self.spread = np.zeros((table.count, len(estimators)), bool)
        self.spread[table.block, table.stage] = True

    @property
    def spent(self) -> int:
        return sum(e.solved * len(e.demand) for e in self.estimators)

    def at(self, share: FloatArray) -> Choice:
        injected, first = self.table.injected(share), self.table.first
        parts = [e.at(injected[first[t] : first[t + 1]]) for t, e in enumerate(self.estimators)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            nothing = np.zeros(0)
            return Choice(share, np.inf, nothing, nothing, np.flatnonzero(share), share)
        low, high = (np.concatenate([getattr(part, name) for part in found]) for name in ("low", "high"))
        cost = sum(part.cost for part in found) + self.table.worth(share)
        return Choice(share, cost, low, high, *self.table.losers(share, low, high))

    def run(self, share: FloatArray) -> Choice:
        """The best choice found from ``share`` on, in which nobody loses."""
        choice = self.repaired(self.at(share * self.allowed))
        while (better := self._better(choice)) is not None:
            choice = better
        return choice

    def repaired(
        self, choice: Choice, keep: int = -1, below: float = np.inf, steps: int | None = None
    ) -> Choice:
        """Reject losers until none is left, ``keep`` is next, the cost is not ``below`` or steps run out."""
        count = 0
        while len(choice.losers) and (below == np.inf or choice.cost < below) and count != steps:
            if not len(choice.low):
                worst = int(choice.losers[-1])
            else:
                worst = int(choice.losers[np.argmin(choice.family[choice.losers])])
            if worst == keep:
                break
            choice = self.at(self.table.without(choice.share, worst))
            count += 1
        return choice

    def _better(self, now: Choice) -> Choice | None:
        for block in self._comers(now):
            if self.spent > self.patience:
                return None
            share = now.share.copy()
            share[block] = 1.0
            tried = self.repaired(self.at(share), block, now.cost, STEPS)
            if _improves(tried, now):
                return tried
            if tried.cost < now.cost and block in tried.losers:
                for rival in self._rivals(block, tried):
                    freed = self.at(self.table.without(tried.share, rival))
                    freed = self.repaired(freed, block, now.cost, STEPS)
                    if _improves(freed, now):
                        return freed
        return None

    def _comers(self, now: Choice) -> Iterator[int]:
        """Rejected blocks that would gain at the present prices, the greatest gain first."""
        gain = self.table.gains(now.low, now.high)
        comers = self.table.may_come(now.share)
        comers = comers[(gain[comers] > 0) & self.allowed[comers]]
        yield from comers[np.argsort(-gain[comers], kind="stable")].tolist()

    def _rivals(self, block: int, now: Choice) -> Iterator[int]:
        gain = self.table.gains(now.low, now.high) / self.table.size
        near = (self.spread & self.spread[block]).any(axis=1) & (self.side == self.side[block])
        near &= (now.share > 0) & (self.table.parent != block)
        near[block] = False
        rivals = np.flatnonzero(near)
        yield from rivals[np.argsort(gain[rivals], kind="stable")][:RIVALS].tolist()


def _improves(tried: Choice, now: Choice) -> bool:
    return not len(tried.losers) and tried.cost < now.cost
