"""What an operator does, by machine: lanes set for intervals to come, markets halted and resumed.

Always true of it: the journal alone tells what held (tradelane.gateway.acts, .capacities, .halting,
.operations), and a clearing goes by what stood there before its gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    FARM,
    FIRST,
    GATE,
    POTATOES,
    POWER,
    SECOND,
    SHOP,
    Marketplace,
    in_market,
    sell_abroad,
)
from tests.gateway.standing import Standing, standing
from tests.settlement.hubs import assert_problem
from tradelane.gateway import acts, auctions, capacities, halting, journal, keys
from tradelane.gateway.capacities import Setting
from tradelane.gateway.operator_api import delivery
from tradelane.gateway.store import open_engine
from tradelane.gateway.tables import journal as journal_table
from tradelane.gateway.tables import metadata, operator_acts
from tradelane.market.product import Product
from tradelane.market.units import MINUTE, Interval, iso
from tradelane.settlement.problem import Problem

MTU = 15 * MINUTE
THIRD = SECOND.shifted(1)
FOURTH = SECOND.shifted(2)
HALF_HOUR = Interval(FIRST.start, SECOND.end)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("operated")) as found:
        yield found


def operator(market: Marketplace) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.load_token(market.config.operator_token_file)}"}


async def put(there: Marketplace, lane: str, at: Interval, kw: Any, **more: Any) -> httpx2.Response:
    body = {"from": iso(at.start), "until": iso(at.end), "capacity_kw": kw, **more}
    return await there.http.put(f"/api/v1/lanes/{lane}/capacity", json=body, headers=operator(there))


async def post(there: Marketplace, what: str, **body: Any) -> httpx2.Response:
    return await there.http.post(f"/api/v1/market/{what}", json=body, headers=operator(there))


def entries(market: Marketplace, *kinds: str) -> list[journal.Entry]:
    with open_engine(market.config.zone_db).connect() as conn:
        return list(journal.read(conn, kinds=kinds))


async def flow(market: Marketplace, interval: Interval) -> tuple[int, int]:
    """Wh sent from NL to GB, and the most that could have been."""
    asked = {"place": "NL>GB", "from": iso(interval.start), "to": iso(interval.end)}
    (sent,) = (await market.http.get("/api/v1/data/flows", params=asked)).json()["items"]
    (most,) = (await market.http.get("/api/v1/data/capacities", params=asked)).json()["items"]
    return sent["sent_wh"], most["capacity_wh"]


def test_a_lane_carries_what_was_set_before_its_gate(place: Standing) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        narrow = await put(market, "NL>GB", HALF_HOUR, 20, reason="cable work", by="Ines")
        assert narrow.status_code == 200, narrow.text
        again = await put(market, "NL>GB", HALF_HOUR, 20)
        assert again.json()["seq"] == narrow.json()["seq"], "repeating changes nothing"
        shut = await put(market, "NL>GB", FIRST, 0)
        answer = (await market.http.get("/api/v1/lanes/NL>GB/capacity")).json()
        assert answer["configured_kw"] == 40
        assert [one["capacity_kw"] for one in answer["set"]] == [20, 0]
        overview = (await market.http.get("/api/v1/overview")).json()
        assert {lane["capacity_wh"] for lane in overview["lanes"]} == {10_000}, "the present is not touched"
        market.now = GATE
        assert await market.priced() == {"NL": None, "GB": None}, "each zone for itself, nothing traded"
        assert await flow(market, FIRST) == (0, 0)
        late = await put(market, "NL>GB", FIRST, 40)
        assert_problem(late, 422, "gate-closed", "from")
        case = (await market.http.get(f"/api/v1/clearings/{POWER}/case")).json()
        assert {lane["id"]: lane["capacity"] for lane in case["lanes"]} == {"NL>GB": "0", "GB>NL": "0.01"}
        second = f"power/{SECOND}"
        await market.taken(ANNA, "sell", "40", "0.02", product=second)
        await market.taken(BETH, "buy", "100", "0.02", product=second)
        market.now = GATE + MTU
        assert await market.priced(second) == {"NL": "40.000000", "GB": "100.000000"}
        assert await flow(market, SECOND) == (5_000, 5_000)
        result = (await market.http.get(f"/api/v1/clearings/{second}/result")).json()
        assert [row["sent"] for row in result["flows"] if row["lane"] == "NL>GB"] == ["0.005"]
        told = entries(market, "capacity")
        assert [(e.seq, e.body["who"], e.body["kw"]) for e in told] == [
            (narrow.json()["seq"], "Ines", 20),
            (shut.json()["seq"], "machine", 0),
        ]

    place.run(use)


def test_what_makes_no_sense_of_a_lane_is_refused(place: Standing) -> None:
    async def use(market: Marketplace) -> None:
        before = market.footprint()
        assert_problem(await put(market, "NL>FR", FOURTH, 1), 404, "unknown-lane", "lane")
        odd = Interval(FOURTH.start + MINUTE, FOURTH.end)
        assert_problem(await put(market, "NL>GB", odd, 1), 422, "not-an-interval", "from")
        assert_problem(await put(market, "NL>GB", FOURTH, -1), 422, "validation", "capacity_kw")
        assert_problem(await put(market, "NL>GB", FOURTH, "1"), 422, "validation", "capacity_kw")
        body = {"from": iso(FOURTH.end), "until": iso(FOURTH.start), "capacity_kw": 1}
        backwards = await market.http.put("/api/v1/lanes/NL>GB/capacity", json=body, headers=operator(market))
        assert_problem(backwards, 422, "not-an-interval", "until")
        stranger = await market.http.put("/api/v1/lanes/NL>GB/capacity", json=body)
        assert_problem(stranger, 401, "unauthorised")
        assert (await market.http.get("/api/v1/lanes/NL>FR/capacity")).status_code == 404
        assert market.footprint() == before
        with pytest.raises(Problem, match="from"):
            delivery("soon", iso(FOURTH.start))

    place.run(use)


def test_a_halted_market_takes_no_order_and_clears_no_gate(place: Standing) -> None:
    async def use(market: Marketplace) -> None:
        third, fourth = (f"power/{one}" for one in (THIRD, FOURTH))
        kept = market.order_body(ANNA, "sell", "40", "0.001", product=third)
        first = (await market.send(ANNA, "orders", kept)).json()
        assert_problem(await post(market, "halt", market="power"), 422, "validation", "reason")
        assert_problem(await post(market, "halt", market="tea", reason="x"), 404, "unknown-market", "market")
        since = iso(market.now)
        halted = await post(market, "halt", market="power", reason="storm", by="Ines")
        assert halted.json() == {"market": "power", "halted": {"since": since, "reason": "storm"}}
        market.now += MINUTE
        repeated = await post(market, "halt", market="power", reason="calm")
        assert repeated.json() == halted.json(), "repeating changes nothing"
        refused = await market.order(ANNA, "sell", "41", "0.001", product=third)
        assert_problem(refused, 409, "market-halted", "product")
        assert f"since {since}: storm" in refused.json()["detail"]
        assert (await market.send(ANNA, "orders", kept)).json() == first, "what was taken stays taken"
        told = (await market.http.get("/api/v1/market")).json()["items"]
        assert [one["halted"] is None for one in told] == [False, True]
        market.now = THIRD.start - 5 * MINUTE

        async def skipped() -> bool:
            return any(e.body["product"] == third for e in entries(market, "uncleared"))

        await market.until(skipped)
        assert market.rows(f"SELECT state, filled FROM orders WHERE seq = {first['seq']}") == [("closed", 0)]
        assert (await market.http.get(f"/api/v1/clearings/{third}/case")).status_code == 404
        resumed = await post(market, "resume", market="power")
        assert resumed.json() == {"market": "power", "halted": None}
        assert (await post(market, "resume", market="power")).json() == resumed.json()
        await market.taken(ANNA, "sell", "40", "0.001", product=fourth)
        market.now = FOURTH.start - 5 * MINUTE
        await market.priced(fourth)
        assert [(e.kind, e.body["who"]) for e in entries(market, "halt", "resume")] == [
            ("halt", "Ines"),
            ("resume", "machine"),
        ]

    place.run(use)


def test_halted_goods_come_back_by_an_auction(place: Standing) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        offer = await market.taken(FARM, "sell", "0.28", "25", product=POTATOES)
        assert (await post(market, "halt", market="potatoes", reason="blight")).status_code == 200
        book = (await market.http.get(f"/api/v1/snapshots/{POTATOES}", params={"zone": "NL"})).json()
        assert book["phase"] == "halted"
        refused = await market.order(SHOP, "buy", "0.42", "25", product=POTATOES)
        assert_problem(refused, 409, "market-halted", "product")
        amended = {"id": "a1", "order": offer["id"], "member": FARM.id, "price": "0.3", "quantity": "25"}
        assert_problem(await market.send(FARM, "amendments", amended), 409, "market-halted", "product")
        await post(market, "resume", market="potatoes")
        taken = await market.taken(SHOP, "buy", "0.42", "25", product=POTATOES)
        assert taken["filled"] == "25"

    place.run(use)


def test_a_halt_holds_over_a_restart_for_the_gate_that_fell_meanwhile(tmp_path: Path) -> None:
    async def before(market: Marketplace) -> None:
        await sell_abroad(market)
        assert (await put(market, "NL>GB", HALF_HOUR, 20)).status_code == 200
        assert (await post(market, "halt", market="power", reason="storm")).status_code == 200

    async def after(market: Marketplace) -> None:
        async def given_up() -> bool:
            return [e.body["product"] for e in entries(market, "uncleared")] == [POWER]

        await market.until(given_up)
        assert "storm" in entries(market, "uncleared")[0].body["reason"]
        late = await market.order(ANNA, "sell", "40", "0.001", product=f"power/{SECOND}")
        assert_problem(late, 409, "market-halted", "product")
        (told,) = (await market.http.get("/api/v1/lanes/NL>GB/capacity")).json()["set"]
        assert told["capacity_kw"] == 20

    in_market(tmp_path, before)
    in_market(tmp_path, after, now=GATE + MINUTE)


def test_the_journal_alone_gives_what_was_cleared(place: Standing) -> None:
    """Orders and capacities read from the journal's entries by hand, cleared again: the same digests."""

    async def use(market: Marketplace) -> None:
        from tradelane.gateway.catalogue import Catalogue

        assert market.config.zone is not None
        catalogue = Catalogue(market.config.zone)
        known = entries(market, "order", "capacity", "halt", "resume", "gate", "clearing", "uncleared")
        cleared = 0
        for clearing in (e for e in known if e.kind == "clearing"):
            product = catalogue.find(clearing.body["product"])
            assert isinstance(product, Product) and product.delivery is not None
            (gate,) = (e.seq for e in known if e.kind == "gate" and e.body["product"] == product.id)
            before = [e for e in known if e.seq < gate]
            book = [auctions_order(e) for e in before if e.body.get("product") == product.id]
            again = auctions.run(catalogue, product, book, naive(before, product.delivery))
            assert auctions.summary(again) == clearing.body
            cleared += 1
        assert cleared == 3

    place.run(use)


