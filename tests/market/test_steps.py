"""Columns of numbers, against reading each text on its own."""

from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradelane.market.fields import CaseError, Fields
from tradelane.market.steps import Scales, Steps, integers
from tradelane.market.units import decimal, whole

ODD = [
    "1e3", "+5", "05", " 5", "5.", ".5", "-.5", "5 ", "-", "+", ".", "", "٣", "1_0", "nan", "inf", "-0",
    "--1", "+-1", "1.2.3", "1-2", "5\n", ",", "1,2", "0.0000000000000001", "1e-3", "9" * 15,
    "9" * 16, "9" * 60, "1" + "0" * 18,
    "123456789012.345", "-999999999999999", "0.000", "1.0000000000",
]  # fmt: skip
PLAIN = st.decimals(-(10**7), 10**7, places=3).map(str)
TEXTS = st.lists(st.one_of(PLAIN, st.sampled_from(ODD), st.text("0123456789+-.e, ", max_size=6)), max_size=6)
STEPS = st.sampled_from(
    [Decimal(x) for x in ("0.01", "0.001", "1", "0.25", "1E+2", "0.00001", "3", "1e-20", "7e25")]
)


def one_by_one(texts: list[str], step: Decimal) -> list[int] | None:
    """The naive twin; None where a text is no whole number of steps, or too large."""
    try:
        found = [whole(decimal(text), step) for text in texts]
    except ValueError:
        return None
    return found if all(abs(count) < 2**63 for count in found) else None


@given(TEXTS, STEPS, st.sampled_from([1, 9]))
@example(["9" * 15, "0.1"], Decimal("1e-20"), 1)
def test_a_column_reads_as_its_texts_do(texts: list[str], step: Decimal, times: int) -> None:
    """Also where each text stands several times, and is worked out once."""
    expected = one_by_one(texts, step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if expected is None:
            with pytest.raises(ValueError):
                Steps(step).counts(texts * times)
        else:
            assert Steps(step).counts(texts * times).tolist() == expected * times


@given(st.lists(st.tuples(PLAIN, st.integers(0, 3)), max_size=9))
def test_each_product_has_its_own_step(rows: list[tuple[str, int]]) -> None:
    steps = [Decimal("0.001"), Decimal("0.0005"), Decimal("0.001"), Decimal("0.0001")]
    found = Scales(steps).counts([text for text, _ in rows], np.array([p for _, p in rows], np.int64))
    assert found.tolist() == [whole(decimal(text), steps[p]) for text, p in rows]


@pytest.mark.parametrize("values", [[1], [None], ["1", 2], [["1"]], [1.5]])
def test_what_is_no_text_is_no_number(values: list[str]) -> None:
    with pytest.raises(TypeError):
        Steps(Decimal(1)).counts(values)


WHOLE = st.one_of(st.integers(-(10**16), 10**16).map(str), st.sampled_from(ODD))


@given(
    st.one_of(st.lists(WHOLE, max_size=5), st.lists(st.integers(-(2**60), 2**60) | st.booleans(), max_size=5))
)
def test_whole_numbers_read_as_the_careful_reader_reads_them(values: list[object]) -> None:
    """What the quick reader takes, it takes alike; what it leaves is refused, or rare."""
    try:
        found = integers(values).tolist()
    except (ValueError, TypeError):
        return
    for value, number in zip(values, found, strict=True):
        try:
            assert Fields({"seq": value}, "").integer("seq") == number
        except CaseError as fault:
            assert "too large" in fault.reason


def test_plain_whole_numbers_are_read_quickly() -> None:
    assert integers(["0", "-7", "007", "9" * 15]).tolist() == [0, -7, 7, 10**15 - 1]
    assert integers([3, -(2**62)]).tolist() == [3, -(2**62)]
    with pytest.raises(OverflowError):
        integers([2**63])
