"""The solver says nothing on a channel that is ours, and says no when there is no answer."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tradelane.market import highs, simplex
from tradelane.market.program import Borders, NotSolved, Program, Solver

LINES = """
from tests.market.test_highs import program
from tradelane.market import highs
print(round(highs.solve(program(5.0)).objective))
"""


def program(balance: float) -> Program:
    """One zone, steps of 4 lots at 10 and 4 at 20: ``balance`` lots at least cost."""
    none = np.zeros(0)
    whole = np.zeros(0, np.int64)
    steps = np.array([10.0, 20.0]), np.zeros(2), np.full(2, 4.0)
    return Program(
        *steps, np.array([balance]), np.zeros(2, np.int64), Borders(whole, whole, none, none, none)
    )


def test_nothing_but_the_answer_is_printed() -> None:
    """Its banner would break the JSON of a command's stdout."""
    done = subprocess.run([sys.executable, "-c", LINES], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("60\n", "")


@pytest.mark.parametrize("solver", [highs.solve, simplex.solve])
def test_the_dual_is_the_price_of_one_more_lot(solver: Solver) -> None:
    found = solver(program(5.0))
    assert found.objective == pytest.approx(60) and found.value == pytest.approx([4, 1])
    assert found.dual == pytest.approx([20])


@pytest.mark.parametrize("solver", [highs.solve, simplex.solve])
def test_what_cannot_be_met_is_not_solved(solver: Solver) -> None:
    with pytest.raises(NotSolved):
        solver(program(9.0))
