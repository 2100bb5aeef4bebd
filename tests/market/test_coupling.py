"""Column generation finds the optimum of the full curves, from any start, with either solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.market import highs, simplex
from tradelane.market.batch import Columns, OrderBatch
from tradelane.market.coupling import couple
from tradelane.market.curve import Curve
from tradelane.market.program import Borders, Program, Solver

STEPS = 400


def market(seed: int) -> tuple[list[Curve], Borders]:
    """Three zones of hundreds of steps, far more than the first columns offered, and lanes both ways."""
    chance = np.random.default_rng(seed)

    def side(low: int, high: int) -> Columns:
        lots = chance.integers(1, 100, STEPS)
        return Columns(chance.integers(low, high, STEPS), lots, np.arange(STEPS))

    shifts = chance.integers(0, 3_000, 3)
    curves = [Curve.of(OrderBatch(side(s, s + 9_000), side(s, s + 9_000))) for s in shifts.tolist()]
    ends = [(a, b) for a in range(3) for b in range(3) if a != b]
    lanes = Borders(
        np.array([a for a, _ in ends]),
        np.array([b for _, b in ends]),
        chance.integers(0, 4_000, 6).astype(float),
        np.where(chance.random(6) < 0.5, 1.0, 0.97),
        chance.integers(0, 200, 6).astype(float),
    )
    return curves, lanes


def in_full(curves: list[Curve], borders: Borders) -> float:
    """The optimal cost with every step handed to the solver: the naive twin."""
    widths = [np.diff(c.passed).astype(float) for c in curves]
    return highs.solve(
        Program(
            np.concatenate([*(c.tick.astype(float) for c in curves), borders.cost]),
            np.zeros(sum(map(len, widths)) + len(borders)),
            np.concatenate([*widths, borders.capacity]),
            np.array([float(c.total_demand) for c in curves]),
            np.repeat(np.arange(3), [len(w) for w in widths]),
            borders,
        )
    ).objective


@pytest.mark.parametrize("solver", [highs.solve, simplex.solve])
@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_a_few_columns_reach_the_optimum_of_all(solver: Solver, seed: int) -> None:
    curves, borders = market(seed)
    for start in (None, np.array([0.0, 12_000.0, 5_000.0])):
        found = couple(curves, np.ones(3), borders, solver, start)
        steps = sum(
            float(np.interp(passed, curve.passed, curve.cost))
            for curve, passed in zip(curves, found.passed, strict=True)
        )
        assert steps + float(borders.cost @ found.flow) == pytest.approx(in_full(curves, borders), rel=1e-9)
