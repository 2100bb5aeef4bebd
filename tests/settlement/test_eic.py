"""EIC codes: those of real areas and parties, and what one wrong character does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.settlement.eic import check_character, checked

REAL = [
    "10YNL----------L", "10YGB----------A", "10YNO-2--------T", "10YBE----------2", "10YFR-RTE------C",
    "10Y1001A1001A82H", "10YES-REE------0", "10YCH-SWISSGRIDZ", "10X1001A1001A450", "10X1001A1001A361",
]  # fmt: skip


@pytest.mark.parametrize("code", REAL)
def test_codes_in_use(code: str) -> None:
    assert checked(code) == code


@given(st.sampled_from(REAL), st.integers(0, 14), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"))
def test_one_wrong_character_is_found(code: str, place: int, letter: str) -> None:
    if letter == code[place]:
        return
    assert check_character(code[:place] + letter + code[place + 1 : -1]) != code[-1]


@pytest.mark.parametrize(
    "code", ["", "NL", "10YNL----------M", "10ynl----------l", "10YNL----------L ", "1" * 99]
)
def test_what_is_none(code: str) -> None:
    with pytest.raises(ValueError, match="EIC code"):
        checked(code)
