"""EPCIS over real HTTP: documents captured all or none, events queried page by page."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.settlement.epcis_events import official
from tests.settlement.hubs import NOW, Hub, assert_problem, declaration, shipment
from tradelane.market.units import iso
from tradelane.settlement import epcis, exact_json
from tradelane.settlement.ehub.server.logistics.epcis_routes import BEHAVIOUR
from tradelane.settlement.epcis_hash import event_id
from tradelane.settlement.logistics import ShipmentEvent

E = ShipmentEvent
WAY = [E.PICKED_UP, E.IN_CUSTOMS, E.IN_TRANSIT, E.OUT_FOR_DELIVERY]
ALL = Decimal("12.5")


def booked(hub: Hub, name: str = "p1") -> None:
    hub.post("/declarations", declaration(f"d-{name}"), f"d-{name}")
    assert hub.post("/shipments", shipment(name, declaration=f"d-{name}"), name).status_code == 201


def happened(
    event: ShipmentEvent, name: str = "p1", quantity: Decimal = ALL, code: Any = None, **more: Any
) -> dict[str, Any]:
    """As a carrier with a system of its own says it: other places, another offset, a seal."""
    of = epcis.Consignment(name, "c1", "GB>ES", "GB", "ES", "0901.21", "kg")
    at = NOW + 1000 * list(ShipmentEvent).index(event)
    said = epcis.object_event(of, event, at, quantity)
    own = {"eventTimeZoneOffset": "+02:00", "readPoint": {"id": "urn:carrier:depot:7"}, "example:seal": "77"}
    return {**said, **own, **({} if code is None else {epcis.PROOF_CODE: code}), **more}


def document(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    context = [epcis.CONTEXT, {"example": "https://carrier.example/epcis/"}]
    return {**epcis.document(events, NOW), "@context": context, **changes}


def capture(
    hub: Hub, body: dict[str, Any] | bytes, key: str | None = None, **headers: str
) -> httpx2.Response:
    content = body if isinstance(body, bytes) else exact_json.dumps(body).encode()
    if key is not None:
        headers["Idempotency-Key"] = key
    return hub.http.post("/api/v1/epcis/capture", content=content, headers=headers)


def names(hub: Hub, **query: Any) -> list[str]:
    """The shipment and step of each event that answers a query."""
    answer = hub.get("/epcis/events", **query)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [f"{one['epcList'][0].rpartition(':')[2]} {one['bizStep']}" for one in answer]


def test_a_carrier_s_document_moves_its_shipment_to_the_door(market: Hub) -> None:
    booked(market)
    code = market.code()
    door = happened(E.DELIVERED, code=code)
    answer = capture(market, document(*map(happened, WAY), door))
    assert answer.status_code == 202, answer.text
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    job = answer.json()
    assert (job["running"], job["success"], job["errors"]) == (False, True, [])
    assert market.http.get(answer.headers["Location"]).json() == job
    seen = market.get("/shipments/p1")
    assert (seen["state"], seen["delivered"]) == ("delivered", "12.5")
    assert [step["event"] for step in seen["events"]] == [*WAY, E.DELIVERED]
    text = market.http.get("/api/v1/epcis/events").text
    assert code not in text and "proofCode" not in text
    kept = json.loads(text)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [one["bizStep"] for one in kept] == [epcis.STEPS[event][0] for event in (*WAY, E.DELIVERED)]
    first = kept[0]
    assert first["example:seal"] == "77" and first["readPoint"]["id"] == "urn:carrier:depot:7"
    assert first["@context"] == {"example": "https://carrier.example/epcis/"}
    assert (first["eventTimeZoneOffset"], first["eventID"]) == ("+02:00", event_id(happened(E.PICKED_UP)))


def test_what_the_hub_answers_is_valid_by_the_standard_s_schema(market: Hub) -> None:
    valid = official()
    booked(market)
    capture(market, document(happened(E.PICKED_UP)))
    body = {"event": "lost", "at": iso(NOW)}
    assert market.post("/shipments/p1/events", body, "lost").status_code == 200
    answer = market.http.get("/api/v1/epcis/events")
    assert answer.headers["content-type"] == "application/json"
    assert valid(exact_json.loads(answer.content))
    ours = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"][1]
    assert ours["disposition"] == "unknown" and ours["eventID"].endswith("?ver=CBV2.0")
    assert ours["recordTime"] == epcis.moment(NOW)
    one = market.http.get(f"/api/v1/epcis/events/{ours['eventID'].replace('?', '%3F')}")
    assert one.json() == ours


def test_a_document_is_captured_whole_or_not_at_all(market: Hub) -> None:
    booked(market)
    booked(market, "p2")
    bad = document(happened(E.PICKED_UP), happened(E.PICKED_UP, "p2"), happened(E.DELIVERED, "p2"))
    answer = capture(market, bad)
    assert answer.status_code == 202
    (error,) = answer.json()["errors"]
    assert not answer.json()["success"]
    assert error["type"] == "urn:tradelane:problem:illegal-event"
    assert error["errors"][0]["field"] == "epcisBody.eventList.2.event"
    assert {market.get(f"/shipments/{name}")["state"] for name in ("p1", "p2")} == {"booked"}
    assert names(market) == []


def test_the_same_document_or_event_again_is_captured_once(market: Hub) -> None:
    booked(market)
    first = document(happened(E.PICKED_UP))
    one, again = capture(market, first), capture(market, first)
    assert again.headers["Idempotent-Replayed"] == "true" and again.json() == one.json()
    more = document(happened(E.PICKED_UP), happened(E.IN_CUSTOMS))
    assert capture(market, more, "another key").json()["success"]
    assert names(market) == ["p1 shipping", "p1 holding"]
    other = happened(E.LOST, eventID=event_id(happened(E.PICKED_UP)))
    refused = capture(market, document(other)).json()
    assert refused["errors"][0]["type"] == "urn:tradelane:problem:duplicate-id"
    assert market.get("/shipments/p1")["state"] == "in_customs"
    reused = capture(market, document(happened(E.IN_TRANSIT)), "another key")
    assert_problem(reused, 422, "idempotency-key-reused", "Idempotency-Key")


def test_parts_are_told_by_their_quantity(market: Hub) -> None:
    booked(market)
    code = market.code()
    part = happened(E.PART_DELIVERED, quantity=Decimal("2.5"), code=code)
    assert capture(market, document(*map(happened, WAY), part)).json()["success"]
    assert market.get("/shipments/p1")["delivered"] == "2.5"
    much = capture(market, document(happened(E.DELIVERED, quantity=Decimal(11), code=code))).json()
    assert much["errors"][0]["type"] == "urn:tradelane:problem:wrong-quantity"
    rest = happened(E.DELIVERED, quantity=Decimal("10.00"), code=code)
    assert capture(market, document(rest)).json()["success"]
    assert market.get("/shipments/p1")["state"] == "delivered"


def test_wrong_codes_are_counted_though_the_document_has_no_effect(market: Hub) -> None:
    booked(market)
    first = document(*map(happened, WAY))
    assert capture(market, first).json()["success"]
    code = market.code()
    for n in range(6):
        job = capture(market, document(happened(E.DELIVERED, code=code[::-1] + "0")), f"try {n}").json()
        kind = "wrong-proof-code" if n < 5 else "proof-locked"
        assert job["errors"][0]["type"] == f"urn:tradelane:problem:{kind}"
    assert market.get("/shipments/p1")["wrong_codes"] == 5
    assert not capture(market, document(happened(E.DELIVERED, code=code))).json()["success"]
    market.post("/shipments/p1/proof-waiver", {"reason": "seen in person"}, "waive")
    assert capture(market, document(happened(E.DELIVERED)), "waived").json()["success"]


@pytest.mark.parametrize(
    ("event", "code", "field"),
    [
        (happened(E.PICKED_UP, epcList=["urn:x:y"]), "no-shipment", "epcList"),
        (happened(E.PICKED_UP, "p9"), "unknown-shipment", "shipment"),
        (happened(E.PICKED_UP, bizStep="https://example.org/flying"), "unknown-step", "bizStep"),
        (happened(E.PICKED_UP, action="ADD"), "wrong-action", "action"),
        (
            happened(E.PICKED_UP, quantityList=[{"epcClass": "urn:x:y", "uom": "TNE"}]),
            "wrong-unit",
            "quantityList.uom",
        ),
        (happened(E.PICKED_UP, code=4711), "validation", epcis.PROOF_CODE),
    ],
)
def test_events_that_fit_no_shipment(
    shared_market: Hub, event: dict[str, Any], code: str, field: str
) -> None:
    booked(shared_market)
    (error,) = capture(shared_market, document(event)).json()["errors"]
    assert error["type"] == f"urn:tradelane:problem:{code}"
    assert error["errors"][0]["field"] == f"epcisBody.eventList.0.{field}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[" * 10_000, "body"),
        (b'{"a": 1e99999}', "body"),
        (document(happened(E.PICKED_UP), type="EPCISQueryDocument"), "type"),
        (document(), "epcisBody.eventList"),
        (document(happened(E.PICKED_UP, eventTime="noon")), "epcisBody.eventList.0.eventTime"),
        (document(happened(E.PICKED_UP, type="AggregationEvent")), "epcisBody.eventList.0.type"),
        (document(happened(E.PICKED_UP, bizStep="teleporting")), "epcisBody.eventList.0.bizStep"),
        (document(happened(E.PICKED_UP, seal="no prefix")), "epcisBody.eventList.0"),
        (document(happened(E.PICKED_UP, disposition=None)), "epcisBody.eventList.0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_document_is_refused_at_once(shared_market: Hub, body: Any, field: str) -> None:
    assert_problem(capture(shared_market, body), 400, "validation", field)


def test_nobody_is_promised_half_a_document(market: Hub) -> None:
    answer = capture(market, document(happened(E.PICKED_UP)), **{BEHAVIOUR: "proceed"})
    assert_problem(answer, 400, "validation", BEHAVIOUR)
    assert_problem(market.http.get("/api/v1/epcis/capture/none"), 404, "unknown-capture", "capture")
    assert_problem(market.http.get("/api/v1/epcis/events/urn:none"), 404, "unknown-event", "event_id")


def test_queries_and_pages(market: Hub) -> None:
    for name in ("p1", "p2"):
        booked(market, name)
        assert capture(market, document(*(happened(event, name) for event in WAY))).json()["success"]
    assert names(market, EQ_bizStep="shipping|departing", MATCH_epc="urn:tradelane:shipment:p2") == [
        "p2 shipping",
        "p2 departing",
    ]
    second, third = (epcis.moment(NOW + k * 1000) for k in (1, 2))
    assert names(market, GE_eventTime=second, LT_eventTime=third) == ["p1 holding", "p2 holding"]
    assert len(names(market, MATCH_epcClass="urn:tradelane:hs:090121", GE_recordTime=iso(NOW))) == 8
    assert names(market, LT_recordTime=iso(NOW)) == []
    seen, path = [], "/api/v1/epcis/events?perPage=3&EQ_bizStep=shipping%7Cholding%7Ctransporting"
    while path:
        answer = market.http.get(path)
        seen.append(
            [e["bizStep"] for e in answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]
        )
        link = answer.headers.get("Link", "")
        path = link.removeprefix("<").removesuffix('>; rel="next"')
    assert seen == [["shipping", "holding", "transporting"]] * 2


@pytest.mark.parametrize(
    ("query", "status"),
    [("GE_eventTime=noon", 400), ("EQ_bizstep=shipping", 400), ("perPage=0", 422), ("nextPageToken=x", 422)],
)
def test_queries_that_are_not_understood(shared_market: Hub, query: str, status: int) -> None:
    field = query.partition("=")[0]
    assert_problem(shared_market.http.get(f"/api/v1/epcis/events?{query}"), status, "validation", field)
