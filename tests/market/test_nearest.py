"""The nearest point that meets every need: what makes it so, and that none is claimed where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.market.nearest import nearest_to_zero
from tradelane.market.program import FloatArray


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_it_meets_every_need_and_no_point_that_does_is_nearer(seed: int) -> None:
    """Needs are drawn around a point that meets them. x is the nearest to zero exactly when it meets all
    needs and every y that does lies beyond the plane through x: x·(y − x) ≥ 0.
    """
    chance = np.random.default_rng(seed)
    slopes = chance.normal(size=(int(chance.integers(1, 12)), int(chance.integers(1, 6))))
    inside = chance.normal(size=(1, slopes.shape[1]))[0]
    least = slopes @ inside - chance.integers(0, 2, len(slopes)) * chance.random(len(slopes))
    found = nearest_to_zero(slopes, least)
    assert found is not None
    assert (slopes @ found >= least - 1e-9).all()
    for away in chance.normal(size=(50, len(inside))):
        meets = inside + away * _reach(slopes, least, inside, away)
        assert found @ (meets - found) >= -1e-9


def _reach(slopes: FloatArray, least: FloatArray, inside: FloatArray, away: FloatArray) -> float:
    """How far ``away`` from ``inside`` all needs are met: 1 is all of it."""
    along, spare = slopes @ away, np.maximum(0.0, slopes @ inside - least)
    return min([1.0, *(float(s / -a) for s, a in zip(spare, along, strict=True) if a < 0)])


def test_needs_of_very_different_size_are_met() -> None:
    """Where steps from need to need would creep: 0.015 across for 1 along."""
    slopes = np.array([[-1.0, -0.015], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = nearest_to_zero(slopes, np.array([0.495, -0.5, -0.5, -0.5]))
    assert found == pytest.approx([-0.4949, -0.0074], abs=1e-3)


def test_where_nothing_meets_the_needs_nothing_is_found() -> None:
    assert nearest_to_zero(np.array([[1.0], [-1.0]]), np.array([0.5, 0.5])) is None
    assert nearest_to_zero(np.zeros((0, 3)), np.zeros(0)) == pytest.approx([0, 0, 0])
