"""Goods over a lane whose duty is the destination's own: the market, the landed price and customs agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.marketplace import CONFIG, FARM, POTATOES, SHOP, Marketplace, in_market
from tests.gateway.test_settling import DOOR, E, carried
from tradelane.gateway import border, crossing, landed_prices, lane_duty
from tradelane.gateway.config import ConfigError, load
from tradelane.market.product import DutyBasis
from tradelane.market.units import Money

BY_TABLE = CONFIG.replace("duty_ppm = 80000", "duty_rule = true")
SHIRTS = BY_TABLE.replace('hs_code = "070190"', 'hs_code = "610910"')
"""12 % duty on goods and freight, 20 % VAT on all; nothing up to 135 GBP but VAT."""
MODULES = (border, crossing, landed_prices)
ACCOUNTS = ("customs:GBP", "import-tax:GBP", "lane:NL>GB.road:tariff:GBP", "rounding:GBP")


async def shown(market: Marketplace, **query: str) -> dict[str, Any]:
    asked = {"zone": "GB", "price": "2.00", "quantity": "250", **query}
    answer = await market.http.get(f"/api/v1/landed/{POTATOES}", params=asked)
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    return dict(item)


async def paid(market: Marketplace) -> Money:
    """What the shop is poorer by."""
    account = await market.hub.account(SHOP.account)
    assert account.held == "0"
    return Money(Money.parse("1000", "GBP").nano - Money.parse(account.posted, "GBP").nano, "GBP")


def test_what_was_shown_is_what_is_charged(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "1.00", "250", product=POTATOES)
        before = await shown(market)
        # 250 EUR of goods and 15 EUR of freight at 1.17; 12 % of both; 20 % of all three
        assert before["goods"] == "213.675213675"
        assert before["freight"] == "12.820512821"
        assert before["duty"] == "27.17948718"
        assert [line["rule"] for line in before["lines"]] == [
            "UKGT, T-shirts",
            "GB standard: clothes and shoes, children's apart",
        ]
        await market.taken(SHOP, "buy", "2.00", "250", product=POTATOES)
        await market.settled("shipped")
        (shipment,) = (await market.hub.shipments()).items
        found = await market.hub.customs.declaration(shipment.declaration)
        assert (found.state, found.weight_kg) == ("released", "250")
        assert [str(await market.balance(name)) for name in ACCOUNTS[:2]] == [before["duty"], before["tax"]]
        await carried(market, *DOOR, E.DELIVERED)
        await market.settled("released")
        assert str(await paid(market)) == before["total"]
        balances = [await market.balance(name) for name in ACCOUNTS]
        assert balances == [before[name] for name in ("duty", "tax", "freight", "rounding")]
        assert await market.balance(FARM.account) == "250"
        assert await market.books_balance()

    in_market(tmp_path, use, config=SHIRTS)


def test_a_small_consignment_s_relief_is_the_buyer_s(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "1.00", "25", product=POTATOES)
        before = await shown(market, quantity="25")
        assert before["duty"] == "0"
        assert before["lines"][1]["collected"] == "at sale"
        await market.taken(SHOP, "buy", "2.00", "25", product=POTATOES)
        await market.settled("shipped")
        await carried(market, *DOOR, E.DELIVERED)
        await market.settled("released")
        assert str(await paid(market)) == before["total"]
        assert await market.balance("customs:GBP") == "0"

    in_market(tmp_path, use, config=SHIRTS)


def test_what_never_came_is_given_back_by_customs_too(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "1.00", "250", product=POTATOES)
        await market.taken(SHOP, "buy", "2.00", "250", product=POTATOES)
        await market.settled("shipped")
        await carried(market, E.PICKED_UP, E.LOST)
        await market.settled("refunded")
        assert (await paid(market)).nano == 0
        assert [await market.balance(name) for name in ACCOUNTS] == ["0"] * 4

    in_market(tmp_path, use, config=SHIRTS)


def test_the_part_that_came_is_what_duty_is_paid_for(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "1.00", "250", product=POTATOES)
        part = await shown(market, quantity="200")
        await market.taken(SHOP, "buy", "2.00", "250", product=POTATOES)
        await market.settled("shipped")
        await carried(market, *DOOR, E.PART_DELIVERED, E.LOST, quantity="200")
        await market.settled("released")
        assert str(await paid(market)) == part["total"]
        assert await market.balance("customs:GBP") == part["duty"]

    in_market(tmp_path, use, config=SHIRTS)


def test_without_money_for_customs_nothing_is_held(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "3.00", "300", product=POTATOES)
        await market.taken(SHOP, "buy", "5.00", "300", product=POTATOES)
        await market.settled("refused")
        assert (await paid(market)).nano == 0

    in_market(tmp_path, use, config=SHIRTS)


def test_a_lane_that_no_table_knows_is_closed(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "1.00", "25", product=POTATOES)
        answer = await market.http.get(
            f"/api/v1/landed/{POTATOES}", params={"zone": "GB", "price": "2.00", "quantity": "25"}
        )
        assert answer.json()["items"] == [], "six digits do not tell the duty of potatoes"
        for changes, code in (
            ({"price": "0.015"}, "off-tick"),
            ({"quantity": "1"}, "off-lot"),
            ({"price": "9.00"}, "price-out-of-range"),
            ({"quantity": "0"}, "quantity-not-positive"),
            ({"quantity": "250000000000"}, "order-too-large"),
            ({"zone": "FR"}, "unknown-zone"),
            ({"price": "dear"}, "not-a-decimal"),
        ):
            query = {"zone": "GB", "price": "2.00", "quantity": "25", **changes}
            refused = await market.http.get(f"/api/v1/landed/{POTATOES}", params=query)
            assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (422, code)

    in_market(tmp_path, use, config=BY_TABLE)


def test_a_lane_that_states_its_duty_shows_it(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "0.28", "100", product=POTATOES)
        found = await shown(market, quantity="100", price="0.42")
        assert (found["price"], found["total"], found["tax"]) == ("0.31", "31", "0")
        assert found["duty"] == "1.914529915", "8 % of 28 EUR"

    in_market(tmp_path, use)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("duty_rule = true", "duty_rule = true\nduty_ppm = 1", "duty_ppm"),
        ("duty_rule = true", "proof_of_origin = true", "proof_of_origin"),
        ('currency = "GBP"', 'currency = "EUR"', "duty_rule"),
        ('name = "Great Britain"', 'name = "Great Britain", country = "BR"', "duty_rule"),
    ],
)
def test_a_lane_that_cannot_follow_a_table_is_told(tmp_path: Path, old: str, new: str, field: str) -> None:
    path = tmp_path / "market.toml"
    path.write_text(BY_TABLE.replace(old, new))
    with pytest.raises(ConfigError, match=field):
        load(path)


def test_the_market_sees_the_table_s_duty() -> None:
    june = lane_duty.day_of(1_782_000_000_000)
    assert lane_duty.lane_duty("610910", "NL", "GB", june) == (120_000, DutyBasis.CIF)
    assert lane_duty.lane_duty("610910", "NL", "GB", june, proof_of_origin=True) == (0, DutyBasis.CIF)
    assert lane_duty.lane_duty("610910", "NL", "DE", june) == (0, DutyBasis.CIF)
    assert lane_duty.lane_duty("610910", "NL", "BR", june) is None
    countries = [lane_duty.country_of(zone) for zone in ("NL", "NO2", "IT-NORD", "NORD", "north", "10YNL")]
    assert countries == ["NL", "NO", "IT", "ZZ", "ZZ", "ZZ"]
