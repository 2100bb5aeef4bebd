"""Products, lanes and orders: scales, losses, and the first reason to refuse."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.markets import POWER
from tradelane.market.network import Network
from tradelane.market.order import Order, Refusal, Side, check
from tradelane.market.product import Lane, Zone

GOOD = Order("o", 1, "m", "power", "A", Side.SELL, 100, 5)
GATED = replace(POWER, gate=1000)


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_prices_and_quantities_are_written_and_read_back(ticks: int, lots: int) -> None:
    assert POWER.ticks(POWER.price_text(ticks)) == ticks
    assert POWER.lots(POWER.quantity_text(lots)) == lots


def test_off_tick_and_off_lot_are_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        POWER.ticks("0.005")
    with pytest.raises(ValueError, match="not a multiple"):
        POWER.lots("0.0005")
    assert POWER.nano_per_tick_lot == 10_000


@given(st.integers(0, 10**12), st.integers(0, 999_999))
def test_losses_are_rounded_up_and_never_exceed_the_load(sent: int, ppm: int) -> None:
    received = Lane("l", "A", "B", 10**12, ppm).received(sent)
    exact = sent * Fraction(1_000_000 - ppm, 1_000_000)
    assert 0 <= received <= exact < received + 1


@pytest.mark.parametrize(
    ("change", "now", "refusal"),
    [
        ({}, 999, None),
        ({"product": "tulips"}, 0, Refusal.UNKNOWN_PRODUCT),
        ({"zone": "Z"}, 0, Refusal.UNKNOWN_ZONE),
        ({"quantity": 0}, 0, Refusal.QUANTITY_NOT_POSITIVE),
        ({"quantity": -1}, 0, Refusal.QUANTITY_NOT_POSITIVE),
        ({"price": -501}, 0, Refusal.PRICE_OUT_OF_RANGE),
        ({"price": 4001}, 0, Refusal.PRICE_OUT_OF_RANGE),
        ({"price": -500}, 0, None),
        ({"price": 4000}, 0, None),
        ({}, 1000, Refusal.GATE_CLOSED),
    ],
)
def test_an_order_is_refused_for_its_first_fault(
    change: dict[str, int], now: int, refusal: Refusal | None
) -> None:
    assert check(replace(GOOD, **change), GATED, {"A"}, now) is refusal  # type: ignore[arg-type]  # by field name


def test_every_refusal_names_a_field_and_a_reason() -> None:
    for refusal in Refusal:
        assert refusal.field.isidentifier() and len(refusal.reason) > 10
    assert Side.SELL.sign == -Side.BUY.sign == 1 and Side.SELL.other is Side.BUY


def test_a_network_is_sorted_and_counts_in_numeraire_ticks() -> None:
    zones = [Zone("NO2", "NOK", Decimal("0.087")), Zone("GB", "GBP", Decimal("1.17"))]
    lane = Lane("NO2>GB", "NO2", "GB", 9, 38_000, Decimal("0.60"), 100_000)
    network = Network.of(POWER, zones, [lane])
    assert [zone.id for zone in network.zones] == ["GB", "NO2"]
    (link,) = network.links
    assert (link.source, link.target, link.capacity) == (1, 0, 9)
    assert (link.gamma, link.tariff, link.markup) == (Fraction("0.962"), Fraction(60), Fraction("1.1"))
    assert link.margin([Fraction(5000), Fraction(4000)]) == 4810 - 4400 - 60
