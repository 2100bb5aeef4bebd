"""Which blocks are accepted: the best choice of the mixed program whose prices let no accepted block lose.

    relax → choose → price exactly → learn → choose …

The program is first solved with shares for yes and no, which bounds the welfare of every choice and shows
near which prices to look. Then a choice is made, priced as the auction will price it, and held against the
rules. A choice with a block at a loss must not come again: where blocks are few, exactly this choice, so that
the first one without a loss is the best there is; where they are many, its losing blocks are forbidden for
good.

Always true: what is returned keeps the rules at the prices of quote.py. The same blocks give the same choice,
in whatever order they are given: the solver gets them by sequence and decides ties alike every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from tradelane.market import highs
from tradelane.market.acceptance import Book, Broken
from tradelane.market.block import Block, parents_first
from tradelane.market.coupling import dual_bound
from tradelane.market.mixed import Layout, Limits, Stage, build
from tradelane.market.pricing import borders
from tradelane.market.program import Chosen, NotSolved, Solver
from tradelane.market.quote import Market, Quote, Quoter, duty
from tradelane.market.units import MILLI, NANO, rounded

ROUNDS = 80
RELAXED_ROUNDS = 12
EXACT_BLOCKS = 12
"""Up to so many blocks a losing choice forbids only itself."""
EXACT_ROUNDS = 64
GOOD_ENOUGH = 1e-5
"""Of the turnover, how far from the best a choice among many blocks may be; nothing to speak of among few."""
NOTHING = 1e-7
"""Share below which a block counts as rejected, and above 1 less which as whole."""


@dataclass(frozen=True, slots=True)
class Selection:
    """``accepted`` shares and the θ of each product's prices. ``most_welfare``, in numeraire, is a bound over
    all choices (less ad-valorem duty). ``notes`` say what was cut short; ``rounds`` how often was chosen.
    """

    accepted: Mapping[str, int]
    shares: Mapping[str, Fraction]
    most_welfare: float
    notes: tuple[str, ...]
    rounds: int


@dataclass(slots=True)
class Lessons:
    """What earlier rounds have taught; ``exact`` where a losing choice forbids only itself."""

    exact: bool
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
        if self.exact and len(self.seen) < EXACT_ROUNDS:
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
        self.lessons = Lessons(len(book.blocks) <= EXACT_BLOCKS, set(forbidden))
        self.notes: dict[str, None] = {}
        self.none = self.quoter.quote({})
        self.stages = [
            Stage(m.product, m.network, list(m.curves), borders(m.network, duty(m.network, y)), y)
            for m, y in zip(markets, self.none.prices, strict=True)
        ]
        for stage in self.stages:
            stage.open()

    def run(self) -> Selection:
        best, bound, rounds = self.none, self._relax(), 0
        for rounds in range(1, ROUNDS + 1):
            try:
                chosen, at = self._choose()
            except NotSolved:
                break
            least = self._cost_bound() + at.money * chosen.bound
            if rounds > 1 and least >= best.cost - self._gap():
                break
            quote = self.quoter.quote(self._rounded(chosen, at))
            if quote.faults:
                self.lessons.learn(quote)
            elif quote.cost < best.cost:
                best = quote
            grown = [s.add(y) for s, y in zip(self.stages, quote.prices, strict=False)]
            if not quote.faults and not (self.lessons.exact and any(grown)):
                break
        else:
            self.notes[f"the choice of blocks was stopped after {ROUNDS} rounds"] = None
        welfare = self._demand_value() - bound
        return Selection(best.accepted, best.shares, welfare, tuple(self.notes), rounds)

    def _relax(self) -> float:
        """Solve with shares for yes and no until the vertices suffice; the least cost of any choice."""
        bound = -np.inf
        for _ in range(RELAXED_ROUNDS):
            program, at = build(self.stages, self.book, self.lessons.limits(), relaxed=True)
            found = highs.choose(program, 0.0)
            for t, stage in enumerate(self.stages):
                row = found.dual[t * at.zones : (t + 1) * at.zones]
                stage.price = stage.price + row * at.money / (stage.unit * at.lots)
            bound = max(bound, self._cost_bound())
            grown = [stage.add(stage.price) for stage in self.stages]
            if not any(grown):
                break
        return bound

    def _choose(self) -> tuple[Chosen, Layout]:
        program, at = build(self.stages, self.book, self.lessons.limits())
        chosen = highs.choose(program, self._gap() / at.money)
        if not chosen.complete:
            self.notes["the search for the best blocks was cut short"] = None
        return chosen, at

    def _gap(self) -> float:
        """Numeraire by which a choice may miss the best."""
        turnover = sum(
            s.unit * abs(float(y)) * c.total_demand
            for s in self.stages
            for y, c in zip(s.price, s.curves, strict=True)
        )
        return turnover * (1e-12 if self.lessons.exact else GOOD_ENOUGH)

    def _cost_bound(self) -> float:
        """The least cost of any choice by the prices of the stages, on the full curves."""
        total = 0.0
        for stage in self.stages:
            total += stage.unit * dual_bound(stage.curves, stage.fx, stage.borders, stage.price)
        price = {
            (s.product.id, zone.id): float(s.price[z])
            for s in self.stages
            for z, zone in enumerate(s.network.zones)
        }
        for block in self.book.blocks:
            fx, limit = float(self.book.fx[block.zone]), self.book.limit[block.id]
            gain = sum(
                (MILLI * price[p, block.zone] - fx * limit[p]) * lots * self.book.unit_float[p]
                for p, lots in block.profile.items()
            )
            total -= max(0.0, block.side.sign * gain)
        return total

    def _demand_value(self) -> float:
        """What every demand would pay, numeraire: welfare is this less cost."""
        return sum(
            s.unit * float(e) * float(np.dot(c.demand.astype(float), c.tick))
            for s in self.stages
            for c, e in zip(s.curves, s.network.fx, strict=True)
        )

    def _rounded(self, chosen: Chosen, at: Layout) -> dict[str, int]:
        """Shares a little off whole or none put right, those between at the nearest whole lot they mean."""
        place = {block.id: k for k, block in enumerate(self.book.blocks)}
        found: dict[str, int] = {}
        for block in parents_first(self.book.blocks):
            k = place[block.id]
            share = float(chosen.value[at.a[k]])
            if chosen.value[at.u[k]] < 0.5 or share < NOTHING:
                continue
            most = NANO if block.linked_to is None else found.get(block.linked_to, 0)
            for other in self.book.groups.get(block.exclusive_group or "", ()):
                most = min(most, NANO - found.get(other.id, 0))
            nano = NANO if share > 1 - NOTHING else max(at.least[k], _on_a_lot(block, share))
            if min(nano, most) >= at.least[k]:
                found[block.id] = min(nano, most)
        return found


def _on_a_lot(block: Block, share: float) -> int:
    """The share nearest to ``share`` that is whole lots of the product of which it nearly is already."""
    off, near = min(
        (abs(share * lots - round(share * lots)), Fraction(round(share * lots), lots))
        for lots in block.profile.values()
    )
    return rounded((near if off < 0.01 else Fraction(share)) * NANO)
