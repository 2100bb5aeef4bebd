"""Welfare optimum of zones joined by lanes: curves + lanes → net positions, flows and dual prices.

    min  Σ_z fx_z·C_z(x_z) + Σ_l t_l·f_l   s.t.  x_z − Σ_out f + Σ_in γ·f = D_z,  0 ≤ f ≤ capacity,
                                                 Σ_l use_kl·f_l ≤ room_k in each limit k that lanes share

x_z counts supply accepted plus demand rejected, C_z is the zone's convex cost (curve.py), D_z its demand.
The full curves are never handed to the solver: it sees a few vertices near the last prices, and those
around each solution are added until its primal and dual values meet on the full curves (column generation).

What it cannot do: be exact to the lot. Its floats choose the optimal face; lattice.py and flows.py compute
prices and flows on that face, and certificate.py proves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.curve import Curve
from tradelane.market.program import Borders, FloatArray, NotSolved, Program, Solver

RELATIVE_GAP = 1e-12
ROUNDS = 60
OFFSETS = np.array([0, *(s * 2**k for k in range(12) for s in (-1, 1))])
"""Vertices offered around the start, dense near it."""
NEAR = OFFSETS[np.abs(OFFSETS) <= 4]
NO_SHADOW = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Optimum:
    """``passed`` lots per zone (see Curve.passed), ``flow`` lots sent per lane, ``price`` numeraire ticks;
    ``shadow`` is the price of each shared limit, numeraire ticks per lot.
    """

    passed: FloatArray
    flow: FloatArray
    price: FloatArray
    shadow: FloatArray


def couple(
    curves: Sequence[Curve], fx: FloatArray, borders: Borders, solver: Solver,
    start: FloatArray | None = None,
) -> Optimum:  # fmt: skip
    """The optimum of the full curves. ``start`` is a guess of the prices, such as the last interval's.

    Raises NotSolved.
    """
    chosen = [_first_vertices(c, None if start is None else start[z] / fx[z]) for z, c in enumerate(curves)]
    for _ in range(ROUNDS):
        optimum, value = _solve(curves, fx, borders, chosen, solver)
        bound = dual_bound(curves, fx, borders, optimum.price, optimum.shadow)
        grown = [_more_vertices(c, v, p) for c, v, p in zip(curves, chosen, optimum.price / fx, strict=True)]
        complete = all(len(a) == len(b) for a, b in zip(grown, chosen, strict=True))
        if complete or value - bound <= RELATIVE_GAP * max(1.0, abs(value)):
            return optimum
        chosen = grown
    raise NotSolved(f"primal and dual did not meet in {ROUNDS} rounds")


def _first_vertices(curve: Curve, guess: float | None) -> IntArray:
    count = len(curve.tick)
    if guess is None:
        middle = int(np.searchsorted(curve.passed, curve.total_demand))
    else:
        middle = int(np.searchsorted(curve.tick, guess))
    spread = np.linspace(0, count, min(count + 1, 9)).astype(np.int64)
    return np.unique(np.clip(np.concatenate([spread, middle + OFFSETS]), 0, count))


def _more_vertices(curve: Curve, chosen: IntArray, price: float) -> IntArray:
    left = int(np.searchsorted(curve.tick, price - 1e-6, side="left"))
    right = int(np.searchsorted(curve.tick, price + 1e-6, side="right"))
    wanted = np.concatenate([chosen, left + NEAR, right + NEAR])
    return np.unique(np.clip(wanted, 0, len(curve.tick)))


def _solve(
    curves: Sequence[Curve], fx: FloatArray, borders: Borders, chosen: Sequence[IntArray], solver: Solver
) -> tuple[Optimum, float]:
    widths = [np.diff(c.passed[v]).astype(np.float64) for c, v in zip(curves, chosen, strict=True)]
    slopes = [
        np.diff(c.cost[v]) / w * fx[z] for z, (c, v, w) in enumerate(zip(curves, chosen, widths, strict=True))
    ]
    zone = np.repeat(np.arange(len(curves)), [len(w) for w in widths])
    demand = np.array([c.total_demand for c in curves], np.float64)
    found = solver(
        Program(
            cost=np.concatenate([*slopes, borders.cost]),
            lower=np.zeros(len(zone) + len(borders)),
            upper=np.concatenate([*widths, borders.capacity]),
            balance=demand,
            zone=zone,
            borders=borders,
        )
    )
    passed = np.zeros(len(curves))
    np.add.at(passed, zone, found.value[: len(zone)])
    price, shadow = found.dual[: len(curves)], found.dual[len(curves) :]
    return Optimum(passed, found.value[len(zone) :], price, shadow), found.objective


def dual_bound(
    curves: Sequence[Curve], fx: FloatArray, borders: Borders, price: FloatArray,
    shadow: FloatArray = NO_SHADOW,
) -> float:  # fmt: skip
    """Least cost that any quantities can have, by the full curves at ``price`` (numeraire ticks)."""
    surplus = float((shadow * borders.room).sum())
    for z, curve in enumerate(curves):
        k = int(np.searchsorted(curve.tick, price[z] / fx[z], side="right"))
        surplus += price[z] * (float(curve.passed[k]) - curve.total_demand) - fx[z] * float(curve.cost[k])
    margin = borders.gamma * price[borders.target] - price[borders.source] - borders.cost
    margin = margin - borders.surcharge(shadow)
    return -float(surplus + (np.maximum(0.0, margin) * borders.capacity).sum())
