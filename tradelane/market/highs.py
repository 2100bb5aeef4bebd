"""The one door to HiGHS, the LP solver: loaded when first needed, silent, single-threaded."""

from __future__ import annotations

import os
import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tradelane.market.program import NotSolved, Program, Solution


@cache
def _highspy() -> ModuleType:
    import highspy  # 20 MB that a gateway without a coupled market never needs

    sys.stdout.flush()
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
        # the first one writes a banner to the process's stdout before it can be silenced
    finally:
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)
    return highspy


def solve(program: Program) -> Solution:
    """The optimum by HiGHS's simplex; NotSolved when it says anything but optimal."""
    highs: Any = _highspy()
    run = highs.Highs()
    run.silent()
    run.setOptionValue("threads", 1)
    run.passModel(_model(highs, program))
    run.run()
    if run.getModelStatus() != highs.HighsModelStatus.kOptimal:
        raise NotSolved(f"HiGHS: {run.modelStatusToString(run.getModelStatus())}")
    found = run.getSolution()
    value = float(run.getInfo().objective_function_value)
    return Solution(np.array(found.col_value), np.array(found.row_dual), value)


def _model(highs: Any, program: Program) -> Any:
    model = highs.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.balance)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, program.lower, program.upper
    model.row_lower_ = model.row_upper_ = program.balance
    matrix, borders = model.a_matrix_, program.borders
    steps, lanes = len(program.zone), len(borders)
    matrix.format_ = highs.MatrixFormat.kColwise
    matrix.start_ = np.concatenate([np.arange(steps), steps + 2 * np.arange(lanes + 1)]).astype(np.int32)
    ends = np.column_stack([borders.source, borders.target]).ravel()
    matrix.index_ = np.concatenate([program.zone, ends]).astype(np.int32)
    shares = np.column_stack([-np.ones(lanes), borders.gamma]).ravel()
    matrix.value_ = np.concatenate([np.ones(steps), shares])
    return model