def auctions_order(entry: journal.Entry) -> Any:
    from tradelane.market.order import Order, Side

    b = entry.body
    return Order(
        b["id"], entry.seq, b["member"], b["product"], b["zone"], Side(b["side"]), b["price"], b["quantity"]
    )


def naive(known: list[journal.Entry], at: Interval) -> dict[str, int]:
    """``capacities.in_force`` from the journal's own entries."""
    found: dict[str, int] = {}
    for entry in known:
        b = entry.body
        if entry.kind == "capacity" and b["since"] <= at.start and at.end <= b["until"]:
            found.pop(b["about"].removeprefix("lane/"), None)
            if b["kw"] is not None:
                found[b["about"].removeprefix("lane/")] = b["kw"]
    return found


def fresh() -> Connection:
    conn = create_engine("sqlite://").connect()
    metadata.create_all(conn, tables=[journal_table, operator_acts])
    return conn


SETTINGS = st.lists(
    st.builds(
        lambda lane, first, count, kw: Setting(lane, Interval(first * MTU, (first + count) * MTU), kw),
        st.sampled_from(["a", "b>c"]),
        st.integers(0, 5),
        st.integers(1, 4),
        st.none() | st.integers(0, 3),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(SETTINGS, st.integers(0, 9), st.integers(0, 14))
def test_what_is_in_force_is_the_last_word_before(words: list[Setting], k: int, before: int) -> None:
    with fresh() as conn:
        for setting in words:
            capacities.set_capacity(conn, setting, "Ines", "", 7)
        known = list(journal.read(conn))
        at = Interval(k * MTU, (k + 1) * MTU)
        assert capacities.in_force(conn, at) == naive(known, at)
        assert capacities.in_force(conn, at, before) == naive([e for e in known if e.seq < before], at)
        later = [act.seq for act in capacities.to_come(conn, at.start)]
        assert later == [e.seq for e in known if e.body["until"] > at.start]
        told = [capacities.setting_of(act) for act in reversed(acts.newest(conn, 99))]
        assert acts.fault(conn) is None
        assert told == [one for i, one in enumerate(words) if one != last_of(words[:i], one.lane)]


def last_of(words: list[Setting], lane: str) -> Setting | None:
    return next((one for one in reversed(words) if one.lane == lane), None)


@pytest.mark.parametrize(
    ("spoilt", "found"),
    [
        ("UPDATE operator_acts SET who = 'Max' WHERE seq = 2", "act 2 is not what the journal says"),
        ("DELETE FROM operator_acts WHERE seq = 1", "act 1 is not what the journal says"),
        ("UPDATE operator_acts SET until = 9 WHERE seq = 1", "act 1 is not what the journal says"),
        ("UPDATE operator_acts SET seq = 7 WHERE seq = 2", "act 2 is not what the journal says"),
        ("INSERT INTO operator_acts VALUES (9, 0, 'halt', 'market/a', 'x', 0, 0, '{}')", "act 9 is not in"),
    ],
)
def test_an_act_that_the_journal_does_not_know_is_found(spoilt: str, found: str) -> None:
    with fresh() as conn:
        capacities.set_capacity(conn, Setting("a", Interval(0, MTU), 3), "Ines", "", 7)
        halting.halt(conn, "power", "storm", "Ines", 8)
        assert acts.fault(conn) is None
        conn.exec_driver_sql(spoilt)
        assert (acts.fault(conn) or "").startswith(found)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["power", "tea"]), st.booleans()), max_size=9))
def test_a_market_is_halted_from_a_halt_to_its_resume(turns: list[tuple[str, bool]]) -> None:
    with fresh() as conn:
        state: dict[str, int | None] = {}
        for at, (market, stop) in enumerate(turns):
            if stop:
                found = halting.halt(conn, market, f"reason {at}", "Ines", at)
                state[market] = at if state.get(market) is None else state[market]
                assert (found.since, found.reason) == (state[market], f"reason {state[market]}")
            else:
                assert halting.resume(conn, market, "Ines", at) is (state.get(market) is not None)
                state[market] = None
        for market in ("power", "tea"):
            now = halting.halted(conn, market)
            assert (None if now is None else now.since) == state.get(market)
        assert journal.verify(conn) is None
