"""The pictures of an owner's home: numbers in, geometry out; and the zone behind them that may be away."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.test_offering import QUARTER, START
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.phone.home_picture import NARROWEST, WIDEST, home_picture
from tradelane.gateway.web.phone.now import sold_now
from tradelane.gateway.web.phone.own_zone import OwnZone
from tradelane.gateway.web.phone.price_strip import HEIGHT, price_strip
from tradelane.gateway.zone_client import ZoneUnreachable
from tradelane.market.units import Interval, iso
from tradelane.meter.metering import Metered, MeteredInterval

QUARTER_HOUR = Interval.at(START, QUARTER)


def closed(taken: int, out: int, made: int | None) -> MeteredInterval:
    return MeteredInterval("roof", QUARTER_HOUR, taken, out, made, Metered.MEASURED)


def test_what_the_house_uses_is_what_neither_sun_nor_grid_keeps() -> None:
    found = home_picture(closed(0, 900, 1000))
    assert (found.minutes, found.used_wh) == (15, 100)
    assert found.sun is not None
    assert (found.sun.width, found.taken.width) == (WIDEST, NARROWEST)
    blind = home_picture(closed(5, 0, None))
    assert (blind.sun, blind.used_wh) == (None, None)


@given(st.lists(st.integers(-500, 4000), min_size=1, max_size=30), st.integers(-500, 4000))
def test_bars_stand_inside_the_strip_on_their_side_of_zero(prices: list[int], limit: int) -> None:
    rows = [
        {
            "interval_start": iso(START + k * QUARTER),
            "interval_end": iso(START + (k + 1) * QUARTER),
            "price": str(p),
        }
        for k, p in enumerate(prices)
    ]
    strip = price_strip(rows, Decimal(limit), START + QUARTER)
    assert 0 <= strip.limit_y <= HEIGHT
    for bar, price in zip(strip.bars, prices, strict=True):
        assert 0 <= bar.y <= HEIGHT
        assert bar.y + bar.height <= HEIGHT + 1
        assert bar.sells == (price >= limit)
        if price >= limit:
            assert bar.y <= strip.limit_y or price <= 0
    assert [bar.ahead for bar in strip.bars[:2]] == [False, True][: len(prices)]


def test_what_was_seen_last_stands_in_for_a_zone_that_is_away() -> None:
    answers: list[Any] = [{"now": "then"}, ZoneUnreachable("gone"), ZoneUnreachable("gone")]

    async def mine(_: str) -> Any:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def no_prices(*_: object) -> list[dict[str, Any]]:
        raise ZoneUnreachable("gone")

    async def no_money(*_: object) -> dict[str, Any]:
        raise ZoneUnreachable("gone")

    async def main() -> None:
        zone = OwnZone(mine, no_prices, no_money)
        seen = [await zone.view("rosa") for _ in range(2)]
        assert [one.fresh for one in seen] == [True, False]
        assert [dict(one.view or {}) for one in seen] == [{"now": "then"}] * 2
        assert await zone.view("pim") == (None, False), "nobody is shown what another saw"
        assert await zone.prices("NL", 0, 1) == []
        assert await zone.money("rosa") is None

    asyncio.run(main())


def test_only_what_is_delivered_now_is_sold_now() -> None:
    trade = {"side": "sell", "product": f"power/{QUARTER_HOUR}"}
    goods = {"side": "sell", "product": "potatoes/2026-06-21"}
    view: Any = {"own_trades": [trade, {**trade, "side": "buy"}, goods]}
    assert [dict(one) for one in sold_now(view, START)] == [trade]
    assert sold_now(view, START + QUARTER) == []
    assert sold_now(None, START) == []


def test_a_price_per_kwh_is_never_minus_zero() -> None:
    assert Formats("en").each("-0.00001", "EUR") == "€0.0000"
