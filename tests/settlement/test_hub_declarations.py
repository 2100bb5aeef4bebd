"""Declarations over real HTTP: their way, what is charged for them, and what is given back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settlement.hubs import Hub, assert_problem, declaration, reservation
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.customs import (
    answers,
    assessing,
    charging,
    declarations,
    routes,
    tables,
)
from tradelane.settlement.ehub.wire_declarations import Amend, Declare, GiveDocument

HELD = "declaration-state"
TAX = "import-tax:EUR"
MODULES = (answers, assessing, charging, declarations, routes, tables)
"""What stands behind these routes."""


def by_tariff(name: str = "d1", **changes: Any) -> dict[str, Any]:
    """Coffee from Britain for 1000 EUR and 100 EUR of freight: 7.5 % duty, 10 % Spanish tax."""
    plain = declaration(name, value={"currency": "EUR", "value": "1000"}, duty_ppm=None)
    plain |= {"freight": {"currency": "EUR", "value": "100"}, "payer": "member:ana:EUR"}
    return plain | changes


def small(name: str = "d1", **changes: Any) -> dict[str, Any]:
    """Within what Ana has: 7.5 % of 200 EUR as a business, and the tax in her own return."""
    return by_tariff(
        name, value={"currency": "EUR", "value": "160"}, freight={"currency": "EUR", "value": "40"},
        business=True, **changes,
    )  # fmt: skip


@pytest.fixture
def office(market: Hub) -> Hub:
    opened = {"account": TAX, "owner": "hub", "currency": "EUR", "limit": "0"}
    assert market.post("/accounts", opened, "tax").status_code == 201
    return market


def test_the_charge_is_what_was_assessed(office: Hub) -> None:
    rich = {"account": "member:ana:EUR", "amount": {"currency": "EUR", "value": "1000"}}
    office.post("/deposits", rich, "more")
    made = office.post("/declarations", by_tariff(), "d1").json()
    assert (made["state"], made["channel"], made["risk_rule"]) == ("released", "green", "everything else")
    assert [(line["kind"], line["amount"]["value"], line["rule"]) for line in made["lines"]] == [
        ("duty", "82.5", "MFN, coffee, roasted, not decaffeinated"),
        ("tax", "118.25", "ES reduced: other food"),
    ]
    assert made["charged"]["value"] == "200.75"
    balances = office.balances()
    assert (balances["customs:EUR"], balances[TAX]) == (("82.5", "0"), ("118.25", "0"))
    (receipt,) = office.get("/receipts")["items"]
    assert [(line["kind"], line["amount"]["value"]) for line in receipt["lines"]] == [
        ("duty", "-82.5"),
        ("import tax", "-118.25"),
    ]
    assert office.post("/declarations", by_tariff(), "d1").json() == made, "repeated, charged once"
    assert office.balances() == balances
    assert [step["state"] for step in made["steps"]] == ["lodged", "accepted", "released"]


def test_without_funds_nothing_is_declared(office: Hub) -> None:
    before = office.balances()
    answer = office.post("/declarations", by_tariff(), "d1")
    assert_problem(answer, 402, "insufficient-funds", "transfers.0.amount")
    assert (office.balances(), office.get("/declarations")["items"]) == (before, [])


def test_the_charge_is_drawn_on_what_was_held_for_it(office: Hub) -> None:
    office.post("/reservations", reservation("r1", "20"), "r1")
    made = office.post("/declarations", small(reservation="r1"), "d1").json()
    assert made["charged"]["value"] == "15"
    assert office.balances()["member:ana:EUR"] == ("85", "0"), "what was held too much is let go"
    assert office.get("/reservations/r1")["state"] == "settled"


def test_what_no_rule_knows_is_refused_by_name(office: Hub) -> None:
    for changes, code, field in (
        ({"hs_code": "070200"}, "duty-not-known", "hs_code"),
        ({"destination": "BR"}, "destination-not-known", "destination"),
        ({"origin": "CN", "preference": True}, "preference-not-known", "preference"),
        ({"destination": "NO"}, "exchange-rate-missing", "rates"),
        (
            {"destination": "NO", "rates": {"EUR": "1000000000", "NOK": "0.000000001"}},
            "amount-too-large",
            "value",
        ),
        ({"payer": None, "reservation": "r1"}, "validation", "body"),
        ({"origin": "Britain"}, "validation", "origin"),
        ({"freight": {"currency": "EUR", "value": "-1"}}, "validation", "freight.value"),
        ({"incoterm": "DDP"}, "validation", "incoterm"),
    ):
        answer = office.post("/declarations", by_tariff("d2", **changes), f"bad {code} {field}")
        assert_problem(answer, 422, code, field)
    worth = declaration("d3", value={"currency": "EUR", "value": "1000000000"}, duty_ppm=10_000_000)
    assert_problem(office.post("/declarations", worth, "great"), 422, "amount-too-large", "value")


def test_yellow_asks_for_papers_and_the_office_releases(office: Hub) -> None:
    async def way(client: HubClient) -> None:
        customs = client.customs
        asked = await customs.declare("d1", Declare(**declaration(hs_code="040900")))
        assert (asked.state, [paper.name for paper in asked.documents]) == (
            "documents",
            ["health certificate"],
        )
        paper = GiveDocument(name="health certificate", sha256="ab" * 32, reference="GB-1")
        given = await customs.give_document("p1", "d1", paper)
        assert given.documents[0].sha256 == "ab" * 32
        amended = await customs.amend("a1", "d1", Amend(reason="weighed again", quantity="12"))
        assert (amended.state, amended.version, amended.quantity) == ("documents", 2, "12")
        assert amended.documents == given.documents, "papers stay"
        held = await customs.hold("h1", "d1", "seal broken")
        assert (held.state, held.steps[-1].note) == ("held", "seal broken")
        done = await customs.release("r1", "d1")
        assert done.state == "released"
        assert await customs.declaration("d1") == done

    office.run(way)


def test_papers_that_are_missing_keep_the_goods(office: Hub) -> None:
    office.post("/declarations", declaration(hs_code="070110"), "d1")
    assert_problem(office.post("/declarations/d1/release", None, "r"), 409, "documents-missing", "documents")
    other = {"name": "visa", "sha256": "00" * 32}
    answer = office.post("/declarations/d1/documents", other, "p")
    assert_problem(answer, 422, "document-not-asked", "name")
    answer = office.post("/declarations/d1/documents", {**other, "sha256": "x"}, "q")
    assert_problem(answer, 422, "validation", "sha256")
    assert_problem(
        office.post("/declarations/d9/release", None, "s"), 404, "unknown-declaration", "declaration"
    )


def test_red_is_inspected_and_not_amended(office: Hub) -> None:
    red = by_tariff(hs_code="930630", duty_ppm=10_000)
    assert office.post("/declarations", red, "d1").json()["state"] == "inspection"
    amended = office.post("/declarations/d1/amendments", {"reason": "r", "quantity": "1"}, "a")
    assert_problem(amended, 409, HELD, "declaration")
    assert office.post("/declarations/d1/release", {"note": "looked at"}, "r").json()["state"] == "released"


def test_a_correction_moves_the_difference(office: Hub) -> None:
    office.post("/declarations", small(), "d1")
    assert office.balances()["customs:EUR"] == ("15", "0")
    free = {"reason": "carried for nothing", "quantity": "12", "freight": {"currency": "EUR", "value": "0"}}
    fixed = office.post("/declarations/d1/amendments", free, "a1").json()
    assert (fixed["state"], fixed["charged"]["value"]) == ("released", "12")
    assert office.balances()["customs:EUR"] == ("12", "0")
    assert office.post("/declarations/d1/amendments", free, "a1").json() == fixed
    gone = office.post("/declarations/d1/invalidate", {"note": "never came"}, "i1").json()
    assert (gone["state"], gone["charged"]["value"]) == ("invalidated", "0")
    balances = office.balances()
    assert (balances["customs:EUR"], balances["member:ana:EUR"]) == (("0", "0"), ("100", "0"))
    assert_problem(office.post("/declarations/d1/invalidate", None, "i2"), 409, HELD, "declaration")
    assert office.get("/trial-balance")["balanced"]


def test_what_was_held_for_a_declaration_goes_back_with_it(office: Hub) -> None:
    office.post("/reservations", reservation("r1", "20"), "r1")
    office.post("/declarations", small(reservation="r1", hs_code="930630", duty_ppm=0), "d1")
    assert office.balances()["member:ana:EUR"] == ("100", "20")
    office.post("/declarations/d1/invalidate", None, "i1")
    assert office.balances()["member:ana:EUR"] == ("100", "0")


def test_an_amendment_declares_something(office: Hub) -> None:
    office.post("/declarations", small(), "d1")
    answer = office.post("/declarations/d1/amendments", {"reason": "none"}, "a1")
    assert_problem(answer, 422, "nothing-to-amend", "reason")
    answer = office.post("/declarations/d1/amendments", {"quantity": "1"}, "a2")
    assert_problem(answer, 422, "validation", "reason")


def test_what_is_held_for_a_declaration_is_the_payer_s_and_open(office: Hub) -> None:
    office.post("/reservations", reservation("r1", "20"), "r1")
    for n, (changes, status, code, field) in enumerate(
        [
            ({"reservation": "r9"}, 422, "unknown-reservation", "reservation"),
            ({"reservation": "r1", "contract": "c2"}, 422, "wrong-contract", "contract"),
            ({"reservation": "r1", "payer": "member:ben:GBP"}, 422, "wrong-payer", "payer"),
        ]
    ):
        answer = office.post("/declarations", small(**changes), f"k{n}")
        assert_problem(answer, status, code, field)
    red = small(reservation="r1", hs_code="930630", duty_ppm=0)
    assert office.post("/declarations", red, "d1").json()["state"] == "inspection"
    office.post("/reservations/r1/release", None, "gone")
    answer = office.post("/declarations", small("d2", reservation="r1"), "d2")
    assert_problem(answer, 409, "reservation-closed", "reservation")
    assert office.post("/declarations/d1/invalidate", None, "i1").json()["state"] == "invalidated"
    assert office.balances()["member:ana:EUR"] == ("100", "0")
