"""Messages at a zone's desk: taken once, answered the same each time, refused without a trace."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    FIRST,
    POTATOES,
    SHOP,
    START,
    Marketplace,
    in_market,
    member,
    statement,
)
from tests.settlement.hubs import assert_problem
from tradelane.gateway import keys
from tradelane.market.units import MINUTE, Interval

GATE = FIRST.start - 5 * MINUTE
RUNNING = Interval(START - START % (15 * MINUTE), START - START % (15 * MINUTE) + 15 * MINUTE)
PAST = RUNNING.shifted(-1)

BAD_ORDERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown member": ({"member": "nobody"}, "unknown-member", "member"),
    "negative quantity": ({"quantity": "-0.001"}, "quantity-not-positive", "quantity"),
    "no quantity": ({"quantity": "0"}, "quantity-not-positive", "quantity"),
    "off-lot": ({"quantity": "0.0000015"}, "off-lot", "quantity"),
    "far too much": ({"quantity": "10000.000001"}, "quantity-too-large", "quantity"),
    "beyond any number": ({"quantity": "1e999999999"}, "not-a-decimal", "quantity"),
    "no number": ({"quantity": "much"}, "not-a-decimal", "quantity"),
    "off-tick": ({"price": "50.001"}, "off-tick", "price"),
    "too dear": ({"price": "4000.01"}, "price-out-of-range", "price"),
    "too cheap": ({"price": "-500.01"}, "price-out-of-range", "price"),
    "not finite": ({"price": "NaN"}, "not-a-decimal", "price"),
    "unknown zone": ({"zone": "FR"}, "unknown-zone", "zone"),
    "another's zone": ({"zone": "GB"}, "wrong-zone", "zone"),
    "unknown product": ({"product": "tulips/2026-06-21"}, "unknown-product", "product"),
    "no product": ({"product": ""}, "unknown-product", "product"),
    "between two intervals": ({"product": "power/2026-06-21T10:20Z/PT15M"}, "unknown-product", "product"),
    "wrong length": ({"product": "power/2026-06-21T10:15Z/PT30M"}, "unknown-product", "product"),
    "past goods": ({"product": "potatoes/2026-06-20", "quantity": "25"}, "unknown-product", "product"),
    "after the gate": ({"product": "power/2026-06-21T10:00Z/PT15M"}, "gate-closed", "product"),
    "unknown side": ({"side": "hold"}, "unknown-side", "side"),
    "unknown kind": ({"kind": "stop"}, "unknown-kind", "kind"),
    "a kind the auction does not know": ({"kind": "fok"}, "unknown-kind", "kind"),
    "a field too many": ({"note": "please"}, "validation", "note"),
    "an id with spaces": ({"id": "my order"}, "validation", "id"),
    "a price as number": ({"price": 50}, "validation", "price"),
    "a moment before time": ({"read_wall": -1}, "validation", "read_wall"),
}  # fmt: skip


def test_a_bad_order_names_its_field_and_changes_nothing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        before = market.footprint()
        for name, (change, code, field) in BAD_ORDERS.items():
            body = market.order_body(ANNA, "sell", "50", "0.001") | change
            assert_problem(await market.send(ANNA, "orders", body), 422, code, field)
            assert market.footprint() == before, name
        wrong = await market.send(BRAM, "orders", market.order_body(ANNA, "sell", "50", "0.001"))
        assert_problem(wrong, 401, "wrong-signature", "signature")
        body = market.order_body(ANNA, "sell", "50", "0.001")
        forged = {**body, "quantity": "0.002", "signature": keys.sign(ANNA.key, body)}
        assert_problem(
            await market.http.post("/api/v1/orders", json=forged), 401, "wrong-signature", "signature"
        )
        missing = {name: value for name, value in body.items() if name != "price"}
        assert_problem(await market.send(ANNA, "orders", missing), 422, "price-missing", "price")
        assert market.footprint() == before

    in_market(tmp_path, use)


def test_an_order_is_in_time_until_its_gate_and_not_at_it(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        market.now = GATE - 1
        early = market.order_body(ANNA, "sell", "50", "0.001")
        first = await market.send(ANNA, "orders", early)
        assert first.status_code == 201
        market.now = GATE
        assert_problem(await market.order(ANNA, "sell", "50", "0.001"), 422, "gate-closed", "product")
        assert (await market.send(ANNA, "orders", early)).json() == first.json()

    in_market(tmp_path, use)


def test_a_repeated_order_gets_its_first_answer_for_ever(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BRAM, FARM, SHOP)
        power = market.order_body(ANNA, "sell", "50", "0.001")
        rest = market.order_body(FARM, "sell", "0.20", "100", product=POTATOES)
        sweep = market.order_body(SHOP, "buy", "0.50", "75", product=POTATOES, kind="ioc")
        orders = [(ANNA, power), (FARM, rest), (SHOP, sweep)]
        first = [(await market.send(who, "orders", body)).json() for who, body in orders]
        assert [answer["filled"] for answer in first] == ["0", "0", "75"]
        await market.taken(BRAM, "buy", "90", "0.001")
        market.now = GATE
        await market.priced()
        before = market.rows("SELECT kind, count(*) FROM journal GROUP BY kind")
        assert [(await market.send(who, "orders", body)).json() for who, body in orders] == first
        assert market.rows("SELECT kind, count(*) FROM journal GROUP BY kind") == before

    in_market(tmp_path, use)


@pytest.mark.parametrize("change", [{"price": "51"}, {"quantity": "50"}, {"side": "buy"}, {"kind": "ioc"}])
def test_the_same_id_with_another_body_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        body = market.order_body(FARM, "sell", "0.30", "25", product=POTATOES)
        first = await market.send(FARM, "orders", body)
        again = await market.send(FARM, "orders", body | {"price": "0.3", "quantity": "25.0"})
        assert again.json() == first.json(), "the same order in other digits is the same order"
        before = market.footprint()
        changed = body | ({"price": "0.31"} if "price" in change else change)
        assert_problem(await market.send(FARM, "orders", changed), 422, "duplicate-id", "id")
        other = body | {"member": SHOP.id, "zone": SHOP.zone}
        assert_problem(await market.send(SHOP, "orders", other), 422, "duplicate-id", "id")
        assert market.footprint() == before

    in_market(tmp_path, use)


def test_equal_orders_at_once_have_one_effect_and_one_answer(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, FARM, SHOP)
        await market.taken(FARM, "sell", "0.20", "100", product=POTATOES)
        power = market.order_body(ANNA, "sell", "50", "0.001")
        sweep = market.order_body(SHOP, "buy", "0.50", "50", product=POTATOES, kind="fok")
        for who, body in ((ANNA, power), (SHOP, sweep)):
            answers = await asyncio.gather(*(market.send(who, "orders", body) for _ in range(12)))
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.text for answer in answers}) == 1
        assert market.rows("SELECT count(*) FROM orders") == [(3,)]
        assert len(await market.trades()) == 1

    in_market(tmp_path, use)


def test_a_member_is_known_by_the_first_key_also_when_two_come_at_once(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        thief = member("thief", "NL")

        def body(of: Any) -> dict[str, Any]:
            return {"id": "anna", "name": "Anna", "zone": "NL", "public_key": keys.public_key_text(of.key)}

        answers = await asyncio.gather(
            market.send(ANNA, "members", body(ANNA)), market.send(thief, "members", body(thief))
        )
        assert sorted(a.status_code for a in answers) == [201, 409]
        owner, other = (ANNA, thief) if answers[0].status_code == 201 else (thief, ANNA)
        assert_problem(await market.send(other, "members", body(other)), 409, "member-exists", "id")
        order = market.order_body(ANNA, "sell", "50", "0.001")
        assert (await market.send(owner, "orders", order)).status_code == 201
        assert_problem(await market.send(other, "orders", order), 401, "wrong-signature", "signature")
        before = market.footprint()
        assert (await market.send(owner, "members", body(owner))).status_code == 201
        moved = body(owner) | {"zone": "GB"}
        assert_problem(await market.send(owner, "members", moved), 409, "member-exists", "zone")
        elsewhere = body(owner) | {"zone": "FR"}
        assert_problem(await market.send(owner, "members", elsewhere), 422, "unknown-zone", "zone")
        assert_problem(await market.send(other, "members", body(owner)), 401, "wrong-signature", "signature")
        broken = body(owner) | {"public_key": "not a key"}
        assert_problem(await market.send(owner, "members", broken), 401, "wrong-signature", "signature")
        assert market.footprint() == before

    in_market(tmp_path, use)


BAD_STATEMENTS: dict[str, tuple[Interval, dict[str, Any], int, str, str]] = {
    "a running interval": (RUNNING, {}, 422, "not-over", "end"),
    "a coming interval": (FIRST, {}, 422, "not-over", "end"),
    "two intervals": (Interval(PAST.start - 15 * MINUTE, PAST.end), {}, 422, "not-an-interval", "end"),
    "beside the grid": (Interval(PAST.start + 1000, PAST.end + 1000), {}, 422, "not-an-interval", "end"),
    "no offset": (PAST, {"start": "2026-06-21T09:30"}, 422, "not-an-instant", "start"),
    "no time": (PAST, {"end": "soon"}, 422, "not-an-instant", "end"),
    "no such month": (PAST, {"start": "2026-13-01T00:00Z"}, 422, "not-an-instant", "start"),
    "below zero": (PAST, {"export_wh": -1}, 422, "validation", "export_wh"),
    "beyond the grid": (PAST, {"import_wh": 10**30}, 422, "validation", "import_wh"),
    "part of a Wh": (PAST, {"export_wh": 0.5}, 422, "validation", "export_wh"),
    "unknown quality": (PAST, {"quality": "guessed"}, 422, "validation", "quality"),
    "unknown member": (PAST, {"member": "nobody"}, 422, "unknown-member", "member"),
}  # fmt: skip


def test_a_bad_statement_names_its_field_and_changes_nothing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        before = market.footprint()
        for name, (interval, change, status, code, field) in BAD_STATEMENTS.items():
            answer = await market.send(ANNA, "statements", statement(ANNA, 100, interval) | change)
            assert_problem(answer, status, code, field)
            assert market.footprint() == before, name
        forged = await market.send(BETH, "statements", statement(ANNA, 100, PAST))
        assert_problem(forged, 401, "wrong-signature", "signature")
        assert market.footprint() == before

    in_market(tmp_path, use)


def test_a_statement_counts_once_and_cannot_be_changed(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        first = await market.state(ANNA, 100, PAST)
        again = await market.send(ANNA, "statements", statement(ANNA, 100, PAST, head="ff", read_wall=7))
        assert first.status_code == 201 and again.json() == first.json()
        before = market.footprint()
        assert_problem(await market.state(ANNA, 101, PAST), 409, "statement-exists", "start")
        assert market.footprint() == before
        assert market.rows("SELECT export_wh FROM statements") == [(100,)]

    in_market(tmp_path, use)


def test_a_goods_order_is_cancelled_by_its_owner_once(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA, FARM, SHOP, BRAM)
        resting = (await market.taken(FARM, "sell", "0.20", "250", product=POTATOES))["id"]
        await market.taken(SHOP, "buy", "0.50", "100", product=POTATOES)
        power = (await market.taken(ANNA, "sell", "50", "0.001"))["id"]
        done = (await market.taken(SHOP, "buy", "0.50", "25", product=POTATOES))["id"]
        before = market.footprint()
        for who, id, code, field in (
            (SHOP, resting, "not-owner", "member"),
            (SHOP, done, "unknown-order", "id"),
            (FARM, "nothing", "unknown-order", "id"),
            (ANNA, power, "unknown-order", "id"),
        ):
            answer = await market.send(who, "cancels", {"id": id, "member": who.id})
            assert_problem(answer, 422, code, field)
        forged = await market.send(SHOP, "cancels", {"id": resting, "member": FARM.id})
        assert_problem(forged, 401, "wrong-signature", "signature")
        assert market.footprint() == before
        for _ in range(2):
            answer = await market.send(FARM, "cancels", {"id": resting, "member": FARM.id})
            assert answer.status_code == 201 and answer.json() == {"id": resting, "cancelled": "125"}
        assert market.rows("SELECT state FROM orders ORDER BY seq") == [
            ("cancelled",), ("closed",), ("open",), ("closed",),
        ]  # fmt: skip
        late = await market.taken(BRAM, "buy", "0.50", "25", product=POTATOES)
        assert late["filled"] == "0", "what was cancelled is not for sale"

    in_market(tmp_path, use)
