"""A linear program that stays in HiGHS: where its rows change, the next solution starts at the last one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradelane.market.highs import _highspy, _mixed_model
from tradelane.market.program import FloatArray, MixedProgram, NotSolved


class Kept:
    """The rows of ``program`` with other balances from one solution to the next."""

    def __init__(self, program: MixedProgram) -> None:
        self._highs: Any = _highspy()
        self._run = self._highs.Highs()
        self._run.silent()
        self._run.setOptionValue("threads", 1)
        self._run.passModel(_mixed_model(self._highs, program))
        self._rows = np.arange(len(program.row_lower), dtype=np.int32)

    def solve(self, balance: FloatArray) -> tuple[float, FloatArray]:
        """Objective and duals with every row equal to ``balance``; NotSolved when there is no optimum."""
        self._run.changeRowsBounds(len(self._rows), self._rows, balance, balance)
        self._run.run()
        status = self._run.getModelStatus()
        if status != self._highs.HighsModelStatus.kOptimal:
            raise NotSolved(f"HiGHS: {self._run.modelStatusToString(status)}")
        return float(self._run.getInfo().objective_function_value), np.array(self._run.getSolution().row_dual)
