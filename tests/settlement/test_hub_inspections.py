"""Inspections over real HTTP: ordered by customs or the operator; a fail holds goods and money."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.settlement.hubs import ANA, NOW, assert_problem, declaration, reservation, shipment
from tests.settlement.inspected import OPERATOR, Inspected, running_inspection
from tradelane.market.units import iso
from tradelane.settlement.ehub.server.inspection import order_routes, orders, results
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.ehub.wire_inspection import InspectionResult, OrderInspection
from tradelane.settlement.inspection import TRANSITIONS, Event, State, after, holding

MODULES = (order_routes, orders, results)
"""What stands behind these routes."""
PASS = {"result": "pass", "inspector": "Inge"}
FAIL = {"result": "fail", "inspector": "Inge", "remarks": "ring rot"}
ARMS, HONEY = "930630", "0409.00"


@pytest.fixture(scope="module")
def hub(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """One for all: each test has a contract of its own."""
    with running_inspection(furnished, tmp_path_factory.mktemp("inspections")) as hub:
        yield hub


def declared(hub: Inspected, name: str, hs_code: str = "0901.21", **more: Any) -> str:
    """A declaration under a contract of the same name; its state."""
    body = declaration(name, contract=name, hs_code=hs_code, duty_ppm=0, **more)
    return str(hub.ok(OPERATOR, "/declarations", body)["state"])


def state(hub: Inspected, name: str) -> str:
    return str(hub.get(OPERATOR, f"/declarations/{name}")["state"])


def event(hub: Inspected, name: str, what: str) -> Any:
    return hub.post(OPERATOR, f"/shipments/{name}/events", {"event": what, "at": iso(NOW)})


def test_the_red_channel_orders_an_inspection_and_the_office_s_release_ends_it(hub: Inspected) -> None:
    assert declared(hub, "c1", ARMS) == "inspection"
    (ordered,) = hub.get(OPERATOR, "/inspections", declaration="c1")["items"]
    assert (ordered["inspection"], ordered["ordered_by"], ordered["state"]) == (
        "customs/c1", "customs", "ordered",
    )  # fmt: skip
    hub.ok(OPERATOR, "/declarations/c1/release", {"note": "licence seen"}, 200)
    ended = hub.get(OPERATOR, "/inspections/customs/c1")
    assert (ended["state"], ended["inspector"], ended["remarks"]) == ("passed", "customs", "licence seen")


def test_a_fail_holds_the_goods_and_keeps_the_money_for_a_refund(hub: Inspected) -> None:
    before = hub.hub.balances()[ANA]
    hub.ok(OPERATOR, "/reservations", reservation("c2", "12", contract="c2"))
    declared(hub, "c2", ARMS)
    failed = hub.ok(OPERATOR, "/inspections/customs/c2/result", FAIL, 200)
    assert (failed["state"], failed["remarks"]) == ("failed", "ring rot")
    assert state(hub, "c2") == "held"
    refused = hub.post(OPERATOR, "/declarations/c2/release", {})
    assert_problem(refused, 409, "inspection-failed", "declaration")
    assert "ring rot" in refused.json()["detail"]
    disputed = hub.get("ana", "/contracts/c2/dispute")
    assert (disputed["state"], disputed["opened_by"]) == ("disputed", "operator")
    hub.ok(OPERATOR, "/contracts/c2/resolve", {"outcome": "refund"}, 200)
    assert hub.hub.balances()[ANA] == before
    with hub.hub.store.engine.connect() as conn:
        query = select(audit_entries.c.action).where(audit_entries.c.subject.in_(["customs/c2", "c2"]))
        acts = list(conn.execute(query.order_by(audit_entries.c.seq)).scalars())
    assert acts == ["dispute-opened", "inspection-ended", "dispute-resolved"]


def test_a_fail_leaves_money_alone_whose_time_is_over(hub: Inspected) -> None:
    held = reservation("late", "1", contract="late") | {"expires_at": iso(NOW + 1)}
    hub.ok(OPERATOR, "/reservations", held)
    declared(hub, "late", ARMS)
    hub.facade.at = NOW + 1
    hub.ok(OPERATOR, "/inspections/customs/late/result", FAIL, 200)
    hub.facade.at = NOW
    assert hub.get(OPERATOR, "/reservations/late")["state"] == "released"
    assert "late" not in {one["contract"] for one in hub.get(OPERATOR, "/disputes")["items"]}


def test_what_failed_is_released_once_another_inspection_passed(hub: Inspected) -> None:
    declared(hub, "c3", ARMS)
    hub.ok(OPERATOR, "/inspections/customs/c3/result", FAIL, 200)
    again = {"inspection": "again/c3", "declaration": "c3", "reason": "sorted"}
    hub.ok(OPERATOR, "/inspections", again)
    assert state(hub, "c3") == "inspection"
    open_ = hub.post(OPERATOR, "/declarations/c3/release", {})
    assert_problem(open_, 409, "inspection-open", "declaration")
    hub.ok(OPERATOR, "/inspections/again/c3/result", PASS, 200)
    assert hub.ok(OPERATOR, "/declarations/c3/release", {}, 200)["state"] == "released"
    twice = hub.post(OPERATOR, "/inspections/again/c3/result", FAIL)
    assert_problem(twice, 409, "inspection-state", "inspection")


def test_a_shipment_on_its_way_goes_no_further_while_it_is_looked_at(hub: Inspected) -> None:
    assert declared(hub, "c4") == "released"
    hub.ok(OPERATOR, "/shipments", shipment("c4", contract="c4", declaration="c4"))
    asked = {"inspection": "i4", "shipment": "c4", "reason": "wet boxes"}
    assert hub.ok(OPERATOR, "/inspections", asked)["declaration"] == "c4"
    assert event(hub, "c4", "picked_up").status_code == 200
    assert event(hub, "c4", "in_customs").status_code == 200
    assert_problem(event(hub, "c4", "in_transit"), 409, "inspection-open", "declaration")
    hub.ok(OPERATOR, "/inspections/i4/result", FAIL, 200)
    assert state(hub, "c4") == "released", "what customs released stays so"
    assert_problem(event(hub, "c4", "in_transit"), 409, "inspection-failed", "declaration")
    hub.ok(OPERATOR, "/inspections", asked | {"inspection": "i4/2"})
    hub.ok(OPERATOR, "/inspections/i4/2/result", PASS, 200)
    assert event(hub, "c4", "in_transit").status_code == 200


def test_papers_may_still_be_given_while_goods_are_looked_at(hub: Inspected) -> None:
    assert declared(hub, "c5", HONEY) == "documents"
    hub.ok(OPERATOR, "/inspections", {"inspection": "i5", "declaration": "c5", "reason": "a sample"})
    assert state(hub, "c5") == "inspection"
    cancelled = hub.ok(OPERATOR, "/inspections/i5/result", {"result": "cancel", "inspector": "Inge"}, 200)
    assert cancelled["state"] == "cancelled"
    paper = {"name": "health certificate", "sha256": "00" * 32}
    hub.ok(OPERATOR, "/declarations/c5/documents", paper, 200)
    assert hub.ok(OPERATOR, "/declarations/c5/release", {}, 200)["state"] == "released"


def test_inspections_are_listed_by_their_state_page_by_page(hub: Inspected) -> None:
    for name in ("c6", "c7"):
        declared(hub, name, ARMS)
    first = hub.get(OPERATOR, "/inspections", state="ordered", limit=1)
    rest = hub.get(OPERATOR, "/inspections", state="ordered", after=first["next"])
    assert {"customs/c6", "customs/c7"} <= {one["inspection"] for one in first["items"] + rest["items"]}


def test_the_operator_s_client(hub: Inspected) -> None:
    declared(hub, "c8")
    question = OrderInspection(inspection="i8", declaration="c8", reason="at random")
    ordered = hub.hub.run(lambda client: client.inspection.order("o", question))
    assert ordered.state is State.ORDERED
    said = InspectionResult.model_validate(PASS)
    assert hub.hub.run(lambda client: client.inspection.result("r", "i8", said)).state is State.PASSED
    shown = hub.hub.run(lambda client: client.inspection.inspections(state=State.PASSED, declaration="c8"))
    assert [one.inspection for one in shown.items] == ["i8"]


@pytest.mark.parametrize(
    ("who", "path", "body", "status", "code", "field"),
    [
        (
            "ana", "", {"inspection": "x", "declaration": "c9", "reason": "r"},
            403, "operator-only", "Authorization",
        ),
        (OPERATOR, "", {"inspection": "x", "reason": "r"}, 422, "validation", "body"),
        (
            OPERATOR, "", {"inspection": "x", "reason": "r", "declaration": "a", "shipment": "b"},
            422, "validation", "body",
        ),
        (
            OPERATOR, "", {"inspection": "x", "reason": "r", "declaration": "none"},
            422, "unknown-declaration", "declaration",
        ),
        (
            OPERATOR, "", {"inspection": "x", "reason": "r", "shipment": "none"},
            422, "unknown-shipment", "shipment",
        ),
        (
            OPERATOR, "", {"inspection": "customs/c9", "reason": "r", "declaration": "c9"},
            409, "duplicate-id", "inspection",
        ),
        (OPERATOR, "/none/result", PASS, 404, "unknown-inspection", "inspection"),
        (OPERATOR, "/customs/c9/result", {"result": "fail", "inspector": "I"}, 422, "validation", "body"),
        (OPERATOR, "/customs/c9/result", PASS | {"result": "maybe"}, 422, "validation", "result"),
    ],
)  # fmt: skip
def test_bad_inspections(
    hub: Inspected, who: str, path: str, body: Any, status: int, code: str, field: str
) -> None:
    if not hub.get(OPERATOR, "/inspections", declaration="c9")["items"]:
        declared(hub, "c9", ARMS)
    assert_problem(hub.post(who, f"/inspections{path}", body), status, code, field)
    assert hub.get(OPERATOR, "/inspections/customs/c9")["state"] == "ordered"


def test_a_result_is_final() -> None:
    ways = [(s, e) for s, e in product(State, Event) if after(s, e) is not None]
    assert {before for before, _ in ways} == {State.ORDERED} and len(ways) == len(Event)
    assert TRANSITIONS.keys() == set(State)


def test_what_holds_goods() -> None:
    for length in range(4):
        for states in product(State, repeat=length):
            results = [one for one in states if one in (State.PASSED, State.FAILED)]
            failed = State.FAILED if results[-1:] == [State.FAILED] else None
            assert holding(states) is (State.ORDERED if State.ORDERED in states else failed)
