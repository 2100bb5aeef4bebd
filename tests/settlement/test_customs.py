"""Duties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.hubs import eur
from tradelane.market.units import PPM, Money
from tradelane.settlement.customs import assess


@pytest.mark.parametrize(
    ("value", "duty_ppm", "duty"),
    [
        ("10", 75_000, "0.75"),
        ("0.000000001", 500_000, "0.000000001"),
        ("0.000000001", 499_999, "0"),
        ("123.456789123", 0, "0"),
        ("3", 333_333, "0.999999"),
        ("1", 10_000_000, "10"),
    ],
)
def test_duty_is_rounded_once(value: str, duty_ppm: int, duty: str) -> None:
    assert assess(eur(value), duty_ppm) == eur(duty)


@given(st.integers(1, 10**18), st.integers(0, 10_000_000))
def test_duty_is_the_nearest_nano(nano: int, duty_ppm: int) -> None:
    duty = assess(Money(nano, "EUR"), duty_ppm).nano
    assert abs(2 * (duty * PPM - nano * duty_ppm)) <= PPM
