"""Freight lanes over real HTTP: offered, listed, and booked up to their capacity each week.

What is tried is tradelane.settlement.ehub.server.logistics.lanes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.settlement.hubs import NOW, Hub, assert_problem, declaration, shipment
from tradelane.market.units import iso
from tradelane.settlement.freight import DAY


def lane(**changes: Any) -> dict[str, Any]:
    return {
        "lane": "GB>ES",
        "carrier": "Iberia Road Freight",
        "source": "GB",
        "target": "ES",
        "unit": "kg",
        "price": {"currency": "EUR", "value": "0.06"},
        "days": 3,
        "capacity": "40",
        "valid_from": iso(NOW - DAY),
        **changes,
    }


def offered(hub: Hub, **changes: Any) -> None:
    body = lane(**changes)
    answer = hub.post("/freight-lanes", body, f"{body['lane']}/{body['valid_from']}")
    assert answer.status_code == 201, answer.text


def book(hub: Hub, name: str, **changes: Any) -> Any:
    hub.post("/declarations", declaration(f"d-{name}"), f"d-{name}")
    return hub.post("/shipments", shipment(name, declaration=f"d-{name}", **changes), name)


def test_a_booking_takes_capacity_and_tells_price_and_arrival(market: Hub) -> None:
    offered(market)
    booked = book(market, "p1").json()
    assert booked["carrier"] == "Iberia Road Freight"
    assert booked["freight"] == {"currency": "EUR", "value": "0.75"}
    assert booked["eta"] == iso(NOW + 3 * DAY)
    assert market.get("/shipments/p1") == booked
    (seen,) = market.get("/freight-lanes", source="GB", target="ES")["items"]
    assert (seen["capacity"], seen["left"], seen["price"]["value"]) == ("40", "27.5", "0.06")
    (next_week,) = market.get("/freight-lanes", at=iso(NOW + 7 * DAY))["items"]
    assert next_week["left"] == "40"
    assert market.get("/freight-lanes", source="ES")["items"] == []


def test_beyond_its_capacity_a_lane_takes_nothing(market: Hub) -> None:
    offered(market)
    assert [book(market, f"p{n}").status_code for n in range(3)] == [201] * 3
    refused = book(market, "p3")
    assert_problem(refused, 409, "lane-full", "quantity")
    assert "2.5 kg on GB>ES" in refused.json()["detail"]
    assert market.http.get("/api/v1/shipments/p3").status_code == 404
    assert book(market, "p4", quantity="2.5").status_code == 201


def test_many_at_once_take_no_more_than_there_is(market: Hub) -> None:
    offered(market, capacity="50")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: book(market, f"p{n}").status_code, range(12)))
    assert sorted(answers) == [201] * 4 + [409] * 8
    assert market.get("/freight-lanes")["items"][0]["left"] == "0"


def test_a_lane_that_nobody_offers_is_booked_as_before(market: Hub) -> None:
    booked = book(market, "p1").json()
    assert (booked["carrier"], booked["freight"], booked["eta"]) == (None, None, None)


def test_a_later_offer_ends_one_without_end(market: Hub) -> None:
    offered(market)
    offered(market, valid_from=iso(NOW + DAY), price={"currency": "EUR", "value": "0.08"})
    now, later = (market.get("/freight-lanes", at=iso(at))["items"][0] for at in (NOW, NOW + DAY))
    assert (now["price"]["value"], now["valid_to"]) == ("0.06", iso(NOW + DAY))
    assert (later["price"]["value"], later["valid_to"]) == ("0.08", None)


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"valid_from": iso(NOW - DAY)}, 409, "lane-overlap", "valid_from"),
        ({"valid_from": iso(NOW + 2 * DAY)}, 409, "lane-overlap", "valid_from"),
        ({"valid_from": iso(NOW - 9 * DAY)}, 409, "lane-overlap", "valid_from"),
        ({"valid_from": iso(NOW), "valid_to": iso(NOW)}, 422, "wrong-period", "valid_to"),
        ({"days": -1}, 422, "validation", "days"),
        ({"days": 1.5}, 422, "validation", "days"),
        ({"capacity": "0"}, 422, "validation", "capacity"),
        ({"price": {"currency": "EUR", "value": "-1"}}, 422, "validation", "price.value"),
    ],
)
def test_bad_offers(shared_market: Hub, change: dict[str, Any], status: int, code: str, field: str) -> None:
    offered(shared_market, valid_to=iso(NOW + 5 * DAY))
    assert_problem(shared_market.post("/freight-lanes", lane(**change), f"bad {change}"), status, code, field)
    assert len(shared_market.get("/freight-lanes")["items"]) == 1


@pytest.mark.parametrize(
    ("offer", "changes", "status", "code", "field"),
    [
        ({"valid_from": iso(NOW + DAY)}, {}, 409, "lane-not-offered", "lane"),
        ({"valid_to": iso(NOW)}, {}, 409, "lane-not-offered", "lane"),
        ({"unit": "t"}, {}, 422, "wrong-unit", "unit"),
        (
            {"capacity": "99999999999999999999", "price": {"currency": "EUR", "value": "1000000000"}},
            {"quantity": "99999999999999999999"},
            422,
            "balance-out-of-range",
            "quantity",
        ),
    ],
)
def test_bookings_that_a_lane_does_not_take(
    market: Hub, offer: dict[str, Any], changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    offered(market, **offer)
    assert_problem(book(market, "p1", **changes), status, code, field)
