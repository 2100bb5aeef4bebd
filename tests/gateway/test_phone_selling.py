"""What an owner chooses on the phone is what is offered at the next gate."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.gateway.marketplace import Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS, Reader
from tests.gateway.test_offering import QUARTER, START
from tradelane.gateway.choices import Choices
from tradelane.gateway.file import RoleFile
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.offering import Offering
from tradelane.gateway.sections import EdgeSection
from tradelane.gateway.web.phone.what_if import what_if
from tradelane.market.units import Interval, iso
from tradelane.meter.metering import Metered, MeteredInterval

STREET = EdgeSection.model_validate(
    {
        "zone_url": "http://zone.example",
        "members": [
            {
                "id": "rosa", "name": "Rosa", "zone": "NL", "sells": True, "meter": "roof",
                "min_price": "-30", "community": "street", "partners": ["beth"], "feed_in": "70",
            }
        ],
        "meters": [{"name": "roof", "transport": "modbus", "host": "192.0.2.1"}],
    }
)  # fmt: skip
CLOSED = [
    MeteredInterval("roof", Interval.at(START + k * QUARTER, QUARTER), 0, 900, 1000, Metered.MEASURED)
    for k in range(9)
]
DELIVERY = Interval.at(START + 9 * QUARTER, QUARTER)


def bodies(choices: Choices) -> list[dict[str, Any]]:
    product = {"id": f"power/{DELIVERY}", "unit": "MWh", "lot": "0.000001", "tick": "0.01", "gate": "a gate"}
    offering = Offering(STREET, {"roof": CLOSED})
    return list(offering.bodies(choices.member("rosa"), [product], DELIVERY.start, {}))


def after(folder: Path, *wishes: tuple[Any, str]) -> list[dict[str, Any]]:
    """What is sent after these choices, and again once the edge has restarted."""
    folder.mkdir(exist_ok=True)
    file = RoleFile(folder / "edge.sqlite", PLACE, HEAD)
    file.open()

    async def main() -> list[dict[str, Any]]:
        choices, again = Choices(STREET.members), Choices(STREET.members)
        for at, (key, text) in enumerate(wishes):
            await choices.choose(file, at, "rosa", key, text)
        await file.read(again.restore)
        sent = bodies(choices)
        assert sent == bodies(again)
        return sent

    try:
        return asyncio.run(main())
    finally:
        file.close()


def test_below_zero_is_sold_only_by_choice(tmp_path: Path) -> None:
    assert [body["price"] for body in bodies(Choices(STREET.members))] == ["0.00"]
    assert [body["price"] for body in after(tmp_path, ("below_zero", "true"))] == ["-30.00"]


def test_what_is_kept_is_not_offered(tmp_path: Path) -> None:
    assert [body["quantity"] for body in after(tmp_path, ("keep_wh", "400"))] == ["0.000500"]


def test_who_comes_first_goes_with_the_order(tmp_path: Path) -> None:
    (plain,) = bodies(Choices(STREET.members))
    (near,) = after(tmp_path / "near", ("first", "community"))
    (anyone,) = after(tmp_path / "anyone", ("first", "anyone"))
    (named,) = after(tmp_path / "named", ("first", "partners"), ("partners", "anna bram"))
    assert (plain["community"], plain["partners"]) == ("street", ["beth"])
    assert (near["community"], "partners" in near) == ("street", False)
    assert not {"community", "partners"} & set(anyone)
    assert named["partners"] == ["anna", "bram"]


def test_power_is_bought_below_a_limit_from_and_until(tmp_path: Path) -> None:
    wish = '{"kind": "steady", "max_price": "250", "max_wh": 2000, "since": "%s", "until": "%s"}'
    off = ("sells", "false")
    (bid,) = after(tmp_path, off, ("buys", wish % (iso(DELIVERY.start), iso(DELIVERY.end))))
    assert (bid["side"], bid["price"], bid["quantity"]) == ("buy", "250.00", "0.002000")
    assert after(tmp_path, off, ("buys", wish % (iso(DELIVERY.end), iso(DELIVERY.end + QUARTER)))) == []
    assert after(tmp_path, off, ("buys", "nothing")) == []


def test_what_yesterday_would_have_earned() -> None:
    first, second, third = (one.interval for one in CLOSED[:3])
    exported = {first: 1000, second: 2000, third: 3000}
    prices = {first: Decimal(100), second: Decimal(-20)}
    found = what_if(exported, prices, Decimal(0), 0)
    assert (found.earned, found.sold_wh, found.exported_wh) == (Decimal("0.1"), 1000, 3000)
    assert (found.selling, found.intervals) == (1, 2)
    assert what_if(exported, prices, Decimal(-50), 500).earned == Decimal("0.02")
    assert what_if(exported, prices, Decimal(101), 0).sold_wh == 0


def test_the_form_sets_all_of_it_or_nothing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        rosa = Reader(market)
        await rosa.pair("rosa")
        page = (await rosa.get("/me/selling")).text
        assert 'value="0.07"' in page, "prefilled with what the surplus earns elsewhere"
        assert "feed-in tariff: €0.0700" in page
        wish = {
            "min_price": "0,09",
            "keep": "0.25",
            "first": "anyone",
            "partners": "anna, bram",
            "sells": "on",
        }
        for wrong in ({"keep": "-1"}, {"first": "me"}, {"partners": "a a"}, {"keep": "x"}):
            answer = await rosa.post("/me/selling", {**wish, **wrong})
            assert answer.status_code == 422, wrong
            assert next(iter(wrong)) in answer.text
        assert 'value="0.07"' in (await rosa.get("/me/selling")).text, "a refused form changes nothing"
        assert (await rosa.post("/me/selling", wish)).status_code == 303
        page = (await rosa.get("/me/selling?done=1")).text
        for shown in (
            'value="0.09"',
            'value="0.25"',
            'value="anna, bram"',
            'value="anyone" checked',
            "Saved.",
        ):
            assert shown in page
        assert (await rosa.get("/me/selling?price=cheap")).status_code == 422

    config = HOUSEHOLDS.replace('min_price = "10"', 'feed_in = "70"')
    in_market(tmp_path, use, config=config)
