from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.consumer import BAKERY, CONSUMERS, HOUR, Consumer, PriceStep
from tradelane.market.order import Order, Side, check
from tradelane.market.product import Product
from tradelane.market.quoting import Draft, lots_of_wh, quote_demand, quote_lots, quote_surplus
from tradelane.market.units import Interval, instant

NOON = Interval.at(instant("2026-06-21T12:00Z"), 15 * 60_000)
POWER = Product("power", "MWh", Decimal("0.000001"), Decimal("0.01"), -50_000, 400_000, delivery=NOON)
KILOGRAMS = Product("potatoes", "kg", Decimal(25), Decimal("0.001"), 0, 10_000)
FLAT = (PriceStep(50, Decimal(300)), PriceStep(30, Decimal("149.999")), PriceStep(20, Decimal(-10)))


def flat(wh: int, steps: tuple[PriceStep, ...] = FLAT) -> Consumer:
    return Consumer("flat", (wh,) * 24, steps)


def test_a_surplus_is_offered_less_what_is_kept_at_the_members_price() -> None:
    draft = quote_surplus("anna", "NL", POWER, 1_250, 200, 4_120)
    assert draft == Draft("anna", "power", "NL", Side.SELL, 4_120, 1_050)


@pytest.mark.parametrize(("low_wh", "keep_wh"), [(0, 0), (200, 200), (100, 200), (-50, 0), (-50, -100)])
def test_nothing_to_spare_is_no_offer(low_wh: int, keep_wh: int) -> None:
    assert quote_surplus("anna", "NL", POWER, low_wh, keep_wh, 4_120) is None


def test_an_offers_price_stays_within_the_products_limits() -> None:
    low = quote_surplus("anna", "NL", POWER, 10, 0, -99_999)
    assert low is not None and low.price == -50_000
    assert quote_surplus("anna", "NL", POWER, 10, 0, 400_001) is None


def test_goods_are_offered_by_the_lot() -> None:
    assert quote_lots("anna", "NL", KILOGRAMS, 32, 420) == Draft("anna", "potatoes", "NL", Side.SELL, 420, 32)
    assert quote_lots("anna", "NL", KILOGRAMS, 0, 420) is None
    with pytest.raises(ValueError, match="not energy"):
        quote_surplus("anna", "NL", KILOGRAMS, 10, 0, 420)


def test_energy_is_counted_in_whole_lots() -> None:
    coarse = replace(POWER, lot=Decimal("0.1"), unit="kWh")
    assert [lots_of_wh(coarse, wh) for wh in (0, 99, 100, 199, 1_000)] == [0, 0, 1, 1, 10]


def test_demand_falls_with_the_price_in_steps() -> None:
    drafts = quote_demand("bram", "GB", POWER, flat(4_000))
    assert [(d.price, d.quantity) for d in drafts] == [(30_000, 500), (14_999, 300), (-1_000, 200)]
    assert {(d.member, d.zone, d.side, d.product) for d in drafts} == {("bram", "GB", Side.BUY, "power")}


def test_own_production_covers_the_dearest_use_first() -> None:
    drafts = quote_demand("bram", "GB", POWER, flat(4_000), own_wh=600)
    assert [(d.price, d.quantity) for d in drafts] == [(14_999, 200), (-1_000, 200)]
    assert quote_demand("bram", "GB", POWER, flat(4_000), own_wh=5_000) == []


def test_a_bids_price_stays_within_the_products_limits() -> None:
    narrow = replace(POWER, min_price=0, max_price=20_000)
    drafts = quote_demand("bram", "GB", narrow, flat(4_000))
    assert [(d.price, d.quantity) for d in drafts] == [(20_000, 500), (14_999, 300)]


def test_prices_per_mwh_become_ticks_of_a_product_in_kwh() -> None:
    by_kwh = replace(POWER, unit="kWh", lot=Decimal("0.001"), tick=Decimal("0.0001"))
    assert [d.price for d in quote_demand("bram", "GB", by_kwh, flat(4_000))] == [3_000, 1_499, -100]


def test_demand_needs_a_delivery_interval() -> None:
    with pytest.raises(ValueError, match="delivery interval"):
        quote_demand("bram", "GB", replace(POWER, delivery=None), BAKERY)


def test_use_follows_the_hours_of_the_local_day() -> None:
    rising = Consumer("rising", tuple(range(0, 24_000, 1_000)), FLAT)
    assert rising.use_wh(NOON) == 3_000
    assert rising.use_wh(NOON, utc_offset=2 * HOUR) == 3_500
    assert rising.use_wh(NOON, utc_offset=-13 * HOUR) == 5_750
    over_the_hour = Interval(NOON.start - HOUR // 4, NOON.start + HOUR // 2)
    assert rising.use_wh(over_the_hour) == 11_000 // 4 + 12_000 // 2


@pytest.mark.parametrize(
    ("hours", "steps", "words"),
    [
        ((1,) * 23, FLAT, "24 hours"),
        ((-1,) * 24, FLAT, "24 hours"),
        ((1,) * 24, (), "one to three"),
        ((1,) * 24, FLAT[::-1], "below the one before"),
        ((1,) * 24, FLAT[:2], "make 100"),
    ],
)
def test_an_impossible_consumer_is_refused(
    hours: tuple[int, ...], steps: tuple[PriceStep, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Consumer("odd", hours, steps)


@pytest.mark.parametrize("kind", ["bakery", "cold store", "heat pump", "charging post"])
def test_each_kinds_bids_make_its_use_and_are_acceptable_orders(kind: str) -> None:
    consumer = CONSUMERS[kind]
    for hour in range(24):
        delivery = NOON.shifted(4 * hour)
        product = replace(POWER, delivery=delivery)
        drafts = quote_demand("bram", "GB", product, consumer)
        assert sum(d.quantity for d in drafts) == consumer.use_wh(delivery) > 0
        for d in drafts:
            order = Order("o", 1, d.member, d.product, d.zone, d.side, d.price, d.quantity)
            assert check(order, product, {"GB"}, now=0) is None


@given(st.integers(0, 10**7), st.integers(-10, 10**7), st.integers(1, 98))
def test_bids_and_own_production_never_exceed_the_use(wh: int, own: int, share: int) -> None:
    steps = tuple(
        PriceStep(part, Decimal(price)) for part, price in ((share, 300), (99 - share, 200), (1, 100))
    )
    use = wh // 4
    drafts = quote_demand("bram", "GB", POWER, flat(wh, steps), own_wh=own)
    assert sum(d.quantity for d in drafts) == use - min(use, max(0, own))
    assert [d.price for d in drafts] == sorted((d.price for d in drafts), reverse=True)
