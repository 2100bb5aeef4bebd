"""Optimal quantities → all optimal prices of a market, lowest and highest, in numeraire ticks.

Always true: what comes out does not depend on which of several optima a solver found: any optimal quantities
give the whole face of optimal prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from tradelane.market import lattice
from tradelane.market.coupling import Optimum, couple
from tradelane.market.curve import Curve
from tradelane.market.network import Network
from tradelane.market.product import Product
from tradelane.market.program import Borders, FloatArray, NotSolved, Solver
from tradelane.market.units import MILLI, rounded

DUTY_ROUNDS = 40
DUTY_PATIENCE = 5
"""Rounds after which a fixed point is no longer waited for: most markets have theirs after two."""
DUTY_STEADY = Fraction(1, 10**7)
"""Numeraire ticks by which frozen duties may still move when the fixed point is taken as reached."""
FINEST = 10**12
"""Greatest denominator of a frozen duty, so that exact numbers stay short from round to round."""


def borders(network: Network, duty: FloatArray | None = None) -> Borders:
    links = network.links
    cost = np.array([float(link.tariff) for link in links])
    return Borders(
        np.array([link.source for link in links], np.int64),
        np.array([link.target for link in links], np.int64),
        np.array([link.capacity for link in links], np.float64),
        np.array([float(link.gamma) for link in links]),
        cost if duty is None else cost + duty,
    )


def prices(
    product: Product, network: Network, curves: Sequence[Curve], solver: Solver,
    start: Mapping[str, Fraction] | None,
) -> tuple[list[Fraction], list[Fraction]]:  # fmt: skip
    """Lowest and highest optimal prices in numeraire ticks."""
    fx = np.array([float(e) for e in network.fx])
    guess = None
    if start is not None:
        guess = np.array([float(start.get(z.id, 0)) for z in network.zones]) * fx
    if any(link.markup != 1 for link in network.links):
        return _dutied(product, network, curves, solver, guess)
    return _price_face(product, network, curves, _solve_parts(curves, fx, borders(network), solver, guess))


def _dutied(
    product: Product, network: Network, curves: Sequence[Curve], solver: Solver, guess: FloatArray | None
) -> tuple[list[Fraction], list[Fraction]]:
    """The same where duty depends on the source's price: it is frozen, the market solved, and repeated.

    The middle prices of each round, which no solver's choice can move, give the next round's duties. Where
    these go round and round, the first quantities that have prices under the true duties are taken: such
    prices are all that the certificate asks for.
    """
    fx = np.array([float(e) for e in network.fx])
    duty = [Fraction(0)] * len(network.links)
    for attempt in range(DUTY_ROUNDS):
        frozen = _frozen(network, duty)
        optimum = _solve_parts(curves, fx, borders(frozen), solver, guess)
        low, high = _price_face(product, frozen, curves, optimum)
        price = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        wanted = [(link.markup - 1) * price[link.source] for link in network.links]
        steady = all(abs(a - b) <= DUTY_STEADY for a, b in zip(wanted, duty, strict=True))
        if steady or attempt >= DUTY_PATIENCE:
            with suppress(lattice.Inconsistent):
                return _price_face(product, network, curves, optimum)
        guess = np.array([float(p) for p in price])
        duty = [d.limit_denominator(FINEST) for d in wanted]
    raise NotSolved("ad-valorem duties found no fixed point")


def _frozen(network: Network, duty: Sequence[Fraction]) -> Network:
    """``duty`` in numeraire ticks per lot sent, as if it were a tariff."""
    links = zip(network.links, duty, strict=True)
    return replace(
        network, links=tuple(replace(x, tariff=x.tariff + d, markup=Fraction(1)) for x, d in links)
    )


def published(price: Sequence[Fraction], network: Network) -> list[int]:
    """Numeraire ticks → milliticks of each zone's currency."""
    return [rounded(y / fx * MILLI) for y, fx in zip(price, network.fx, strict=True)]


def _solve_parts(
    curves: Sequence[Curve], fx: FloatArray, borders: Borders, solver: Solver, guess: FloatArray | None
) -> Optimum:
    """Solve each set of connected zones by itself; a zone on its own needs no solver."""
    passed = np.array([float(c.total_demand) for c in curves])
    price = np.zeros(len(curves))
    flow = np.zeros(len(borders))
    for zones, lanes in _connected(len(curves), borders):
        place = np.full(len(curves), -1)
        place[zones] = np.arange(len(zones))
        part = Borders(
            place[borders.source[lanes]], place[borders.target[lanes]], borders.capacity[lanes],
            borders.gamma[lanes], borders.cost[lanes],
        )  # fmt: skip
        found = couple(
            [curves[z] for z in zones], fx[zones], part, solver, None if guess is None else guess[zones]
        )
        passed[zones], price[zones], flow[lanes] = found.passed, found.price, found.flow
    return Optimum(passed, flow, price)


def _connected(count: int, borders: Borders) -> list[tuple[list[int], list[int]]]:
    """Zones joined by lanes with capacity, with those lanes; zones on their own are left out."""
    root = list(range(count))

    def find(z: int) -> int:
        while root[z] != z:
            z = root[z]
        return z

    open_lanes = [k for k in range(len(borders)) if borders.capacity[k] > 0]
    for k in open_lanes:
        root[find(int(borders.source[k]))] = find(int(borders.target[k]))
    parts: dict[int, tuple[list[int], list[int]]] = {}
    for k in open_lanes:
        parts.setdefault(find(int(borders.source[k])), ([], []))[1].append(k)
    for z in range(count):
        if find(z) in parts:
            parts[find(z)][0].append(z)
    return list(parts.values())


def _price_face(
    product: Product, network: Network, curves: Sequence[Curve], optimum: Optimum
) -> tuple[list[Fraction], list[Fraction]]:
    """All optimal prices, between the product's price limits where no order bounds them.

    In a zone with a dearer neighbour the limits themselves may not be optimal: they are widened until the
    face is not empty.
    """
    capacity = [link.capacity for link in network.links]
    near = [1e-6 + 1e-12 * c for c in capacity]
    sends = [f > n for f, n in zip(optimum.flow, near, strict=True)]
    spare = [f < c - n for f, c, n in zip(optimum.flow, capacity, near, strict=True)]
    rules = lattice.bounds(network.links, sends, spare)
    ranges = [
        curve.price_range(float(x), 1e-5 + 1e-12 * float(curve.passed[-1]))
        for curve, x in zip(curves, optimum.passed, strict=True)
    ]
    widest = max(
        (abs(e * p) for e in network.fx for p in (product.min_price, product.max_price)), default=Fraction(1)
    )
    for widening in range(8):
        extra = Fraction(0) if not widening else widest * 2**widening
        bottom = [
            e * low if low is not None else e * product.min_price - extra
            for e, (low, _) in zip(network.fx, ranges, strict=True)
        ]
        top = [
            e * high if high is not None else e * product.max_price + extra
            for e, (_, high) in zip(network.fx, ranges, strict=True)
        ]
        try:
            low, high = lattice.lowest(bottom, rules), lattice.highest(top, rules)
        except lattice.Inconsistent:
            continue
        if all(a <= b + lattice.TOLERANCE for a, b in zip(low, high, strict=True)):
            pairs = list(zip(low, high, strict=True))
            return [min(p) for p in pairs], [max(p) for p in pairs]
    raise lattice.Inconsistent("no price fits the quantities found")
