"""Time, quantity and money: exact in, exact out, or refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import (
    MINUTE,
    Interval,
    Money,
    decimal,
    instant,
    iso,
    plain,
    rounded,
    whole,
)

FRACTIONS = st.fractions(max_denominator=1000)


def test_an_interval_holds_its_start_and_not_its_end() -> None:
    interval = Interval(0, 15 * MINUTE)
    assert 0 in interval and 15 * MINUTE - 1 in interval
    assert 15 * MINUTE not in interval and -1 not in interval
    assert str(interval) == "1970-01-01T00:00Z/PT15M"
    with pytest.raises(ValueError, match="ends after it starts"):
        Interval(5, 5)
    with pytest.raises(ValueError, match="whole minutes"):
        str(Interval(0, 1))


@given(st.integers(-(10**13), 10**13), st.sampled_from([MINUTE, 15 * MINUTE, 1440 * MINUTE]))
def test_intervals_tile_time(at: int, length: int) -> None:
    interval = Interval.at(at, length)
    assert at in interval and interval.start % length == 0
    assert interval.shifted(1).start == interval.end and interval.shifted(-1).end == interval.start
    assert interval.shifted(3).shifted(-3) == interval


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_instants_are_written_and_read_back(at: int) -> None:
    assert instant(iso(at)) == at
    assert iso(at).endswith("Z")


def test_instants_with_any_offset_are_one_instant() -> None:
    assert instant("2026-06-21T12:00+02:00") == instant("2026-06-21T10:00Z")
    assert iso(instant("2026-06-21T10:00:00.500Z")) == "2026-06-21T10:00:00.500Z"
    with pytest.raises(ValueError, match="no UTC offset"):
        instant("2026-06-21T10:00")


@pytest.mark.parametrize("text", ["0", "-0", "0.000", "-0.00", "0E+9", "+0"])
def test_nothing_is_written_without_a_sign(text: str) -> None:
    assert plain(decimal(text)) == "0"
    assert str(Money.parse(text, "EUR")) == "0"


@given(st.integers(-(10**27), 10**27), st.integers(0, 20))
def test_plain_has_no_exponent_and_no_needless_zero(digits: int, places: int) -> None:
    text = plain(Decimal(digits).scaleb(-places))
    assert Fraction(text) == Fraction(digits, 10**places)
    assert "E" not in text.upper() and text != "-0"
    assert "." not in text or text[-1] not in "0."


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1_000", "1,5", "NaN", "sNaN", "Infinity", "-inf", "0x10", "١", "１", "1e", "e1", ".",
     "--1", "1e9999", "1e-9999", "1e999999999", "9" * 401, "1\n"],
)  # fmt: skip
def test_what_is_no_decimal_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal number|at most"):
        decimal(text)


@pytest.mark.parametrize("value", [1, 1.5, None, True, b"1"])
def test_numbers_that_are_not_text_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a decimal string"):
        decimal(value)  # type: ignore[arg-type]  # what JSON may bring


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**9), max_value=10**9))
def test_decimals_are_read_as_they_stand(value: Decimal) -> None:
    assert decimal(str(value)) == value


@given(st.integers(-(10**18), 10**18))
def test_money_is_written_and_read_back(nano: int) -> None:
    money = Money(nano, "EUR")
    assert Money.parse(str(money), "EUR") == money


def test_money_is_exact_or_refused() -> None:
    assert Money.parse("0.000000001", "EUR").nano == 1
    with pytest.raises(ValueError, match="not a multiple"):
        Money.parse("0.0000000001", "EUR")
    assert Money(5, "EUR") + Money(-5, "EUR") == Money(0, "EUR") == -Money(0, "EUR")
    assert str(Money(5, "EUR") - Money(7, "EUR")) == "-0.000000002"
    with pytest.raises(ValueError, match="cannot add GBP to EUR"):
        Money(1, "EUR") + Money(1, "GBP")


@given(st.integers(-(10**6), 10**6), st.fractions(min_value=Fraction(1, 10**6), max_denominator=10**6))
def test_whole_counts_steps_exactly(count: int, step: Fraction) -> None:
    assert whole(count * step, step) == count
    with pytest.raises(ValueError, match="not a multiple"):
        whole(count * step + step / 2, step)


@given(FRACTIONS)
def test_rounded_is_the_nearest_and_halves_go_away_from_zero(value: Fraction) -> None:
    found = rounded(value)
    assert abs(found - value) <= Fraction(1, 2)
    assert abs(found - value) < Fraction(1, 2) or abs(found) > abs(value)
    assert rounded(-value) == -found
