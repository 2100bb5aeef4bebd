"""The one door to HiGHS, the LP and MIP solver: loaded when first needed, silent, single-threaded."""

from __future__ import annotations

import os
import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tradelane.market.program import Chosen, MixedProgram, NotSolved, Program, Solution


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
    found, zones = run.getSolution(), len(program.balance)
    dual = np.array(found.row_dual)
    dual[zones:] = np.maximum(0.0, -dual[zones:])
    return Solution(np.array(found.col_value), dual, float(run.getInfo().objective_function_value))


def _model(highs: Any, program: Program) -> Any:
    model = highs.HighsLp()
    matrix, borders = model.a_matrix_, program.borders
    zones, steps, lanes = len(program.balance), len(program.zone), len(borders)
    model.num_col_, model.num_row_ = len(program.cost), zones + len(borders.room)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, program.lower, program.upper
    model.row_lower_ = np.concatenate([program.balance, np.full(len(borders.room), -np.inf)])
    model.row_upper_ = np.concatenate([program.balance, borders.room])
    matrix.format_ = highs.MatrixFormat.kColwise
    limit, taken = np.nonzero(borders.use)
    lane = np.concatenate([np.arange(lanes), np.arange(lanes), taken])
    row = np.concatenate([borders.source, borders.target, zones + limit])
    share = np.concatenate([-np.ones(lanes), borders.gamma, borders.use[limit, taken]])
    order = np.argsort(lane, kind="stable")
    ends = np.cumsum(np.bincount(lane, minlength=lanes)) if lanes else np.zeros(0, np.int64)
    matrix.start_ = np.concatenate([np.arange(steps + 1), steps + ends]).astype(np.int32)
    matrix.index_ = np.concatenate([program.zone, row[order]]).astype(np.int32)
    matrix.value_ = np.concatenate([np.ones(steps), share[order]])
    return model


NODES = 1_000
"""Branches after which a search is cut short: a number, so that it is cut at the same place everywhere."""


def choose(program: MixedProgram, gap: float, nodes: int = NODES) -> Chosen:
    """The best choice, or the best one found when the search is cut short; NotSolved when there is none.

    ``gap`` is how far from the best, in the objective, is good enough. Without integer columns it is the
    optimum of a linear program.
    """
    highs: Any = _highspy()
    run = highs.Highs()
    run.silent()
    settings = {
        "threads": 1, "random_seed": 0, "mip_rel_gap": 0.0, "mip_abs_gap": gap, "mip_max_nodes": nodes,
    }  # fmt: skip
    for name, value in settings.items():
        run.setOptionValue(name, value)
    run.passModel(_mixed_model(highs, program))
    run.run()
    status, info, found = run.getModelStatus(), run.getInfo(), run.getSolution()
    if not found.value_valid or status == highs.HighsModelStatus.kInfeasible:
        raise NotSolved(f"HiGHS: {run.modelStatusToString(status)}")
    mixed = bool(program.integer.any())
    objective = float(info.objective_function_value)
    return Chosen(
        np.array(found.col_value),
        np.array(found.row_dual),
        objective,
        float(info.mip_dual_bound) if mixed else objective,
        status == highs.HighsModelStatus.kOptimal,
    )


def _mixed_model(highs: Any, program: MixedProgram) -> Any:
    model = highs.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.row_lower)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, program.lower, program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.offset_ = program.offset
    model.a_matrix_.format_ = highs.MatrixFormat.kColwise
    model.a_matrix_.start_ = program.start.astype(np.int32)
    model.a_matrix_.index_ = program.row.astype(np.int32)
    model.a_matrix_.value_ = program.value
    if program.integer.any():
        kinds = highs.HighsVarType.kContinuous, highs.HighsVarType.kInteger
        model.integrality_ = [kinds[int(whole)] for whole in program.integer]
    return model
