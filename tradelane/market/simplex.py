"""A second, independent solver: the bounded primal simplex method on a dense basis inverse, in numpy.

It shares no code with HiGHS, so that a fault in one shows against the other; it takes over where HiGHS fails.
The basis has one row per zone and per shared limit; the method is the textbook's (Chvátal, Linear
Programming, ch. 8), started from artificial columns with a big cost. Good for tens of zones and thousands of
columns; slower than HiGHS.
"""

from __future__ import annotations

import numpy as np

from tradelane.market.program import FloatArray, NotSolved, Program, Solution

ROUNDS = 20_000
REFACTOR = 40
"""Pivots after which the inverse is computed afresh."""
STALLED = 60
"""Pivots without progress after which the lowest index enters and leaves (Bland), so that it ends."""
DUST = 1e-9
"""Relative size below which a reduced cost or a direction counts as zero."""


def solve(program: Program) -> Solution:
    """The optimum; NotSolved when there is none, or when it is not found in ROUNDS pivots."""
    return _Simplex(program).run()


class _Simplex:
    """``matrix`` is dense, rows × columns: steps, lanes, what is left of each shared limit, and an artificial
    column per row.
    """

    def __init__(self, program: Program) -> None:
        zones, steps, borders = len(program.balance), len(program.zone), program.borders
        limits = len(borders.room)
        rows, columns = zones + limits, steps + len(borders)
        real = columns + limits
        matrix = np.zeros((rows, real + rows))
        matrix[program.zone, np.arange(steps)] = 1.0
        lanes = steps + np.arange(len(borders))
        np.subtract.at(matrix, (borders.source, lanes), 1.0)
        np.add.at(matrix, (borders.target, lanes), borders.gamma)
        if limits:
            matrix[zones:, lanes] = borders.use
            matrix[zones + np.arange(limits), columns + np.arange(limits)] = 1.0
        self.balance = np.concatenate([program.balance, borders.room])
        self.lower = np.concatenate([program.lower, np.zeros(limits + rows)])
        self.upper = np.concatenate([program.upper, np.full(limits + rows, np.inf)])
        start = self.balance - matrix[:, :real] @ self.lower[:real]
        matrix[:, real:] = np.diag(np.where(start < 0, -1.0, 1.0))
        self.scale = max(1.0, float(np.abs(program.cost).max(initial=0.0)))
        self.cost = np.concatenate([program.cost, np.zeros(limits), np.full(rows, 1e6 * self.scale)])
        self.matrix, self.real, self.columns, self.zones = matrix, real, columns, zones
        self.basis = real + np.arange(rows)
        self.at_upper = np.zeros(real + rows, dtype=bool)
        self.basic = np.zeros(real + rows, dtype=bool)
        self.basic[self.basis] = True
        self.inverse = np.linalg.inv(matrix[:, self.basis])
        self.value = np.concatenate([self.lower[:real], np.abs(start)])

    def run(self) -> Solution:
        stalled = 0
        for pivot in range(ROUNDS):
            if pivot % REFACTOR == REFACTOR - 1:
                self._refactor()
            dual = self.cost[self.basis] @ self.inverse
            entering = self._entering(dual, stalled > STALLED)
            if entering is None:
                return self._solution(dual)
            stalled = 0 if self._step(entering, stalled > STALLED) else stalled + 1
        raise NotSolved(f"the simplex method did not end in {ROUNDS} pivots")

    def _entering(self, dual: FloatArray, careful: bool) -> int | None:
        """The column whose change pays most; with ``careful`` the first that pays."""
        reduced = self.cost - dual @ self.matrix
        gain = np.where(self.at_upper, reduced, -reduced)
        gain[self.basic | (self.lower == self.upper)] = 0.0
        gain[self.real :] = 0.0
        pays = gain > DUST * self.scale
        if not pays.any():
            return None
        return int(np.argmax(pays) if careful else np.argmax(gain))

    def _step(self, entering: int, careful: bool) -> bool:
        """Move ``entering`` until it or a basic column meets a bound; False when that is at once."""
        direction = self.inverse @ self.matrix[:, entering]
        sign = -1.0 if self.at_upper[entering] else 1.0
        change = -sign * direction
        change[np.abs(change) < DUST] = 0.0
        room = self._room(change)
        nearest = float(room.min(initial=np.inf))
        own = float(self.upper[entering] - self.lower[entering])
        if min(nearest, own) == np.inf:
            raise NotSolved("the program has no bound")
        length = max(0.0, min(nearest, own))
        self.value[self.basis] += length * change
        self.value[entering] += length * sign
        if own <= nearest:
            self.at_upper[entering] = not self.at_upper[entering]
            self.value[entering] = (self.upper if self.at_upper[entering] else self.lower)[entering]
            return True
        self._swap(self._leaving(room, nearest, change, careful), entering, change, direction)
        return length > DUST

    def _room(self, change: FloatArray) -> FloatArray:
        """How far the step may go until each basic column meets a bound."""
        value, basis = self.value[self.basis], self.basis
        gap = np.where(change > 0, self.upper[basis] - value, value - self.lower[basis])
        with np.errstate(divide="ignore", invalid="ignore"):
            room: FloatArray = np.where(change == 0, np.inf, np.maximum(gap, 0.0) / np.abs(change))
        return room

    def _leaving(self, room: FloatArray, nearest: float, change: FloatArray, careful: bool) -> int:
        """Of the rows that meet their bound first, the largest pivot; if ``careful`` the lowest column."""
        ties = np.flatnonzero(room <= nearest + DUST * max(1.0, nearest))
        best = np.argmin(self.basis[ties]) if careful else np.argmax(np.abs(change[ties]))
        return int(ties[best])

    def _swap(self, row: int, entering: int, change: FloatArray, direction: FloatArray) -> None:
        leaving = int(self.basis[row])
        self.at_upper[leaving] = change[row] > 0
        self.value[leaving] = (self.upper if change[row] > 0 else self.lower)[leaving]
        self.basic[leaving], self.basic[entering] = False, True
        self.at_upper[entering] = False
        self.basis[row] = entering
        pivot = self.inverse[row] / direction[row]
        self.inverse -= np.outer(direction, pivot)
        self.inverse[row] = pivot

    def _refactor(self) -> None:
        self.inverse = np.linalg.inv(self.matrix[:, self.basis])
        rest = self.value.copy()
        rest[self.basis] = 0.0
        self.value[self.basis] = self.inverse @ (self.balance - self.matrix @ rest)

    def _solution(self, dual: FloatArray) -> Solution:
        self._refactor()
        if float(np.abs(self.value[self.real :]).max(initial=0.0)) > 1e-6:
            raise NotSolved("the program has no solution")
        value = np.clip(self.value, self.lower, self.upper)[: self.columns]
        price = np.concatenate([dual[: self.zones], np.maximum(0.0, -dual[self.zones :])])
        return Solution(value, price, float(self.cost[: self.columns] @ value))
