"""Who goes short at a price limit: the same share of what each zone asked at it, as far as lanes allow.

At the upper limit demand may exceed all that can be had, at the lower one supply all that can be used. Zones
whose lanes are not congested then share it in proportion (EUPHEMIA Public Description, curtailment sharing).
That is the least Σ_z c_z²/2Q_z over the optimal flows, c_z of Q_z lots curtailed in zone z: a convex program,
solved as a linear one in steps that are finer around what was found before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.program import Borders, FloatArray, Program, Solver

TURNS = 12
NEAR = np.unique(np.concatenate([[0.0], *(s * 0.5 ** np.arange(1, 31) for s in (-1, 1))]))
"""Shares offered around the last ones found, dense near them."""
FINEST = 1e-6
"""Part of a zone's range to which its share is settled, where that is more than a lot."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Units that each zone may pass at its price (Curve.passed), from ``low`` to ``high`` (lots)."""

    low: FloatArray
    high: FloatArray


def shared(
    spans: Spans, at_limit: IntArray, balance: FloatArray, borders: Borders,
    lanes: tuple[FloatArray, FloatArray], solver: Solver,
) -> Spans:  # fmt: skip
    """``spans`` narrowed to what the zones ``at_limit`` pass when they share alike, to a lot. ``lanes`` holds
    the least and the most each lane may send. Raises NotSolved.
    """
    size = (spans.high - spans.low)[at_limit]
    offered = [np.linspace(0.0, 1.0, 17)] * len(at_limit)
    share = np.full(len(at_limit), np.inf)
    for _ in range(TURNS):
        before, share = share, _solve(spans, at_limit, offered, balance, borders, lanes, solver)
        if np.abs(share - before).max() < FINEST / 8:
            break
        offered = [
            np.unique(np.clip(np.concatenate([o, at + NEAR]), 0.0, 1.0))
            for o, at in zip(offered, share, strict=True)
        ]
    grain = np.maximum(1.0, 10.0 ** np.ceil(np.log10(FINEST * size)))
    settled = spans.low[at_limit] + np.floor(share * size / grain + 0.5001) * grain
    low, high = spans.low.copy(), spans.high.copy()
    low[at_limit] = np.clip(settled - grain, spans.low[at_limit], spans.high[at_limit])
    high[at_limit] = np.clip(settled + grain, spans.low[at_limit], spans.high[at_limit])
    return Spans(low, high)


def _solve(
    spans: Spans, at_limit: IntArray, offered: Sequence[FloatArray], balance: FloatArray, borders: Borders,
    lanes: tuple[FloatArray, FloatArray], solver: Solver,
) -> FloatArray:  # fmt: skip
    """What each zone at its limit passes, as a share of its range, by steps between those ``offered``."""
    zones, size = len(balance), (spans.high - spans.low)[at_limit]
    steps = [np.diff(o) * q for o, q in zip(offered, size, strict=True)]
    slopes = [(o[1:] + o[:-1]) / 2 for o in offered]
    owner = np.repeat(np.arange(len(at_limit)), [len(o) for o in slopes])
    most = spans.high.copy()
    most[at_limit] = spans.low[at_limit]
    found = solver(
        Program(
            cost=np.concatenate([np.zeros(zones), *slopes, np.zeros(len(borders))]),
            lower=np.concatenate([spans.low, np.zeros(len(owner)), lanes[0]]),
            upper=np.concatenate([most, *steps, lanes[1]]),
            balance=balance,
            zone=np.concatenate([np.arange(zones), at_limit[owner]]),
            borders=borders,
        )
    )
    passed = np.bincount(owner, found.value[zones : zones + len(owner)], len(at_limit))
    return np.asarray(passed / size, np.float64)
