"""Optimal quantities → all optimal prices, between the lowest and the highest.

Where lanes share limits (network.Row), a limit that binds has a price of its own. Those are settled first
(sensitivity.py); given them the market is one without limits, whose lanes cost that much more (lattice.py).

Always true: any optimal quantities give the whole face, whichever of them a solver found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tradelane.market import lattice
from tradelane.market.coupling import Optimum
from tradelane.market.curve import Curve
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.program import Borders, NotSolved, Solver
from tradelane.market.sensitivity import Sensitivity, surcharges


@dataclass(frozen=True, slots=True)
class Face:
    """Given each row's price (``shadow``), prices are optimal from ``low`` to ``high``, and
    all in proportion between the two is optimal. ``lowest`` and ``highest`` bound the optimal prices whatever
    the rows' prices are. Numeraire ticks.
    """

    low: Sequence[Fraction]
    high: Sequence[Fraction]
    shadow: Sequence[Fraction]
    lowest: Sequence[Fraction]
    highest: Sequence[Fraction]

    def at(self, share: Fraction) -> list[Fraction]:
        return [a + share * (b - a) for a, b in zip(self.low, self.high, strict=True)]


def of(
    product: Product, network: Network, borders: Borders, curves: Sequence[Curve], optimum: Optimum,
    solver: Solver, frozen: Face | None = None,
) -> Face:  # fmt: skip
    """All optimal prices, between the product's price limits where no order bounds them.

    In a zone with a dearer neighbour the limits themselves may not be optimal: they are widened until the
    face is not empty. ``frozen`` is what was found with the duties of ``network`` frozen: the shared limits'
    prices are those.
    """
    capacity = [link.capacity for link in network.links]
    near = [1e-6 + 1e-12 * c for c in capacity]
    sends = [f > n for f, n in zip(optimum.flow, near, strict=True)]
    spare = [f < c - n for f, c, n in zip(optimum.flow, capacity, near, strict=True)]
    ranges = [
        curve.price_range(float(x), 1e-5 + 1e-12 * float(curve.passed[-1]))
        for curve, x in zip(curves, optimum.passed, strict=True)
    ]
    for bottom, top in _widening(product, network, ranges):
        around = Sensitivity(borders, optimum.flow, bottom, top, sends, spare, solver)
        try:
            shadow = around.shadows() if frozen is None else frozen.shadow
            rules = lattice.bounds(network.paying(surcharges(network, shadow)).links, sends, spare)
            low, high = lattice.lowest(bottom, rules), lattice.highest(top, rules)
        except (lattice.Inconsistent, NotSolved):
            continue
        if any(a > b + lattice.TOLERANCE for a, b in zip(low, high, strict=True)):
            continue
        least, most = [*map(min, low, high)], [*map(max, low, high)]
        if frozen is None:
            return Face(least, most, shadow, *around.widened(least, most))
        wide = [*map(min, least, frozen.lowest)], [*map(max, most, frozen.highest)]
        return Face(least, most, shadow, *wide)
    raise lattice.Inconsistent("no price fits the quantities found")


def _widening(
    product: Product, network: Network, ranges: Sequence[tuple[int | None, int | None]]
) -> Iterator[tuple[list[Fraction], list[Fraction]]]:
    """Each zone's lowest and highest price by its own orders, or by limits that grow from try to try."""
    limits = product.min_price, product.max_price
    widest = max((abs(e * p) for e in network.fx for p in limits), default=Fraction(1))
    for attempt in range(8):
        extra = widest * 2**attempt if attempt else Fraction(0)
        yield (
            [
                e * low if low is not None else e * limits[0] - extra
                for e, (low, _) in zip(network.fx, ranges, strict=True)
            ],
            [
                e * high if high is not None else e * limits[1] + extra
                for e, (_, high) in zip(network.fx, ranges, strict=True)
            ],
        )
