"""Who pays the platform, and who does not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import Money
from tradelane.settlement.policy import Trader, age, rule_for, rules

TODAY = date(2026, 6, 21)


@pytest.mark.parametrize(
    ("trader", "name"),
    [
        (Trader(0), "small trader"),
        (Trader(29), "small trader"),
        (Trader(30), "large trader"),
        (Trader(30, date(1996, 6, 22)), "young trader"),
        (Trader(30, date(1996, 6, 21)), "large trader"),
    ],
)
def test_small_and_young_traders_pay_nothing(trader: Trader, name: str) -> None:
    rule = rule_for(trader, TODAY)
    assert rule.name == name
    assert (rule.fee_ppm == 0) == (name != "large trader")
    assert rule.memo.startswith(name)


def test_what_large_traders_pay_is_shown() -> None:
    rule = rule_for(Trader(500), TODAY)
    assert rule.memo == "large trader: 0.25 % platform fee, since 2026-01-01"
    assert rule.fee(Money.parse("1000", "EUR")) == Money.parse("2.5", "EUR")


def test_before_the_first_rule_there_is_none() -> None:
    with pytest.raises(LookupError, match="2025-12-31"):
        rule_for(Trader(1), date(2025, 12, 31))


@given(st.integers(-(10**18), 10**18))
def test_a_fee_is_never_more_than_what_came_in(nano: int) -> None:
    for rule in rules():
        fee = rule.fee(Money(nano, "EUR")).nano
        assert 0 <= fee <= max(0, nano)
        assert fee * 1_000_000 <= max(0, nano) * rule.fee_ppm


@given(st.dates(date(1930, 1, 1), date(2010, 1, 1)), st.dates(date(2026, 1, 1), date(2040, 1, 1)))
def test_a_birthday_adds_a_year(born: date, on: date) -> None:
    years = age(born, on)
    assert (born.year + years, born.month, born.day) <= (on.year, on.month, on.day)
    assert (born.year + years + 1, born.month, born.day) > (on.year, on.month, on.day)
