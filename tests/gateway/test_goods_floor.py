"""A goods market through its day: phases, the operator, order terms, and what everyone hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from tests.gateway.marketplace import (
    CONFIG,
    FARM,
    POTATOES,
    SHOP,
    START,
    Marketplace,
    in_market,
    member,
)
from tests.settlement.hubs import assert_problem
from tradelane.gateway import keys
from tradelane.gateway.catalogue import HOUR
from tradelane.market.units import MINUTE, iso

MILL = member("mill", "NL")
OPENS = START + 13 * MINUTE
RULED = CONFIG.replace(
    'max_price = "5"\n',
    'max_price = "5"\npre_open_minutes = 610\ncollar = "0.50"\nreferences = { NL = "1" }\n'
    'self_trade = "oldest"\nmost_in_order = "500"\nmost_open = "1000"\nmost_open_orders = 3\n',
)


async def snapshot(market: Marketplace, zone: str = "NL") -> dict[str, Any]:
    answer = await market.http.get(f"/api/v1/snapshots/{POTATOES}", params={"zone": zone})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def turn(market: Marketplace, phase: str, token: str | None = None) -> httpx2.Response:
    token = token or keys.load_token(market.config.operator_token_file)
    headers = {"Authorization": f"Bearer {token}"}
    body = {"product": POTATOES, "phase": phase}
    return await market.http.post("/api/v1/turns", json=body, headers=headers)


def test_a_day_opens_with_an_auction_at_one_price(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, MILL)
        sell = await market.taken(FARM, "sell", "0.80", "100", product=POTATOES)
        buy = await market.taken(MILL, "buy", "1.10", "250", product=POTATOES)
        assert (sell["filled"], buy["filled"]) == ("0", "0")
        assert (await snapshot(market))["phase"] == "pre_open"
        refused = await market.order(MILL, "buy", "1", "25", product=POTATOES, kind="ioc")
        assert_problem(refused, 422, "not-in-this-phase", "phase")
        market.now = OPENS

        async def opened() -> bool:
            return str((await snapshot(market))["phase"]) == "continuous"

        await market.until(opened)
        (trade,) = await market.trades()
        assert trade["quantity"] == "100" and trade["seller_gets"] == {"currency": "EUR", "value": "110"}
        assert (await snapshot(market))["buys"] == [{"price": "1.1", "quantity": "150", "orders": 1}]

    in_market(tmp_path, use, config=RULED)


def test_rules_of_the_configuration_hold(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        market.now = OPENS
        await market.join(FARM, MILL)
        far = await market.order(FARM, "sell", "1.51", "25", product=POTATOES)
        assert_problem(far, 422, "outside-collar", "price")
        large = await market.order(FARM, "sell", "1", "525", product=POTATOES)
        assert_problem(large, 422, "order-too-large", "quantity")
        own = await market.taken(FARM, "sell", "1", "100", product=POTATOES)
        await market.taken(MILL, "sell", "1.05", "100", product=POTATOES)
        met = await market.taken(FARM, "buy", "1.1", "50", product=POTATOES)
        assert met["filled"] == "50"  # of the mill's: the farm's own sell gave way
        assert market.rows(f"SELECT state FROM orders WHERE id = '{own['id']}'") == [("cancelled",)]
        for _ in range(3):
            last = await market.order(FARM, "sell", "1.2", "25", product=POTATOES)
        assert last.status_code == 201
        many = await market.order(FARM, "sell", "1.2", "25", product=POTATOES)
        assert_problem(many, 422, "too-many-open-orders", "member")

    in_market(tmp_path, use, config=RULED)


def test_orders_on_terms_and_amendments_outlive_a_restart(tmp_path: Path) -> None:
    amendment = {"id": "a1", "order": "iceberg", "member": FARM.id, "price": "0.9", "quantity": "450"}

    async def before(market: Marketplace) -> dict[str, Any]:
        await market.join(FARM, MILL)
        more = {"product": POTATOES}
        await market.taken(FARM, "sell", "1", "500", **more, id="iceberg", display="50")
        await market.taken(MILL, "buy", "2", "100", **more, id="stop", trigger="0.95")
        await market.taken(MILL, "buy", "0.5", "75", **more, id="short", until=iso(START + HOUR))
        first = await market.taken(MILL, "buy", "1", "75", **more, kind="ioc", id="met")
        assert first["filled"] == "75"  # at 1, which sets the stop off: 100 more
        answer = await market.send(FARM, "amendments", amendment)
        assert answer.status_code == 201, answer.text
        assert answer.json()["filled"] == "0"
        return await snapshot(market)

    async def after(market: Marketplace) -> None:
        again = await market.send(FARM, "amendments", amendment)
        assert again.status_code == 201 and again.json()["filled"] == "0"
        assert_problem(
            await market.send(FARM, "amendments", amendment | {"price": "0.8"}), 422, "duplicate-id", "id"
        )
        other = {**amendment, "id": "a2", "member": MILL.id}
        assert_problem(await market.send(MILL, "amendments", other), 422, "not-owner", "member")
        done = {**amendment, "id": "a3", "quantity": "175"}
        assert_problem(await market.send(FARM, "amendments", done), 422, "already-done", "quantity")
        now = await snapshot(market)
        assert now["sells"] == [{"price": "0.9", "quantity": "50", "orders": 1}]
        assert now["buys"] == [{"price": "0.5", "quantity": "75", "orders": 1}]
        market.now = START + HOUR

        async def gone() -> bool:
            return not (await snapshot(market))["buys"]

        await market.until(gone)
        rows = dict(market.rows("SELECT id, state || ' ' || filled || '/' || quantity FROM orders"))
        assert rows == {
            "iceberg": "open 7/18", "stop": "closed 4/4", "short": "expired 0/3", "met": "closed 3/3",
        }  # fmt: skip

    told = in_market(tmp_path, before)
    assert told["sells"] == [{"price": "0.9", "quantity": "50", "orders": 1}]
    in_market(tmp_path, after)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("display", "30", "off-lot"),
        ("trigger", "9", "trigger-out-of-range"),
        ("until", "tomorrow", "not-an-instant"),
        ("until", iso(START), "already-expired"),
        ("price", None, "price-missing"),
    ],
)
def test_terms_that_cannot_be_name_their_field(tmp_path: Path, field: str, value: Any, code: str) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM)
        before = market.footprint()
        body = market.order_body(FARM, "sell", "1", "25", product=POTATOES) | {field: value}
        answer = await market.send(FARM, "orders", body)
        assert_problem(answer, 422, code, field)
        if value:
            power = await market.order(FARM, "sell", "40", "0.001", **{field: value})
            assert_problem(power, 422, "not-in-an-auction", field)
        assert market.footprint() == before

    in_market(tmp_path, use)


def test_the_operator_halts_and_brings_back(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, MILL)
        await market.taken(FARM, "sell", "1", "100", product=POTATOES, id="stands")
        assert_problem(await turn(market, "halted", "guessed"), 401, "unauthorised")
        for _ in range(2):
            assert (await turn(market, "halted")).json() == {"product": POTATOES, "phase": "halted"}
        refused = await market.order(MILL, "buy", "1", "25", product=POTATOES)
        assert_problem(refused, 422, "not-in-this-phase", "phase")
        assert_problem(await turn(market, "continuous"), 422, "no-such-turn", "phase")
        cancelled = await market.send(FARM, "cancels", {"id": "stands", "member": FARM.id})
        assert cancelled.json()["cancelled"] == "100"
        for phase in ("pre_open", "auction", "continuous"):
            assert (await turn(market, phase)).status_code == 200

    in_market(tmp_path, use)

    async def again(market: Marketplace) -> None:
        assert (await snapshot(market))["phase"] == "continuous"

    in_market(tmp_path, again)


@asynccontextmanager
async def served(market: Marketplace) -> AsyncIterator[str]:
    """The market over a real socket."""
    config = uvicorn.Config(market.app, "127.0.0.1", 0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task


Heard = tuple[str, str, dict[str, Any]]


async def hear(url: str, count: int, last: str | None = None) -> list[Heard]:
    """So many events of the feed of NL: id, name and body."""
    headers = {} if last is None else {"Last-Event-ID": last}
    heard: list[Heard] = []
    async with (
        httpx2.AsyncClient() as http,
        http.stream("GET", f"{url}/api/v1/feeds/{POTATOES}", params={"zone": "NL"}, headers=headers) as told,
    ):
        assert told.status_code == 200
        fields: dict[str, str] = {}
        async for line in told.aiter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if line == "" and "data" in fields:
                heard.append((fields["id"], fields["event"], json.loads(fields["data"])))
                fields = {}
                if len(heard) == count:
                    break
    return heard


def test_a_feed_tells_everything_once_and_goes_on_where_a_listener_left(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        async with served(market) as url:
            (begun,) = await hear(url, 1)
            assert begun[1] == "snapshot" and begun[2]["sells"] == []
            await market.taken(FARM, "sell", "0.28", "250", product=POTATOES)
            first = await hear(url, 2, begun[0])
            level = {"price": "0.28", "quantity": "250", "orders": 1}
            assert [(name, body) for _, name, body in first] == [
                ("level", {"number": 1, "side": "sell"} | level),
                ("top", {"number": 2, "sell": level, "buy": None}),
            ]
            await market.taken(SHOP, "buy", "0.42", "100", product=POTATOES)
            after = await hear(url, 3, first[-1][0])
            trade = {"number": 3, "price": "0.28", "quantity": "100", "taker": "buy"}
            assert [name for _, name, _ in after] == ["trade", "level", "top"] and after[0][2] == trade
            (fresh,) = await hear(url, 1, "1-5")  # of another process
            now = await snapshot(market)
            assert fresh == (after[-1][0], "snapshot", {k: v for k, v in now.items() if k != "event"})
            assert now["event"] == fresh[0] and now["last"] == "0.28"

    in_market(tmp_path, use)


def test_an_unknown_zone_or_product_has_no_feed(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        for route in ("snapshots", "feeds"):
            for product, zone, field in ((POTATOES, "FR", "zone"), ("tulips/2026-06-21", "NL", "product")):
                answer = await market.http.get(f"/api/v1/{route}/{product}", params={"zone": zone})
                assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field

    in_market(tmp_path, use)
