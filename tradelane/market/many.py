"""Many blocks: relax, round, go from choice to better choice (descent.py), and price the last one exactly.

In a market of many steps and blocks nearly all blocks are decided by the relaxed prices alone; what is left
are those near the money. Where the program is small, the choice of the mixed program is a second start. A
choice in which a block loses at the exact prices goes back to be repaired without that block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tradelane.market import highs
from tradelane.market.acceptance import Book, Broken
from tradelane.market.block_table import Table
from tradelane.market.curve import Curve
from tradelane.market.descent import Choice, Descent
from tradelane.market.estimate import Estimator
from tradelane.market.leaning import MIDDLE
from tradelane.market.mixed import NOTHING, Limits, accepted, build
from tradelane.market.partial import in_part
from tradelane.market.pricing import priced
from tradelane.market.program import FloatArray, NotSolved, Solver
from tradelane.market.quote import Quote, Quoter
from tradelane.market.relaxation import demand_value, relax, turnover
from tradelane.market.selection import Selection
from tradelane.market.stage import Market, Stage

ROUNDS = 40
PATIENCE = 42_000
"""Estimates of one zone's prices that a descent may make: about ten seconds."""
SMALL = 20_000
"""Columns up to which the mixed program is worth its time."""
NODES = 100
"""Branches of its search."""
NEARLY = 1e-2
"""Of the cost, how exactly prices without blocks are sought: they only say where to begin."""
GOOD_ENOUGH = 1e-6
"""Of the turnover, how far from the best a choice may be without a second start."""


def select(
    markets: Sequence[Market], book: Book, solver: Solver, forbidden: frozenset[str] = frozenset()
) -> Selection:
    """Choose among the blocks of ``book`` but those ``forbidden``; none where no choice is found.

    NotSolved or lattice.Inconsistent when not even the market without blocks is solved.
    """
    return _Search(markets, book, solver, forbidden).run()


class _Search:
    def __init__(
        self, markets: Sequence[Market], book: Book, solver: Solver, forbidden: frozenset[str]
    ) -> None:
        self.book, self.forbidden = book, forbidden
        self.stages: list[Stage] = []
        for market in markets:
            self.stages.append(_opened(market, solver, self.stages[-1].price if self.stages else None))
        self.table = Table(book, self.stages)
        self.relaxed = relax(self.stages, self.table, Limits(forbidden))
        self.quoter = Quoter(markets, book, solver, [stage.price for stage in self.stages])

    def run(self) -> Selection:
        estimators = [Estimator(stage) for stage in self.stages]
        descent = Descent(self.table, estimators, self.forbidden, PATIENCE)
        choice = descent.run(np.floor(self.relaxed.share + NOTHING))
        mixed = self._mixed(choice.cost - self.relaxed.bound)
        if mixed is not None:
            choice = min(choice, descent.run(mixed), key=lambda c: c.cost)
        choice = in_part(choice, self.stages, descent)
        notes: tuple[str, ...] = ()
        rounds = 0
        while (rounds := rounds + 1) <= ROUNDS:
            quote = self.quoter.quote(self.table.shares(choice.share))
            if not quote.faults:
                break
            choice = descent.run(self._corrected(choice, quote, descent))
        else:
            quote = self.quoter.quote({})
            notes = (f"no choice of blocks was found in {ROUNDS} rounds: all are rejected",)
        welfare = demand_value(self.stages) - self.relaxed.bound
        return Selection(quote.accepted, quote.shares, self.quoter.near(), welfare, notes, rounds)

    def _mixed(self, gap: float) -> FloatArray | None:
        """The mixed program's choice, where it is small and the one found may be further off than matters."""
        near = GOOD_ENOUGH * turnover(self.stages)
        if gap <= near:
            return None
        program, at = build(self.stages, self.table, Limits(self.forbidden))
        if len(program.cost) > SMALL:
            return None
        try:
            chosen = highs.choose(program, max(near, gap / 10) / at.money, NODES)
        except NotSolved:
            return None
        return self.table.array(accepted(chosen, at, self.book))

    def _corrected(self, choice: Choice, quote: Quote, descent: Descent) -> FloatArray:
        """The choice without the blocks that lose at the exact prices, never to come again; those that may
        not be taken in part are tried as wholes.
        """
        share = choice.share
        for fault in quote.faults:
            k = self.table.place[fault.block]
            if fault.broken is Broken.IN_PART:
                share = share.copy()
                share[k] = 1.0
            else:
                descent.allowed[k] = False
                share = self.table.without(share, k)
        return share


def _opened(market: Market, solver: Solver, near: FloatArray | None) -> Stage:
    """A market at the prices it has without blocks, sought around those ``near``; its lanes' duties are
    those at these prices.
    """
    network, curves = market.network, market.curves
    if any(link.markup != 1 for link in network.links):
        middle = priced(market.product, network, curves, solver, None).at(MIDDLE)
        price = np.array([float(y) for y in middle])
    else:
        if near is None or len(near) != len(curves):
            near = np.array([_crossing(c) * float(e) for c, e in zip(curves, network.fx, strict=True)])
        found = Estimator(Stage.of(market, near), NEARLY).at(np.zeros(len(curves)))
        if found is None:
            raise NotSolved("the market without blocks has no optimum")
        price = (found.low + found.high) / 2
    stage = Stage.of(market, price)
    stage.open()
    return stage


def _crossing(curve: Curve) -> float:
    """Where supply meets demand of the zone alone, ticks."""
    if not len(curve.tick):
        return 0.0
    at = int(np.searchsorted(curve.passed, curve.total_demand)) - 1
    return float(curve.tick[min(max(at, 0), len(curve.tick) - 1)])
