"""Few blocks: the best choice of all, by the mixed program.

    relax → choose → price exactly → learn → choose …

A choice with a block at a loss must not come again: exactly this choice is forbidden, so that the first one
without a loss is the best there is. Only where that would take too long, its losing blocks are forbidden for
good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tradelane.market import highs
from tradelane.market.acceptance import Book, Broken
from tradelane.market.block_table import Table
from tradelane.market.mixed import Layout, Limits, accepted, build
from tradelane.market.program import Chosen, NotSolved, Solver
from tradelane.market.quote import Quote, Quoter
from tradelane.market.relaxation import demand_value, relax, turnover, ungrouped_bound
from tradelane.market.selection import Selection
from tradelane.market.stage import Market, Stage

MOST = 12
"""Blocks up to which every choice can be held against the rules."""
ROUNDS = 80
EXACT_ROUNDS = 64
NEAR = 1e-12
"""Of the turnover, how far from the best a choice may be."""


@dataclass(slots=True)
class Lessons:
    """What earlier rounds have taught."""

    forbidden: set[str]
    whole: set[str] = field(default_factory=set)
    seen: list[frozenset[str]] = field(default_factory=list)

    def limits(self) -> Limits:
        return Limits(self.forbidden, self.whole, self.seen)

    def learn(self, quote: Quote) -> None:
        in_part = {f.block for f in quote.faults if f.broken is Broken.IN_PART} - self.whole
        self.whole |= in_part
        if in_part:
            return
        if len(self.seen) < EXACT_ROUNDS:
            self.seen.append(frozenset(quote.accepted))
        else:
            self.forbidden |= {fault.block for fault in quote.faults}


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
        self.book, self.quoter = book, Quoter(markets, book, solver)
        self.lessons = Lessons(set(forbidden))
        self.notes: dict[str, None] = {}
        self.none = self.quoter.quote({})
        self.stages = [Stage.of(m, y) for m, y in zip(markets, self.none.prices, strict=True)]
        for stage in self.stages:
            stage.open()
        self.table = Table(book, self.stages)

    def run(self) -> Selection:
        best, rounds = self.none, 0
        bound = relax(self.stages, self.table, self.lessons.limits()).bound
        for rounds in range(1, ROUNDS + 1):
            try:
                chosen, at = self._choose()
            except NotSolved:
                break
            least = ungrouped_bound(self.stages, self.table) + at.money * chosen.bound
            if rounds > 1 and least >= best.cost - self._near():
                break
            quote = self.quoter.quote(accepted(chosen, at, self.book))
            if quote.faults:
                self.lessons.learn(quote)
            elif quote.cost < best.cost:
                best = quote
            grown = [s.add(y) for s, y in zip(self.stages, quote.prices, strict=False)]
            if not quote.faults and not any(grown):
                break
        else:
            self.notes[f"the choice of blocks was stopped after {ROUNDS} rounds"] = None
        welfare = demand_value(self.stages) - bound
        return Selection(best.accepted, best.shares, self.quoter.near(), welfare, tuple(self.notes), rounds)

    def _choose(self) -> tuple[Chosen, Layout]:
        program, at = build(self.stages, self.table, self.lessons.limits())
        chosen = highs.choose(program, self._near() / at.money)
        if not chosen.complete:
            self.notes["the search for the best blocks was cut short"] = None
        return chosen, at

    def _near(self) -> float:
        return NEAR * turnover(self.stages)
