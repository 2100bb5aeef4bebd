"""The blocks' program with shares for yes and no: what no choice can cost less than, and near which prices.

By weak duality every price vector gives such a bound: what orders, lanes and blocks would gain at it at most,
on the full curves. The relaxed program finds the prices at which it is tightest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradelane.market import highs
from tradelane.market.block_table import Table
from tradelane.market.mixed import Limits, build
from tradelane.market.program import FloatArray
from tradelane.market.stage import Stage

ROUNDS = 12
NEAR = 3e-8
"""Of the turnover: where primal and dual are so near to each other, no more vertices are sought."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """``bound`` on the cost of every choice, numeraire; ``share`` of each block in the relaxed optimum."""

    bound: float
    share: FloatArray


def relax(stages: Sequence[Stage], table: Table, limits: Limits) -> Relaxed:
    """Solve until the vertices suffice; leaves ``stages`` at the relaxed prices and their vertices."""
    bound = -np.inf
    share = np.zeros(table.count)
    for _ in range(ROUNDS):
        program, at = build(stages, table, limits, relaxed=True)
        base = ungrouped_bound(stages, table)
        found = highs.choose(program, 0.0)
        share = found.value[at.a]
        for t, stage in enumerate(stages):
            dual = found.dual[at.row[t] : at.row[t + 1]]
            stage.move(dual * at.money / (stage.unit * at.lots))
        bound = max(bound, least_cost(stages, table))
        if base + at.money * found.objective - bound <= NEAR * turnover(stages):
            break
        grown = [stage.add(stage.price) for stage in stages]
        if not any(grown):
            break
    return Relaxed(bound, share)


def turnover(stages: Sequence[Stage]) -> float:
    """All demand at the stages' prices, numeraire."""
    return sum(
        stage.unit * abs(float(y)) * curve.total_demand
        for stage in stages
        for y, curve in zip(stage.price, stage.curves, strict=True)
    )


def demand_value(stages: Sequence[Stage]) -> float:
    """What every demand would pay, numeraire: welfare is this less cost."""
    return sum(
        stage.unit * float(e) * float(np.dot(curve.demand.astype(float), curve.tick))
        for stage in stages
        for curve, e in zip(stage.curves, stage.fx, strict=True)
    )


def least_cost(stages: Sequence[Stage], table: Table) -> float:
    """The least cost of any choice by the stages' prices."""
    return _orders_alone(stages) - table.most(_gains(stages, table))


def ungrouped_bound(stages: Sequence[Stage], table: Table) -> float:
    """The same without a thought of families and groups: what mixed.py counts its objective from."""
    return _orders_alone(stages) - float(np.maximum(0.0, _gains(stages, table)).sum())


def _gains(stages: Sequence[Stage], table: Table) -> FloatArray:
    price = np.concatenate([stage.price for stage in stages])
    return table.gains(price, price)


def _orders_alone(stages: Sequence[Stage]) -> float:
    return sum(stage.bound() for stage in stages)
