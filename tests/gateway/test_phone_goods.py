"""Goods from the phone: found by a word, landed price shown before, sent once, followed to the end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.marketplace import FARM, POTATOES, SHOP, Marketplace, in_market
from tests.gateway.pages import HOUSEHOLDS, Reader
from tests.gateway.test_phone_money import joined
from tests.settlement.hubs import assert_problem
from tradelane.gateway import disputes, keys, own_orders, own_orders_api
from tradelane.gateway.web.desk import disputes as desk_disputes
from tradelane.gateway.web.phone.goods import Offer, last_price, suggested, total
from tradelane.gateway.web.phone.own_goods import Good, name_of, order_id, search
from tradelane.market.units import iso

MODULES = (desk_disputes, disputes, own_orders, own_orders_api)
GOODS = [
    Good(POTATOES, "Potatoes", "kg", "25", "070190"),
    Good("honey/2026-06-21", "Honey", "kg", "1", "040900"),
]
KEY = re.compile(r'name="key" value="([0-9a-f]{16})"')
OFFER = f"/me/goods/{POTATOES}"


def test_goods_are_found_by_a_word_in_any_language() -> None:
    for word in ("potato", "aardappel", "Kartoffeln", "poteter", "土豆", "patatas"):
        assert [good.product for good in search(word, GOODS, "en").goods] == [POTATOES], word
    assert search("", GOODS, "en").goods == GOODS
    nothing = search("candles", GOODS, "de")
    assert (nothing.goods, nothing.elsewhere) == ([], ["Kerzen"])
    assert name_of("07019000", "nb") != name_of("070190", "en")


def test_what_would_trade_at_once_is_suggested() -> None:
    good = GOODS[0]
    book = {"sells": [{"price": "1.2", "quantity": "50"}], "buys": [{"price": "0.9", "quantity": "25"}]}
    assert _two(suggested(good, "sell", book, None)) == ("0.9", "25")
    assert _two(suggested(good, "buy", book, "75")) == ("1.2", "75")
    assert suggested(good, "sell", {"sells": book["sells"], "buys": []}, None).price == "1.2"
    assert suggested(good, "sell", None, None).price == ""
    trade = {"product": POTATOES, "quantity": "50", "seller_zone": "NL", "buyer_zone": "GB"}
    view = {
        "own_trades": [],
        "trades": [trade | {"seller_gets": {"value": "21"}, "buyer_pays": {"value": "99"}}],
    }
    assert (last_price(view, POTATOES, "NL"), last_price(view, POTATOES, "NO2")) == ("0.42", None)
    assert suggested(good, "sell", None, None, "0.42").price == "0.42"
    own = {"product": "potatoes/2026-06-20", "quantity": "25", "amount": {"value": "10"}}
    assert last_price(view | {"own_trades": [own]}, POTATOES, "NL") == "0.4"
    assert (total(Offer("0.9", "25", "")), total(Offer("", "25", ""))) == ("22.5", None)


def _two(offer: Offer) -> tuple[str, str]:
    return offer.price, offer.quantity


def form(text: str) -> dict[str, str]:
    found = KEY.search(text)
    assert found, "the form carries a key"
    return {"side": "sell", "key": found[1]}


def operator(market: Marketplace) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.load_token(market.config.operator_token_file)}"}


def test_a_farmer_sells_in_three_taps_and_follows_the_order(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await joined(market, "rosa")
        await market.join(SHOP)
        await market.taken(SHOP, "buy", "2.00", "50", product=POTATOES)
        rosa, pim = Reader(market), Reader(market)
        await rosa.pair("rosa")
        await pim.pair("pim")
        page = (await rosa.get("/me/goods?q=aardappel")).text
        assert f'href="{OFFER}?side=sell"' in page
        page = (await rosa.get(OFFER)).text
        assert re.search(r'id="price" name="price" inputmode="decimal" value="[0-9.]+"', page), "suggested"
        key = form(page)
        wish = {**key, "price": "0,80", "quantity": "75"}
        tried = await rosa.post(OFFER, {**wish, "act": "try"})
        assert tried.status_code == 200 and "£" in tried.text and "NL → GB" in tried.text
        assert market.rows("SELECT count(*) FROM orders WHERE member='rosa'") == [(0,)]
        refused = await rosa.post(OFFER, {**wish, "quantity": "30"})
        assert refused.status_code == 422 and "quantity" in refused.text
        again = form(refused.text)
        sent = await rosa.post(OFFER, {**wish, **again})
        assert sent.status_code == 303, sent.text
        twice = await rosa.post(OFFER, {**wish, **again})
        assert (
            twice.headers["location"]
            == sent.headers["location"]
            == f"/me/orders/{order_id(again['key'])}?sent=1"
        )
        assert market.rows("SELECT count(*), min(quantity) FROM orders WHERE member='rosa'") == [(1, 3)]
        here = sent.headers["location"].partition("?")[0]
        page = (await rosa.get(here)).text
        assert "Shop, GB" in page and "Declared to customs" in page
        (trade,) = re.findall(r'id="t-([0-9a-f]{16})"', page)
        said = await rosa.post(
            here, {"act": "say", "trade": trade, "text": "<b>Sacks</b> of 25", **form(page)}
        )
        assert said.status_code == 303
        page = (await rosa.get(here)).text
        assert "&lt;b&gt;Sacks&lt;/b&gt; of 25" in page
        assert "Something is wrong" not in page, "who sold does not dispute"
        amended = await rosa.post(here, {"act": "amend", "price": "0.85", "quantity": "100", **form(page)})
        assert amended.status_code == 303, amended.text
        assert (await rosa.post(here, {"act": "cancel"})).status_code == 303
        page = (await rosa.get(here)).text
        assert "Cancel what is left" not in page and "<dd>" not in page
        assert here in (await rosa.get("/me/orders")).text
        assert (await pim.get(here)).status_code == 404, "an order is shown to its member alone"
        await pim.get("/me/buying")
        assert (await pim.post(here, {"act": "cancel"})).status_code == 404
        await rosa.get(OFFER)
        assert (await rosa.post(here, {"act": "burn"})).status_code == 422
        assert (await rosa.get("/me/goods/gold/2026-06-21")).status_code == 404
        assert (await rosa.post(OFFER, {**wish, "key": "mine"})).status_code == 422

    in_market(tmp_path, use, config=HOUSEHOLDS)


async def shipped(market: Marketplace) -> dict[str, Any]:
    """Farm has sold 50 kg to Shop, and they are on their way: the buyer's side of it."""
    await market.join(FARM, SHOP)
    await market.taken(FARM, "sell", "0.50", "50", product=POTATOES)
    await market.taken(SHOP, "buy", "2.00", "50", product=POTATOES, id="shop-buys")
    await market.settled("shipped")
    asked = {"member": "shop", "at": iso(market.now), "order": "shop-buys"}
    story = await market.send(SHOP, "mine/orders", asked)
    assert story.status_code == 200, story.text
    (trade,) = story.json()["trades"]
    done = [step["step"] for step in trade["steps"] if step["done"]]
    assert done[:3] == ["matched", "reserved", "declared"] and "paid" not in done
    assert trade["may_dispute"]
    return {**asked, "trade": trade["id"]}


