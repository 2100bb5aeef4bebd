"""A product's page: the curves of the clearing's case, an open book, the tape; what few did stays untold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    GATE,
    POTATOES,
    POWER,
    SHOP,
    Marketplace,
    in_market,
    member,
)
from tests.gateway.pages import Reader
from tradelane.gateway.web.desk.curves import (
    EDGE,
    HEIGHT,
    MOST_TOLD,
    WIDTH,
    Curves,
    blocks_of,
    curves_of,
    draw,
    steps_of,
)

CORA = member("cora", "GB")
NAMES = ("anna", "bram", "farm", "beth", "shop", "cora")


async def cleared(market: Marketplace) -> None:
    """Three sell in NL, two buy in GB: NL's curves may be shown, GB's not."""
    await market.join(ANNA, BRAM, FARM, BETH, SHOP)
    await market.taken(ANNA, "sell", "40", "0.001")
    await market.taken(BRAM, "sell", "40", "0.001")
    await market.taken(FARM, "sell", "70", "0.004")
    await market.taken(BETH, "buy", "100", "0.002")
    await market.taken(SHOP, "buy", "90", "0.001")
    market.now = GATE
    await market.priced()


def test_a_cleared_product_shows_its_case_s_curves_and_price(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        reader = Reader(market)
        text = (await reader.get(f"/desk/product/{POWER}?zone=NL")).text
        assert text.count('class="hover"') == 2
        assert "Supply: €40.00, 2\u00a0kWh (together 2\u00a0kWh)" in text
        assert "Supply: €70.00, 4\u00a0kWh (together 6\u00a0kWh)" in text
        assert text.count('class="point"') == 3  # sold, bought, and the legend's
        assert f'href="/desk/proof/{POWER}"' in text
        assert f'href="/api/v1/clearings/{POWER}/case"' in text
        assert not any(name in text.lower() for name in NAMES)
        few = (await reader.get(f"/desk/product/{POWER}?zone=GB&view=all")).text
        assert "Fewer than three members have orders here" in few
        assert "Sold</dt><dd>–" in few
        assert "Demand: " not in few

    in_market(tmp_path, use)


def test_orders_of_an_auction_stay_sealed_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BRAM, FARM)
        for seller in (ANNA, BRAM, FARM):
            await market.taken(seller, "sell", "33", "0.001")
        reader = Reader(market)
        text = (await reader.get(f"/desk/product/{POWER}")).text
        assert "Not cleared yet" in text
        assert "33" not in text.partition('id="curves"')[2].partition("</section>")[0]
        for path, status, field in (
            ("/desk/product/power/yesterday", 404, "product"),
            (f"/desk/product/{POWER}?zone=FR", 404, "zone"),
            (f"/desk/product/{POWER}?view=far", 422, "view"),
        ):
            answer = await reader.get(path)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
        past = await reader.get("/desk/product/potatoes/2026-06-20")
        assert past.status_code == 200
        newest = await reader.get("/desk/product")
        assert newest.status_code == 303
        assert (await reader.get(newest.headers["location"])).status_code == 200

    in_market(tmp_path, use)


def test_a_book_is_shown_as_seen_from_a_zone_and_the_tape_tells_of_three(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, FARM, SHOP, BETH, CORA)
        await market.taken(FARM, "sell", "0.20", "75", product=POTATOES)
        await market.taken(SHOP, "buy", "0.60", "25", product=POTATOES)
        reader = Reader(market)
        few = (await reader.get(f"/desk/product/{POTATOES}")).text
        assert "Fewer than three members have orders here" in few
        assert few.count('<td class="n">–</td>') == 3
        await market.taken(ANNA, "sell", "0.30", "25", product=POTATOES)
        await market.taken(BETH, "buy", "0.10", "25", product=POTATOES)
        await market.taken(CORA, "buy", "0.60", "25", product=POTATOES)
        text = (await reader.get(f"/desk/product/{POTATOES}?zone=NL")).text
        assert "Order book as seen from NL" in text
        assert "Supply: €0.20, 25\u00a0kg (together 25\u00a0kg)" in text
        assert "Supply: €0.30, 25\u00a0kg (together 50\u00a0kg)" in text
        assert text.count("NL → GB") == 2
        assert '<td class="n">–</td>' not in text
        abroad = (await reader.get(f"/desk/product/{POTATOES}?zone=GB")).text
        assert "Demand: £0.10" in abroad
        assert "Supply: €0.20" not in abroad

    in_market(tmp_path, use)


LEVELS = st.lists(st.tuples(st.integers(-50, 50).map(Decimal), st.integers(1, 99)), max_size=30)


@given(LEVELS, st.booleans())
def test_steps_are_the_levels_in_order(levels: list[tuple[Decimal, int]], rising: bool) -> None:
    steps = steps_of(levels, rising=rising)
    assert [step.price for step in steps] == sorted({price for price, _ in levels}, reverse=not rising)
    for step in steps:
        better = [lots for price, lots in levels if (price < step.price) == rising and price != step.price]
        assert step.before == sum(better)
        assert step.lots == sum(lots for price, lots in levels if price == step.price)


@given(LEVELS, LEVELS, st.none() | st.integers(-60, 60).map(Decimal), st.booleans())
def test_a_picture_holds_all_it_draws(
    sells: list[tuple[Decimal, int]], buys: list[tuple[Decimal, int]], price: Decimal | None, close: bool
) -> None:
    curves = Curves(steps_of(sells, rising=True), steps_of(buys, rising=False))
    picture = draw(curves, price, (3, None), close=close)
    assert (picture is None) == (not curves.steps)
    if picture is None:
        return
    paths = [one.path for one in picture.sells + picture.buys]
    assert len(paths) == len(curves.steps) <= MOST_TOLD
    for path in paths:
        x, y, end = (float(part) for part in path[1:].replace("H", " ").split())
        assert EDGE <= x <= end <= WIDTH - EDGE
        assert EDGE <= y <= HEIGHT - EDGE
    assert picture.low < picture.high
    assert (picture.price_y is None) == (price is None)
    near = curves.near(price)
    assert set(near.steps) <= set(curves.steps)


def test_a_case_s_blocks_stand_beside_its_curves_without_their_ids() -> None:
    order = {"id": "o1", "product": "p", "zone": "A", "side": "sell", "price": "5", "quantity": "0.2"}
    block = {"id": "b1", "zone": "A", "side": "buy", "price": "9", "profile": {"p": "1.5"}}
    case: dict[str, Any] = {"products": [{"id": "p", "lot": "0.1"}], "orders": [order], "blocks": [block]}
    curves = curves_of(case, "p", "A")
    assert [(step.price, step.lots) for step in curves.supply] == [(Decimal(5), 2)]
    assert curves.demand == ()
    assert blocks_of(case, "p", "A") == [{"side": "buy", "price": "9", "quantity": "1.5", "least": "1"}]
    assert blocks_of(case, "p", "B") == []
