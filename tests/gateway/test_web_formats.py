"""Numbers, money and time as the page shows them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.page_samples import amount
from tradelane.gateway.web.formats import Formats

FORMATS = Formats("en")


@pytest.mark.parametrize(
    ("wh", "text"),
    [
        (0, "0 kWh"), (1, "0.001 kWh"), (640, "0.64 kWh"), (3_400, "3.4 kWh"), (-450, "-0.45 kWh"),
        (12_345, "12.3 kWh"), (999_999, "1,000 kWh"), (250_000_000, "250 MWh"), (99_999_999_999, "100 GWh"),
    ],
)  # fmt: skip
def test_energy(wh: int, text: str) -> None:
    assert FORMATS.energy(wh).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("0", "EUR", "€0.00"), ("-0.00001", "EUR", "€0.0000"), ("0.0512", "GBP", "£0.0512"),
        ("1.005", "EUR", "€1.00"),
        ("-4.1", "EUR", "-€4.10"), ("1234567.5", "NOK", "NOK 1,234,567.50"), ("0.02", "CHF", "CHF 0.0200"),
    ],
)  # fmt: skip
def test_money(value: str, currency: str, text: str) -> None:
    assert FORMATS.money(amount(value, currency)).replace("\u00a0", " ") == text


@given(st.decimals(-10_000, 10_000, places=9, allow_nan=False), st.integers(-(10**13), 10**13))
def test_nothing_is_ever_minus_zero(value: Decimal, wh: int) -> None:
    shown = (
        FORMATS.money(amount(f"{value:f}", "EUR")),
        FORMATS.price(f"{value:f}", "EUR"),
        FORMATS.quantity(f"{value:f}", "kWh"),
        FORMATS.energy(wh),
    )
    for text in shown:
        assert not text.startswith("-") or re.search("[1-9]", text)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_share_is_all_or_nothing_only_when_it_is(part: int, whole: int) -> None:
    text = FORMATS.share(part, whole)
    assert text.startswith("100\u00a0") == (part >= whole)
    assert text.startswith("0\u00a0") == (part == 0)


@pytest.mark.parametrize(
    ("ms", "text"), [(43, "43 ms"), (612, "0.6 s"), (9_949, "9.9 s"), (9_960, "10 s"), (180_000, "3 min")]
)
def test_duration(ms: int, text: str) -> None:
    assert FORMATS.duration(ms).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "now"), (1, "in 1 s"), (119_000, "in 119 s"), (713_000, "in 11 min 53 s")]
)
def test_wait(ms: int, text: str) -> None:
    assert FORMATS.wait(ms).replace("\u00a0", " ") == text
