"""Duty and import tax: sums, small values, and the rule in force on the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import Money
from tradelane.settlement.hs import goods
from tradelane.settlement.landed import Consignment, Incoterm, Unassessable, Why, landed
from tradelane.settlement.tariff_data import longest, territories, territory

RATES = {"EUR": Fraction(1), "GBP": Fraction("1.17"), "NOK": Fraction("0.087"), "CHF": Fraction("1.05")}


def euros(text: str) -> Money:
    return Money.parse(text, "EUR")


COFFEE = Consignment(
    "090121", "GB", "NL", euros("1000"), euros("100"), Incoterm.FCA, date(2026, 9, 1), rates=RATES
)


def asked(**changes: Any) -> Consignment:
    return replace(COFFEE, **changes)


def parts(one: Consignment) -> tuple[str, str, str]:
    found = landed(one)
    return str(found.sum_of("duty")), str(found.sum_of("tax")), str(found.total)


def test_by_hand() -> None:
    # duty 7.5 % of 1100; VAT 9 % of 1182.50
    assert parts(COFFEE) == ("82.5", "106.425", "1288.925")
    delivered = asked(value=euros("1100"), incoterm=Incoterm.DAP)
    assert parts(delivered) == parts(COFFEE), "the price holds the freight"
    preferred = landed(asked(preference=True))
    assert [line.rule.name for line in preferred.lines] == ["EU–UK TCA", "NL reduced: food, books"]
    assert str(preferred.total) == "1199"
    assert {line.collected for line in landed(asked(business=True)).lines} == {"at import", "own return"}
    assert landed(asked(origin="ES")).lines == (), "within one customs territory"


@pytest.mark.parametrize(
    ("changes", "duty"),
    [
        ({"value": euros("150"), "on": date(2026, 6, 30)}, "0"),
        ({"value": euros("150.01"), "on": date(2026, 6, 30), "freight": euros("0")}, "11.25075"),
        ({"value": euros("150"), "on": date(2026, 7, 1)}, "3"),
        ({"value": euros("150"), "on": date(2026, 7, 1), "items": 3}, "9"),
        ({"value": euros("100"), "on": date(2026, 7, 1), "business": True, "freight": euros("0")}, "7.5"),
        ({"value": euros("150"), "on": date(2028, 7, 1), "freight": euros("0")}, "11.25"),
    ],
)
def test_small_consignments_to_the_union(changes: dict[str, Any], duty: str) -> None:
    assert str(landed(asked(**changes)).sum_of("duty")) == duty


@pytest.mark.parametrize(
    ("destination", "currency", "code", "value", "duty", "tax", "collected"),
    [
        ("GB", "GBP", "610910", "135", "0", "27", "at sale"),
        ("GB", "GBP", "610910", "135.000000001", "16.2", "30.24", "at import"),
        ("NO", "NOK", "610910", "2999.999999999", "0", "750", "at sale"),
        ("CH", "CHF", "610910", "61.72", "0", "0", "at import"),
        ("CH", "CHF", "610910", "61.73", "0", "5.00013", "at import"),
    ],
)
def test_small_consignments_elsewhere(
    destination: str, currency: str, code: str, value: str, duty: str, tax: str, collected: str
) -> None:
    nothing = Money(0, currency)
    one = asked(hs_code=code, origin="CN", destination=destination, freight=nothing)
    found = landed(replace(one, value=Money.parse(value, currency)))
    near = [round(float(str(found.sum_of(kind))), 6) for kind in ("duty", "tax")]
    assert near == [float(duty), float(tax)]
    assert found.lines[1].collected == collected


def test_the_american_de_minimis_ended() -> None:
    parcel = asked(destination="US", value=Money.parse("800", "USD"), freight=Money(0, "USD"))
    assert str(landed(replace(parcel, on=date(2025, 8, 28))).total) == "800"
    with pytest.raises(Unassessable, match="executive order"):
        landed(replace(parcel, on=date(2025, 8, 29)))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"destination": "BR"}, Why.DESTINATION),
        ({"hs_code": "070190"}, Why.DIGITS),
        ({"hs_code": "070200"}, Why.DUTY),
        ({"hs_code": "841280"}, Why.DUTY),
        ({"hs_code": "871200", "origin": "CN"}, Why.DUTY),
        ({"origin": "NO", "preference": True}, Why.PREFERENCE),
        ({"destination": "FR"}, Why.TAX),
        ({"hs_code": "220300", "preference": True}, Why.TAX),
        ({"destination": "NO", "rates": {}}, Why.RATE),
        ({"incoterm": Incoterm.CIF, "freight": euros("1001")}, Why.FREIGHT),
    ],
)
def test_what_is_not_known_is_refused_by_name(changes: dict[str, Any], why: Why) -> None:
    with pytest.raises(Unassessable) as refused:
        landed(asked(**changes))
    assert refused.value.why is why
    assert str(refused.value).startswith(refused.value.field)


amounts = st.integers(0, 10**15)


@given(amounts, amounts, amounts, st.sampled_from([date(2026, 1, 1), date(2026, 8, 1), date(2029, 1, 1)]))
def test_sums_are_whole_and_more_value_never_costs_less(
    value: int, more: int, freight: int, on: date
) -> None:
    low = landed(asked(value=Money(value, "EUR"), freight=Money(freight, "EUR"), on=on, business=True))
    high = landed(
        asked(value=Money(value + more, "EUR"), freight=Money(freight, "EUR"), on=on, business=True)
    )
    duty, tax = (low.sum_of(kind).nano for kind in ("duty", "tax"))
    assert low.total.nano == value + freight + duty + tax
    assert high.total.nano >= low.total.nano
    assert abs(tax * 100 - 9 * (value + freight + duty)) <= 50


def test_every_rule_has_its_source_and_dates() -> None:
    for place in set(territories().values()):
        rules = [*place.duties, *place.preferences, *place.taxes, *(one.rule for one in place.reliefs)]
        assert rules and all(rule.source and rule.name for rule in rules)
        assert all(rule.valid_to is None or rule.valid_from <= rule.valid_to for rule in rules)
    assert {"NL", "DE", "ES", "GB", "NO", "CH", "US", "CN"} <= territories().keys()


def test_rules_that_contradict_each_other_are_refused() -> None:
    row = {"name": "a", "ppm": 1, "source": "s", "valid_from": date(2020, 1, 1), "verified": False}
    table = {"territory": "X", "currency": "EUR", "countries": ["X"], "cif": True}
    territory(
        {**table, "duty": [{**row, "valid_to": date(2020, 12, 31)}, {**row, "valid_from": date(2021, 1, 1)}]}
    )
    with pytest.raises(ValueError, match="both in force"):
        territory({**table, "duty": [row, {**row, "name": "b", "valid_from": date(2021, 1, 1)}]})
    with pytest.raises(ValueError, match="give ppm or refused"):
        territory({**table, "duty": [{**row, "refused": "why"}]})


EVERYTHING = "0" * 10
"""A code that only a rule for every good fits."""


def test_no_general_rate_is_taken_for_food_or_print() -> None:
    """A reduced rate is known for the good itself, or nobody is told any rate."""
    on = date(2026, 9, 1)
    for country in ("NL", "DE", "ES", "IT", "GB", "NO", "CH", "CN"):
        taxes = territories()[country].taxes
        for code in sorted({entry.code for entry in goods()}):
            found = longest(taxes, code, country, on)
            if found is not None and code.startswith((*(f"{n:02d}" for n in range(1, 25)), "49")):
                assert found.prefix, f"{country}: {code}: {found.name}"
    assert longest(territories()["GB"].taxes, EVERYTHING, "GB", on) is not None


def test_food_of_which_the_rate_is_not_known_is_refused() -> None:
    chocolate = asked(hs_code="180690", origin="NL", destination="GB", value=Money.parse("100", "GBP"))
    with pytest.raises(Unassessable, match="depends on what it is") as refused:
        landed(replace(chocolate, freight=Money(0, "GBP")))
    assert refused.value.why is Why.TAX
