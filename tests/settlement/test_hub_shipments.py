"""Shipments over real HTTP, and the codes at the door (tradelane.settlement.ehub.server.logistics.proofs)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select, text, update

from tests.settlement.hubs import NOW, Hub, assert_problem, declaration, eur, shipment
from tradelane.market.units import iso
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.customs.tables import declarations
from tradelane.settlement.ehub.server.tables import idempotency
from tradelane.settlement.ehub.wire_declarations import Declare
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState

E = ShipmentEvent
WAY = [E.PICKED_UP, E.IN_CUSTOMS, E.IN_TRANSIT, E.OUT_FOR_DELIVERY]


def test_goods_go_from_door_to_door(market: Hub) -> None:
    async def way(client: HubClient) -> None:
        question = Declare(**declaration(quantity="12.50"))
        declared = await client.customs.declare("d1", question)
        assert (declared.channel, declared.state, declared.quantity) == ("green", "released", "12.5")
        assert declared.duty.money == eur("0.75")
        assert await client.customs.declaration("d1") == declared
        booked = await client.book_shipment(
            "p1",
            shipment="p1",
            contract="c1",
            declaration="d1",
            lane="GB>ES",
            quantity="12.5",
            unit="kg",
        )
        assert booked.state is ShipmentState.BOOKED
        for n, event in enumerate(WAY):
            moved = await client.record_event(f"p1/{event}", shipment="p1", event=event, at=NOW + n * 1000)
            assert moved.state == event.value
        code = await client.proof_code("p1")
        done = await client.record_event(
            "p1/delivered", shipment="p1", event=E.DELIVERED, at=NOW + 9000, proof_code=code
        )
        assert [step.event for step in done.events] == [*WAY, E.DELIVERED]
        assert [step.at for step in done.events] == [iso(NOW + n * 1000) for n in (0, 1, 2, 3, 9)]
        assert await client.shipment("p1") == done

    market.run(way)
    with market.store.engine.connect() as connection:
        kept = [*connection.execute(text("SELECT proof FROM shipments")).scalars()]
        told = [*connection.execute(select(idempotency.c.answer)).scalars()]
    code = market.code()
    assert re.fullmatch("[0-9]{8}", code)
    assert code.encode() not in kept[0] and code not in "".join(told)
    assert code not in market.http.get("/api/v1/shipments").text


def ship(hub: Hub, *events: str, name: str = "p1") -> None:
    hub.post("/declarations", declaration(f"d-{name}"), f"d-{name}")
    assert hub.post("/shipments", shipment(name, declaration=f"d-{name}"), name).status_code == 201
    for event in events:
        assert hub.post(f"/shipments/{name}/events", step(event), f"{name}/{event}").status_code == 200


def step(event: str, proof_code: str | None = None, quantity: str | None = None) -> dict[str, str]:
    more = {"proof_code": proof_code, "quantity": quantity}
    return {"event": event, "at": iso(NOW)} | {name: text for name, text in more.items() if text is not None}


@pytest.mark.parametrize(
    ("events", "event"),
    [
        ([], "delivered"),
        ([], "in_customs"),
        (["picked_up"], "picked_up"),
        (["picked_up"], "in_transit"),
        (["picked_up", "in_customs", "lost"], "in_transit"),
        ([], "lost"),
    ],
)
def test_illegal_events_change_nothing(market: Hub, events: list[str], event: str) -> None:
    ship(market, *events)
    before = market.get("/shipments/p1")
    answer = market.post("/shipments/p1/events", step(event, market.code()), "bad")
    assert_problem(answer, 409, "illegal-event", "event")
    assert market.get("/shipments/p1") == before


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def test_delivery_needs_the_buyers_code(market: Hub) -> None:
    ship(market, *WAY)
    code = market.code()
    missing = market.post("/shipments/p1/events", step("delivered"), "k1")
    assert_problem(missing, 422, "proof-code-missing", "proof_code")
    mistaken = market.post("/shipments/p1/events", step("delivered", wrong(code)), "k2")
    assert_problem(mistaken, 422, "wrong-proof-code", "proof_code")
    seen = market.get("/shipments/p1")
    assert (seen["state"], seen["wrong_codes"]) == ("out_for_delivery", 1)
    assert market.post("/shipments/p1/events", step("delivered", code), "k3").status_code == 200


def test_after_five_wrong_codes_the_right_one_does_not_open_either(market: Hub) -> None:
    ship(market, *WAY)
    code = market.code()
    for n in range(5):
        body = step("delivered", wrong(code))
        assert_problem(
            market.post("/shipments/p1/events", body, f"k{n}"), 422, "wrong-proof-code", "proof_code"
        )
        again = market.post("/shipments/p1/events", body, f"k{n}")
        assert again.headers["Idempotent-Replayed"] == "true", "a repeated request is no further try"
    locked = market.post("/shipments/p1/events", step("delivered", code), "locked")
    assert_problem(locked, 409, "proof-locked", "proof_code")
    assert market.get("/shipments/p1")["wrong_codes"] == 5
    waiver = {"reason": "the buyer's phone is broken; passport seen"}
    assert market.post("/shipments/p1/proof-waiver", waiver, "waive").status_code == 200
    done = market.post("/shipments/p1/events", step("delivered"), "done").json()
    assert (done["state"], done["proof_waived"]) == ("delivered", waiver["reason"])
    late = market.post("/shipments/p1/proof-waiver", waiver, "late")
    assert_problem(late, 409, "illegal-event", "event")


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("p1", {}, 422, "validation", "reason"),
        ("p1", {"reason": ""}, 422, "validation", "reason"),
        ("p9", {"reason": "lost"}, 404, "unknown-shipment", "shipment"),
    ],
)
def test_bad_waivers(market: Hub, path: str, body: Any, status: int, code: str, field: str) -> None:
    ship(market)
    assert_problem(market.post(f"/shipments/{path}/proof-waiver", body, "bad"), status, code, field)
    unknown = market.http.get("/api/v1/shipments/p9/proof-code")
    assert_problem(unknown, 404, "unknown-shipment", "shipment")


def test_each_shipment_has_a_code_of_its_own(market: Hub) -> None:
    for name in ("p1", "p2"):
        ship(market, *WAY, name=name)
    assert market.code("p1") != market.code("p2") and market.code("p1") == market.code("p1")
    other = market.post("/shipments/p1/events", step("delivered", market.code("p2")), "other")
    assert_problem(other, 422, "wrong-proof-code", "proof_code")


def test_goods_are_delivered_in_parts(market: Hub) -> None:
    ship(market, *WAY)
    code = market.code()
    parts = [step("part_delivered", code, quantity) for quantity in ("2.5", "4")]
    for n, part in enumerate(parts):
        moved = market.post("/shipments/p1/events", part, f"part{n}").json()
        assert moved["state"] == "out_for_delivery"
    assert moved["delivered"] == "6.5"
    again = market.post("/shipments/p1/events", parts[1], "part1")
    assert again.json()["delivered"] == "6.5", "one event under one key"
    beyond = market.post("/shipments/p1/events", step("part_delivered", code, "6"), "beyond")
    assert_problem(beyond, 422, "wrong-quantity", "quantity")
    done = market.post("/shipments/p1/events", step("delivered", code), "done").json()
    assert (done["state"], done["delivered"]) == ("delivered", "12.5")
    assert [one["quantity"] for one in done["events"]][-3:] == ["2.5", "4", "6"]


def test_what_was_lost_after_a_part_is_not_delivered(market: Hub) -> None:
    ship(market, *WAY)
    market.post("/shipments/p1/events", step("part_delivered", market.code(), "2.5"), "part")
    lost = market.post("/shipments/p1/events", step("lost"), "lost").json()
    assert (lost["state"], lost["delivered"], lost["quantity"]) == ("lost", "2.5", "12.5")


def test_goods_held_by_customs_stay_there(market: Hub) -> None:
    ship(market, "picked_up", "in_customs")
    with market.store.engine.begin() as connection:
        connection.execute(update(declarations).values(state="held"))
    answer = market.post("/shipments/p1/events", step("in_transit"), "k1")
    assert_problem(answer, 409, "declaration-not-released", "event")
    assert market.post("/shipments/p1/events", step("returned"), "k2").json()["state"] == "returned"


def test_a_repeated_event_is_one_event(market: Hub) -> None:
    ship(market, "picked_up")
    again = market.post("/shipments/p1/events", step("picked_up"), "p1/picked_up")
    assert again.status_code == 200
    assert len(market.get("/shipments/p1")["events"]) == 1


def test_shipments_are_listed_by_state_and_contract(market: Hub) -> None:
    ship(market, name="p1")
    ship(market, "picked_up", name="p2")
    ship(market, "picked_up", name="p3")

    def named(**query: str | int) -> list[str]:
        return [one["shipment"] for one in market.get("/shipments", **query)["items"]]

    assert named(state="picked_up") == ["p2", "p3"]
    assert named(state="picked_up", after="p2") == ["p3"]
    assert named(contract="c1", limit=2) == ["p1", "p2"]
    assert named(contract="c2") == []


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (shipment("p2", declaration="none"), 422, "unknown-declaration", "declaration"),
        (shipment("p2", contract="c2"), 422, "wrong-contract", "contract"),
        (shipment("p1"), 409, "duplicate-id", "shipment"),
        (shipment("p2", quantity="-1"), 422, "validation", "quantity"),
        (shipment("p2", quantity=1.5), 422, "validation", "quantity"),
        (shipment("p2", proof_code="4711"), 422, "validation", "proof_code"),
        (shipment("p2", unit="k\x00g"), 422, "validation", "unit"),
    ],
)
def test_bad_bookings(market: Hub, body: dict[str, str], status: int, code: str, field: str) -> None:
    market.post("/declarations", declaration(), "d1")
    market.post("/shipments", shipment("p1"), "p1")
    assert_problem(market.post("/shipments", body, "bad"), status, code, field)
    assert len(market.get("/shipments")["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"name": "d1"}, 409, "duplicate-id", "declaration"),
        ({"hs_code": "coffee"}, 422, "validation", "hs_code"),
        ({"duty_ppm": -1}, 422, "validation", "duty_ppm"),
        ({"duty_ppm": 1.5}, 422, "validation", "duty_ppm"),
        ({"duty_ppm": "75000"}, 422, "validation", "duty_ppm"),
        ({"value": {"currency": "EUR", "value": "0"}}, 422, "validation", "value.value"),
        ({"quantity": "twelve"}, 422, "validation", "quantity"),
    ],
)
def test_bad_declarations(market: Hub, changes: dict[str, Any], status: int, code: str, field: str) -> None:
    market.post("/declarations", declaration(), "d1")
    bad = declaration(**{"name": "d2", **changes})
    assert_problem(market.post("/declarations", bad, "bad"), status, code, field)
    assert len(market.get("/declarations")["items"]) == 1


def test_bad_events(market: Hub) -> None:
    ship(market)
    for n, (body, field) in enumerate(
        [
            ({"event": "teleported", "at": iso(NOW)}, "event"),
            ({"event": "booked", "at": iso(NOW)}, "event"),
            ({"event": "picked_up", "at": "noon"}, "at"),
            ({"event": "picked_up", "at": NOW}, "at"),
        ]
    ):
        assert_problem(market.post("/shipments/p1/events", body, f"bad{n}"), 422, "validation", field)
    unknown = market.post("/shipments/p9/events", step("picked_up"), "unknown")
    assert_problem(unknown, 404, "unknown-shipment", "shipment")
    assert market.get("/shipments/p1")["events"] == []
