"""The linear program that both solvers understand: zone steps and lanes, one balance row per zone.

    minimise cost·v  s.t.  Σ steps of z − Σ lanes out of z + Σ γ·lanes into z = balance_z, lower ≤ v ≤ upper,
                           Σ use·lanes ≤ room in every shared limit

The columns are first the steps (``zone`` says whose), then the lanes in the order of ``borders``; the rows
are the zones' balances, then the shared limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray

FloatArray = npt.NDArray[np.float64]


class NotSolved(Exception):
    """A solver found no optimum."""


@dataclass(frozen=True, slots=True)
class Borders:
    """Lanes as parallel arrays: zone indices, capacity (lots), γ, and cost per lot (numeraire ticks).

    ``use`` (limits × lanes) is what one lot sent takes of each limit that lanes share, ``room`` what there is
    of it (lots).
    """

    source: IntArray
    target: IntArray
    capacity: FloatArray
    gamma: FloatArray
    cost: FloatArray
    use: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    room: FloatArray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.source)

    def surcharge(self, shadow: FloatArray) -> FloatArray:
        """What a lot sent over each lane pays for the limits it shares, at their shadow prices."""
        paid = np.zeros(len(self))
        for row, price in zip(self.use, shadow, strict=True):
            paid += row * price
        return paid


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
    """``dual`` of each balance row is the zone's price; of each shared limit, what a lot less of it costs."""

    value: FloatArray
    dual: FloatArray
    objective: float


Solver = Callable[[Program], Solution]
"""Raises NotSolved."""


@dataclass(frozen=True, slots=True)
class MixedProgram:
    """minimise cost·v + offset, lower ≤ v ≤ upper, row_lower ≤ A·v ≤ row_upper, v whole where ``integer``.

    A by columns: entries ``start[k]`` to ``start[k + 1]`` of ``row`` and ``value`` are column k's.
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    start: IntArray
    row: IntArray
    value: FloatArray
    integer: npt.NDArray[np.bool_]
    offset: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """``dual`` of each row (of the relaxed program only); no solution's objective is below ``bound``.
    ``complete`` is False when the search was cut short.
    """

    value: FloatArray
    dual: FloatArray
    objective: float
    bound: float
    complete: bool
