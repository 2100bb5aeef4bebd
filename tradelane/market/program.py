"""The linear program that both solvers understand: zone steps and lanes, one balance row per zone.

    minimise cost·v  s.t.  Σ steps of z − Σ lanes out of z + Σ γ·lanes into z = balance_z, lower ≤ v ≤ upper

The columns are first the steps (``zone`` says whose), then the lanes in the order of ``borders``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray

FloatArray = npt.NDArray[np.float64]


class NotSolved(Exception):
    """A solver found no optimum."""


@dataclass(frozen=True, slots=True)
class Borders:
    """Lanes as parallel arrays: zone indices, capacity (lots), γ, and cost per lot (numeraire ticks)."""

    source: IntArray
    target: IntArray
    capacity: FloatArray
    gamma: FloatArray
    cost: FloatArray

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True)
class Program:
    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    balance: FloatArray
    zone: IntArray
    borders: Borders


@dataclass(frozen=True, slots=True)
class Solution:
    """``dual`` of each balance row is the zone's price."""

    value: FloatArray
    dual: FloatArray
    objective: float


Solver = Callable[[Program], Solution]
"""Raises NotSolved."""