async def disputed(market: Marketplace) -> str:
    here = await shipped(market)
    assert_problem(
        await market.send(FARM, "mine/disputes", {**here, "member": "farm", "reason": "no"}),
        404,
        "unknown-trade",
        "trade",
    )
    for _ in range(2):
        answer = await market.send(SHOP, "mine/disputes", {**here, "reason": "half of them rotten"})
        assert answer.status_code == 201, answer.text
    await market.settled("disputed")
    return str(here["trade"])


async def decide(market: Marketplace, trade: str, quantity: str) -> httpx2.Response:
    body = {"quantity": quantity, "by": "ines"}
    return await market.http.post(f"/api/v1/disputed-trades/{trade}", json=body, headers=operator(market))


def test_a_dispute_is_decided_by_the_operator_and_the_money_goes_back(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        trade = await disputed(market)
        assert (await market.http.get("/api/v1/disputed-trades")).status_code == 401
        (open_now,) = (await market.http.get("/api/v1/disputed-trades", headers=operator(market))).json()[
            "items"
        ]
        assert (open_now["trade"], open_now["reason"]) == (trade, "half of them rotten")
        assert_problem(await decide(market, trade, "75"), 422, "validation", "quantity")
        assert_problem(await decide(market, trade, "30"), 422, "off-lot", "quantity")
        assert_problem(await decide(market, "0" * 16, "0"), 404, "no-dispute", "trade")
        assert (await decide(market, trade, "0")).status_code == 201
        await market.settled("refunded")
        assert await market.balance(SHOP.account) == "1000"
        assert await market.books_balance()
        kinds = [row[0] for row in market.rows("SELECT kind FROM journal ORDER BY seq")]
        assert kinds[-2:] == ["dispute", "decision"]

    in_market(tmp_path, use)


def test_the_desk_decides_a_dispute(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        trade = await disputed(market)
        inge = Reader(market)
        await inge.pair("Inge", "operator")
        page = (await inge.get("/desk/operate/disputes")).text
        assert "half of them rotten" in page
        wrong = await inge.post("/desk/operate/disputes", {"trade": trade, "quantity": "a few"})
        assert wrong.status_code == 422 and "quantity" in wrong.text
        done = await inge.post("/desk/operate/disputes", {"trade": trade, "quantity": "25"})
        assert done.status_code == 303, done.text
        await market.settled("released")
        assert "Nothing is disputed" in (await inge.get("/desk/operate/disputes")).text
        (body,) = market.rows("SELECT body FROM journal WHERE kind = 'decision'")
        assert json.loads(body[0])["by"] == "Inge"

    in_market(tmp_path, use)


def test_a_dispute_is_settled_in_part(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        trade = await disputed(market)
        assert (await decide(market, trade, "25")).status_code == 201
        await market.settled("released")
        assert await market.balance(FARM.account) == "12.5"
        assert (await market.hub.account(SHOP.account)).held == "0"
        assert await market.books_balance()

    in_market(tmp_path, use)


def test_messages_are_kept_to_the_two_of_a_trade(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        here = await shipped(market)
        told = {**here, "id": "m1", "text": "when do you come?"}
        for _ in range(2):
            assert (await market.send(SHOP, "mine/messages", told)).status_code == 201
        changed = await market.send(SHOP, "mine/messages", {**told, "text": "never mind"})
        assert_problem(changed, 422, "duplicate-id", "id")
        assert market.rows("SELECT sender, text FROM messages") == [("shop", "when do you come?")]
        stranger = {**told, "id": "m2", "member": "farm"}
        assert_problem(await market.send(FARM, "mine/messages", stranger), 404, "unknown-trade", "trade")
        asked = {"member": "farm", "at": iso(market.now), "order": "shop-buys"}
        assert_problem(await market.send(FARM, "mine/orders", asked), 422, "unknown-order", "order")

    in_market(tmp_path, use)
