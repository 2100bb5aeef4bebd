"""Logistics on a real PostgreSQL, over HTTP: the same answers as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.postgres import running_postgres
from tests.settlement.hubs import NOW, TOKEN, Hub, assert_problem, furnish, run, serving
from tests.settlement.test_hub_epcis import ALL, WAY, booked, capture, document, happened, names
from tests.settlement.test_hub_lanes import book, lane
from tests.settlement.test_hub_nominations import nomination, series
from tests.settlement.test_hub_shipments import step
from tradelane.gateway.store import StoreError, opened
from tradelane.market.units import iso
from tradelane.settlement import epcis
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.freight import DAY
from tradelane.settlement.logistics import ShipmentEvent as E


@pytest.fixture(scope="module")
def market() -> Iterator[Hub]:
    with (
        running_postgres() as server,
        opened(server.create(), PLACE, HEAD) as store,
        serving(create_app(store, lambda: NOW, TOKEN, store.read, (StoreError,))) as url,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        run(HubClient(url, TOKEN), furnish)
        yield Hub(url, store, http)


def test_goods_go_to_the_door_in_parts(market: Hub) -> None:
    booked(market)
    assert capture(market, document(*map(happened, WAY))).json()["success"]
    code = market.code()
    bad = market.post("/shipments/p1/events", step("delivered", "00000000"), "wrong")
    assert_problem(bad, 422, "wrong-proof-code", "proof_code")
    part = market.post("/shipments/p1/events", step("part_delivered", code, "2.5"), "part").json()
    assert (part["delivered"], part["wrong_codes"]) == ("2.5", 1)
    assert market.post("/shipments/p1/proof-waiver", {"reason": "seen"}, "waive").status_code == 200
    assert market.post("/shipments/p1/events", step("delivered"), "done").json()["state"] == "delivered"
    assert len(names(market, EQ_bizStep="accepting", MATCH_epc=epcis.name(epcis.SHIPMENT, "p1"))) == 2
    again = capture(market, document(*map(happened, WAY)), "again").json()
    assert again["success"] and len(names(market)) == 6


def test_lanes_are_booked_to_their_capacity(market: Hub) -> None:
    for n, start in enumerate((NOW - DAY, NOW + DAY)):
        assert market.post("/freight-lanes", lane(valid_from=iso(start)), f"offer {n}").status_code == 201
    assert [book(market, f"q{n}").status_code for n in range(4)] == [201, 201, 201, 409]
    (offer,) = market.get("/freight-lanes")["items"]
    assert (offer["left"], offer["valid_to"]) == ("2.5", iso(NOW + DAY))


def test_nominations_grow_and_are_listed(market: Hub) -> None:
    for n, said in enumerate((series(q1=5), series(q1=5), series(q1=4, q2=1))):
        answer = market.post("/nominations", nomination(said), f"n{n}").json()
    assert answer["revision"] == 2
    path = f"/nominations/{answer['nomination']}/acknowledgement"
    assert market.post(path, {"revision": 2, "code": "A01"}, "yes").json()["acknowledgement"]["accepted"]
    (line,) = market.get("/nominations")["items"]
    assert (line["revision"], line["acknowledged"]) == (2, "A01")


def test_what_no_database_can_hold_is_not_found(market: Hub) -> None:
    nul = happened(E.LOST, epcList=["urn:tradelane:shipment:%00"], quantity=ALL)
    (error,) = capture(market, document(nul)).json()["errors"]
    assert error["type"] == "urn:tradelane:problem:no-shipment"
    for path in (
        "epcis/events?EQ_eventID=%00",
        "epcis/events/%00",
        "epcis/capture/%00",
        "nominations/%00",
        "nominations?domain=%00",
        "freight-lanes?source=%00",
        "freight-lanes?after=%00",
        "shipments/%00",
    ):
        assert_problem(market.http.get(f"/api/v1/{path}"), 400, "validation", "url")
