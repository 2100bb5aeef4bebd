"""Curves and lanes → all optimal prices of a market, lowest and highest, in numeraire ticks (face.py).

Always true: what comes out does not depend on which of several optima a solver found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import numpy as np

from tradelane.market import face, lattice
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
MIDDLE = Fraction(1, 2)
FINEST = 10**12
"""Greatest denominator of a frozen duty, so that exact numbers stay short from round to round."""


def borders(network: Network, duty: FloatArray | None = None) -> Borders:
    links, rows = network.links, network.rows
    cost = np.array([float(link.tariff) for link in links])
    return Borders(
        np.array([link.source for link in links], np.int64),
        np.array([link.target for link in links], np.int64),
        np.array([link.capacity for link in links], np.float64),
        np.array([float(link.gamma) for link in links]),
        cost if duty is None else cost + duty,
        np.array([[float(row.share.get(k, 0)) for k in range(len(links))] for row in rows]).reshape(
            len(rows), len(links)
        ),
        np.array([float(row.room) for row in rows]),
    )


def prices(
    product: Product, network: Network, curves: Sequence[Curve], solver: Solver,
    start: Mapping[str, Fraction] | None,
) -> tuple[list[Fraction], list[Fraction]]:  # fmt: skip
    """Lowest and highest optimal prices in numeraire ticks of a market without shared limits."""
    found = priced(product, network, curves, solver, start)
    return list(found.low), list(found.high)


def priced(
    product: Product, network: Network, curves: Sequence[Curve], solver: Solver,
    start: Mapping[str, Fraction] | None,
) -> face.Face:  # fmt: skip
    """All optimal prices. Raises NotSolved, lattice.Inconsistent."""
    fx = np.array([float(e) for e in network.fx])
    guess = None
    if start is not None:
        guess = np.array([float(start.get(z.id, 0)) for z in network.zones]) * fx
    if any(link.markup != 1 for link in network.links):
        return _dutied(product, network, curves, solver, guess)
    optimum = _solve_parts(curves, fx, borders(network), solver, guess)
    return face.of(product, network, borders(network), curves, optimum, solver)


def _dutied(
    product: Product, network: Network, curves: Sequence[Curve], solver: Solver, guess: FloatArray | None
) -> face.Face:
    """The same where duty depends on the source's price: it is frozen, the market solved, and repeated.

    The middle prices of each round, which no solver's choice can move, give the next round's duties. Where
    these go round and round, the first quantities that have prices under the true duties are taken: such
    prices are all that the certificate asks for. Under shared limits, whose prices depend on the duties too,
    duties go half the way instead.
    """
    fx = np.array([float(e) for e in network.fx])
    duty = [Fraction(0)] * len(network.links)
    patience = DUTY_ROUNDS // 2 if network.rows else DUTY_PATIENCE
    for attempt in range(DUTY_ROUNDS):
        frozen = _frozen(network, duty)
        optimum = _solve_parts(curves, fx, borders(frozen), solver, guess)
        found = face.of(product, frozen, borders(frozen), curves, optimum, solver)
        price = found.at(MIDDLE)
        wanted = [(link.markup - 1) * price[link.source] for link in network.links]
        steady = all(abs(a - b) <= DUTY_STEADY for a, b in zip(wanted, duty, strict=True))
        if steady or attempt >= patience:
            with suppress(lattice.Inconsistent):
                return face.of(product, network, borders(network), curves, optimum, solver, found)
        guess = np.array([float(p) for p in price])
        if network.rows and attempt >= DUTY_PATIENCE:
            wanted = [(a + b) / 2 for a, b in zip(wanted, duty, strict=True)]
        duty = [d.limit_denominator(FINEST) for d in wanted]
    raise NotSolved("ad-valorem duties found no fixed point")


def _frozen(network: Network, duty: Sequence[Fraction]) -> Network:
    """``duty`` in numeraire ticks per lot sent, as if it were a tariff."""
    paying = network.paying(duty)
    return replace(paying, links=tuple(replace(link, markup=Fraction(1)) for link in paying.links))


def at_ticks(price: Sequence[Fraction], network: Network) -> list[Fraction]:
    """``price`` with those within half a millitick of a tick at that tick: so near, what rounding the prices
    of shared limits has moved cannot be told from what is meant.
    """
    found = []
    for y, fx in zip(price, network.fx, strict=True):
        tick = rounded(y / fx)
        found.append(tick * fx if abs(y / fx - tick) * 2 * MILLI <= 1 else y)
    return found


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
    shadow = np.zeros(len(borders.room))
    for zones, lanes, rows in _connected(len(curves), borders):
        place = np.full(len(curves), -1)
        place[zones] = np.arange(len(zones))
        part = Borders(
            place[borders.source[lanes]], place[borders.target[lanes]], borders.capacity[lanes],
            borders.gamma[lanes], borders.cost[lanes], borders.use[np.ix_(rows, lanes)], borders.room[rows],
        )  # fmt: skip
        found = couple(
            [curves[z] for z in zones], fx[zones], part, solver, None if guess is None else guess[zones]
        )
        passed[zones], price[zones], flow[lanes] = found.passed, found.price, found.flow
        shadow[rows] = found.shadow
    return Optimum(passed, flow, price, shadow)


def _connected(count: int, borders: Borders) -> list[tuple[list[int], list[int], list[int]]]:
    """Zones joined by lanes with capacity, with those lanes and the limits they share; zones on their own are
    left out.
    """
    root = list(range(count))

    def find(z: int) -> int:
        while root[z] != z:
            z = root[z]
        return z

    open_lanes = [k for k in range(len(borders)) if borders.capacity[k] > 0]
    for k in open_lanes:
        root[find(int(borders.source[k]))] = find(int(borders.target[k]))
    sharing = [np.flatnonzero(row) for row in borders.use]
    for lanes in sharing:
        for k in lanes[1:]:
            root[find(int(borders.source[k]))] = find(int(borders.source[lanes[0]]))
    parts: dict[int, tuple[list[int], list[int], list[int]]] = {}
    for k in open_lanes:
        parts.setdefault(find(int(borders.source[k])), ([], [], []))[1].append(k)
    for row, lanes in enumerate(sharing):
        home = find(int(borders.source[lanes[0]])) if len(lanes) else None
        if home in parts:
            parts[home][2].append(row)
    for z in range(count):
        if find(z) in parts:
            parts[find(z)][0].append(z)
    return list(parts.values())
