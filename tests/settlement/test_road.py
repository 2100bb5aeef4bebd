"""The road's rules: who may end a payment, and what one costs, to the nano-unit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.hubs import eur, gbp
from tradelane.market.units import NANO, PPM, Money
from tradelane.settlement.fspiop_states import TransferEvent, TransferState
from tradelane.settlement.road import (
    FINAL,
    PAYEE_HUB,
    PAYER_HUB,
    QUOTE,
    AmountType,
    Prices,
    QuoteState,
    Terms,
    payee_legs,
    payer_leg,
    terms,
)

PRICES = Prices({"EUR": NANO, "GBP": NANO * 6 // 5}, spread_ppm=5_000, fee_ppm=1_000)
AMOUNTS = st.integers(1, 10**15)


def test_only_the_payee_s_hub_ends_a_payment_by_time() -> None:
    by_time = {step for step in PAYEE_HUB if step[1] is TransferEvent.EXPIRE}
    assert by_time and PAYER_HUB.keys() == PAYEE_HUB.keys() - by_time


@pytest.mark.parametrize("table", [PAYEE_HUB, PAYER_HUB])
def test_a_final_state_is_final(table: dict[tuple[TransferState, TransferEvent], TransferState]) -> None:
    assert not [step for step in table if step[0] in FINAL]
    assert {QuoteState.USED, QuoteState.REFUSED} == {state for state, to in QUOTE.items() if not to}


def test_what_arrives_is_fixed_and_the_payer_bears_spread_and_fee() -> None:
    found = terms(gbp("10"), AmountType.RECEIVE, "EUR", "GBP", PRICES)
    assert found == Terms(eur("12.07206"), eur("0.01206"), gbp("10"))


def test_what_is_sent_is_fixed_and_less_arrives() -> None:
    found = terms(eur("12.07206"), AmountType.SEND, "EUR", "GBP", PRICES)
    assert found == Terms(eur("12.07206"), eur("0.01206"), gbp("10"))


def test_one_currency_has_no_spread() -> None:
    found = terms(eur("10"), AmountType.RECEIVE, "EUR", "EUR", PRICES)
    assert found == Terms(eur("10.01"), eur("0.01"), eur("10"))


def test_no_rate_or_nothing_that_arrives_is_no_price() -> None:
    assert terms(eur("1"), AmountType.SEND, "EUR", "NOK", PRICES) is None
    assert terms(Money(1, "EUR"), AmountType.SEND, "EUR", "GBP", PRICES) is None


@given(
    AMOUNTS, st.sampled_from(AmountType), st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, PPM)
)
def test_the_desk_never_loses_and_never_takes_a_unit_more(
    nano: int, kind: AmountType, payer: int, payee: int, ppm: int
) -> None:
    prices = Prices({"EUR": payer, "GBP": payee}, spread_ppm=ppm, fee_ppm=ppm)
    found = terms(Money(nano, "EUR" if kind is AmountType.SEND else "GBP"), kind, "EUR", "GBP", prices)
    if found is None:
        assert kind is AmountType.SEND
        return
    base = found.send.nano - found.fee.nano
    per_unit = Fraction(payee * (PPM + ppm), payer * PPM)
    owed = found.receive.nano * per_unit
    slack = max(per_unit, Fraction(1)) if kind is AmountType.SEND else Fraction(1)
    assert 0 <= base - owed < slack
    assert found.fee.nano * PPM >= base * ppm > (found.fee.nano - 1) * PPM - ppm - PPM
    fixed = found.send if kind is AmountType.SEND else found.receive
    assert fixed.nano == nano


@given(AMOUNTS, st.sampled_from(["EUR", "GBP"]), st.sampled_from(["EUR", "GBP"]))
def test_both_hubs_move_the_same_between_them(nano: int, payer: str, payee: str) -> None:
    agreed = terms(Money(nano, payee), AmountType.RECEIVE, payer, payee, PRICES)
    assert agreed is not None
    sent = payer_leg("member:ana", "lon", agreed)
    legs = payee_legs("member:ben", "ams", agreed)
    between = [leg for leg in legs if leg.source == f"road:ams:{payer}"]
    assert sent.target == f"road:lon:{payer}"
    assert sum(leg.amount.nano for leg in between) == sent.amount.nano == agreed.send.nano
    assert [leg.amount for leg in legs if leg.target == "member:ben"] == [agreed.receive]
    assert all(leg.amount.nano > 0 for leg in legs)
