"""What the page is told: the same numbers as the books."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    FIRST,
    GATE,
    POTATOES,
    SHOP,
    Marketplace,
    Member,
    in_market,
    sell_abroad,
    statement,
)
from tradelane.gateway import keys, own
from tradelane.gateway.overviews import quantile
from tradelane.market.units import iso
from tradelane.settlement.logistics import ShipmentEvent


async def page(market: Marketplace) -> Any:
    return (await market.http.get("/api/v1/overview")).json()


async def mine(market: Marketplace, member: Member) -> Any:
    answer = await market.send(member, "mine", {"member": member.id, "at": iso(market.now)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_market_before_its_first_gate(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        seen = await page(market)
        assert seen["now"] == "2026-06-21T09:57Z" and seen["next_gate"] == "2026-06-21T10:10Z"
        assert [(z["id"], z["price"], z["net_wh"]) for z in seen["zones"]] == [
            ("NL", None, 0),
            ("GB", None, 0),
        ]
        assert [(x["sent_wh"], x["capacity_wh"]) for x in seen["lanes"]] == [(0, 10_000)] * 2
        assert seen["trades"] == [] and seen["sellers_abroad"] == 0 and seen["marco_polo_ms"] is None
        assert seen["totals"] == {"sold_abroad_wh": 0, "sold_abroad_kg": 0}

    in_market(tmp_path, use)


def test_the_page_tells_what_the_books_hold(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.settled("funded", "funded")
        seen = await page(market)
        assert seen["interval"] == str(FIRST), "the cleared interval to come, as the present never was"
        assert seen["sellers_abroad"] == 2
        nl, gb = seen["zones"]
        lane = seen["lanes"][0]
        assert nl["price"] == "50" and nl["net_wh"] == lane["sent_wh"] == -(-2000 * 100 // 97)
        assert gb["net_wh"] == -lane["received_wh"] == -2000
        market.now = FIRST.end
        await market.state(ANNA, 1000)
        await market.state(BRAM, 2000)
        await market.settled("released", "released")
        own = await mine(market, ANNA)
        anna = own["member"]
        assert anna["earned_today"] == {"currency": "EUR", "value": await market.balance(ANNA.account)}
        assert (anna["energy_today_wh"], anna["sales_today"]) == (1000, 1)
        assert [(t["side"], t["partner"], t["state"]) for t in own["own_trades"]] == [
            ("sell", "Beth", "released")
        ]
        assert own["own_trades"][0]["amount"] == anna["earned_today"]
        bought = (await mine(market, BETH))["own_trades"]
        assert [(t["side"], t["partner"]) for t in bought] == [("buy", "Bram"), ("buy", "Anna")]
        seen = await page(market)
        assert seen["totals"]["sold_abroad_wh"] == lane["sent_wh"]
        assert {(t["seller_zone"], t["buyer_zone"]) for t in seen["trades"]} == {("NL", "GB")}
        market.now = FIRST.end + 24 * 3_600_000
        assert (await mine(market, ANNA))["member"]["sales_today"] == 0

    in_market(tmp_path, use)


def test_nobody_sees_of_another_what_is_its_own(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.settled("funded", "funded")
        for path in ("overview", "trades", "data/volumes", "prices"):
            text = (await market.http.get(f"/api/v1/{path}")).text.lower()
            assert not any(name in text for name in ("anna", "bram", "beth")), path
        body = {"member": "anna", "at": iso(market.now)}
        stolen = {**body, "signature": keys.sign(BRAM.key, body)}
        assert (await market.http.post("/api/v1/mine", json=stolen)).status_code == 401
        late = await market.send(ANNA, "mine", {**body, "at": iso(market.now - 2 * 3_600_000)})
        assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "at")
        unclear = await market.send(ANNA, "mine", {**body, "at": "noon"})
        assert (unclear.status_code, unclear.json()["errors"][0]["field"]) == (422, "at")

    in_market(tmp_path, use)


def test_open_orders_are_shown_to_who_made_them(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "0.28", "75", product=POTATOES, id="farm-sells")
        (order,) = (await mine(market, FARM))["own_orders"]
        assert (order["id"], order["side"], order["price"]) == ("farm-sells", "sell", "0.28")
        assert (order["quantity"], order["filled"]) == ("75", "0")
        assert (await mine(market, SHOP))["own_orders"] == []
        assert len((await mine(market, FARM))["own_trades"]) <= own.NEWEST

    in_market(tmp_path, use)


def test_goods_sold_abroad_are_counted_in_kilograms(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "0.28", "75", product=POTATOES)
        await market.taken(SHOP, "buy", "0.42", "75", product=POTATOES)
        await market.settled("shipped")
        assert (await page(market))["totals"]["sold_abroad_kg"] == 0, "not before it has arrived"
        shipment = (await market.hub.shipments()).items[0].shipment
        for event in list(ShipmentEvent)[:5]:
            code = await market.hub.proof_code(shipment) if event is ShipmentEvent.DELIVERED else None
            await market.hub.record_event(
                event, shipment=shipment, event=event, at=market.now, proof_code=code
            )
        await market.settled("released")
        assert (await page(market))["totals"]["sold_abroad_kg"] == 75

    in_market(tmp_path, use)


def test_the_way_from_reading_to_money_is_timed_without_its_waits(tmp_path: Path) -> None:
    """Reading → order 40 ms, gate → funded 0, closing reading → settled 25: the clock is turned by hand."""

    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BETH)
        wall = market.clock.wall()
        await market.taken(BETH, "buy", "100", "0.002")
        market.now += 40
        await market.taken(ANNA, "sell", "40", "0.001", read_wall=wall)
        market.now = GATE
        await market.settled("funded")
        market.now = FIRST.end + 25
        closing = statement(ANNA, 1000, read_wall=market.clock.wall() - 25)
        assert (await market.send(ANNA, "statements", closing)).status_code == 201
        await market.settled("released")
        assert (await page(market))["marco_polo_ms"] == {"p50": 65, "p99": 65, "count": 1}

    in_market(tmp_path, use)


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 100))
def test_a_quantile_is_the_least_value_that_enough_do_not_exceed(values: list[int], percent: int) -> None:
    found = quantile(sorted(values), percent)
    enough = [v for v in values if 100 * sum(w <= v for w in values) >= percent * len(values)]
    assert found == min(enough)
