"""No nano-unit is made or lost between two currencies, whichever side is given."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import NANO, PPM
from tradelane.settlement import accounts
from tradelane.settlement.conversion import (
    GREATEST_MID_NANO,
    MOST_SPREAD_PPM,
    Conversion,
    Rate,
    of_debit,
    of_receive,
    par,
    transfers,
)

PAYER, PAYEE = "member:ana:EUR", "member:ben:GBP"
rates = st.builds(
    Rate, st.just("EUR"), st.just("GBP"), st.integers(1, GREATEST_MID_NANO), st.integers(0, MOST_SPREAD_PPM)
)
amounts, fees = st.integers(1, 10**18), st.integers(0, 100_000)


def price(rate: Rate) -> Fraction:
    """The naive twin: what one unit is worth to who sells it."""
    return Fraction(rate.mid_nano, NANO) * (1 - Fraction(rate.spread_ppm, PPM))


@given(amounts, rates, fees)
def test_all_of_a_debit_is_spent(debit: int, rate: Rate, fee_ppm: int) -> None:
    made = of_debit(debit, rate, fee_ppm)
    assert made.fee == floor(Fraction(debit * fee_ppm, PPM))
    assert made.receive == made.bought == floor((debit - made.fee) * price(rate))
    assert made.rounding == 0 <= made.spread == floor(made.sold * Fraction(rate.mid_nano, NANO)) - made.bought
    conserved(made)


@given(amounts, rates, fees)
def test_what_is_to_arrive_arrives_for_the_least(receive: int, rate: Rate, fee_ppm: int) -> None:
    made = of_receive(receive, rate, fee_ppm)
    assert made.receive == receive
    assert made.sold == ceil(receive / price(rate))
    assert 0 <= made.rounding < max(Fraction(1), price(rate))
    assert made.fee == floor(Fraction(made.debit * fee_ppm, PPM))
    assert of_debit(made.debit - 1, rate, fee_ppm).receive < receive
    conserved(made)


@given(amounts, fees)
def test_at_par_what_is_sold_arrives(amount: int, fee_ppm: int) -> None:
    made = of_receive(amount, par("EUR"), fee_ppm)
    assert (made.sold, made.rounding, made.spread) == (amount, 0, 0)
    legs = transfers(made, "p", PAYER, "member:cem:EUR", "")
    assert (legs[0].source, legs[0].target) == (PAYER, "member:cem:EUR")
    assert sum(leg.amount.nano for leg in legs) == made.debit


def conserved(made: Conversion) -> None:
    """The legs take from the payer what was said, give the payee what was said, and leave nothing between."""
    balances: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    legs = transfers(made, "p", PAYER, PAYEE, "")
    for leg in legs:
        assert leg.amount.nano > 0
        balances[leg.source] -= leg.amount.nano
        balances[leg.target] += leg.amount.nano
        assert leg.source.endswith(leg.amount.currency) and leg.target.endswith(leg.amount.currency)
    for name, nano in balances.items():
        sums[name[-3:]] += nano
    assert not any(sums.values())
    assert balances[PAYER] == -made.debit
    assert balances[PAYEE] == made.receive
    assert balances["fx:EUR"] == made.debit - made.fee
    assert balances["fx:GBP"] == -made.bought
    assert len({leg.id for leg in legs}) == len(legs)


def test_amounts_that_cannot_be_kept_are_not_possible() -> None:
    dear, cheap = Rate("EUR", "GBP", GREATEST_MID_NANO, 0), Rate("EUR", "GBP", 1, 0)
    assert not of_debit(10**18, dear, 0).possible
    assert not of_debit(1, cheap, 0).possible
    assert not of_receive(10**18, cheap, 0).possible
    assert of_debit(10**18, par("EUR"), 0).possible


def test_whose_an_account_is() -> None:
    assert accounts.member_of(accounts.member("a:b", "EUR")) == "a:b"
    assert accounts.member_of(accounts.platform("EUR")) is None
