"""Landed prices kept over real HTTP, and declarations held to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settlement.hubs import NOW, Hub, assert_problem
from tests.settlement.test_hub_declarations import by_tariff
from tradelane.market.units import instant, iso
from tradelane.settlement.ehub import figures
from tradelane.settlement.ehub.server.customs import assessing
from tradelane.settlement.ehub.wire_declarations import Declare, Facts
from tradelane.settlement.problem import Problem

DAY = assessing.VALID_MS


def asked(**changes: Any) -> dict[str, Any]:
    facts = {name: value for name, value in by_tariff(**changes).items() if name in Facts.model_fields}
    return {**facts, "assessment": "q1"}


def declared(**changes: Any) -> Declare:
    return Declare.model_validate(by_tariff(**{"payer": None, "assessment": "q1", **changes}))


def test_a_landed_price_is_kept(market: Hub) -> None:
    shown = market.post("/assessments", asked(), "q1")
    assert shown.status_code == 201
    found = shown.json()
    amounts = {name: found[name]["value"] for name in ("price", "freight", "duty", "tax", "total")}
    assert amounts == {
        "price": "1000", "freight": "100", "duty": "82.5", "tax": "118.25", "total": "1300.75",
    }  # fmt: skip
    assert all(line["rule"] and line["source"] for line in found["lines"])
    assert found["expires_at"] == iso(NOW + DAY)
    assert market.get("/assessments/q1") == found
    assert market.post("/assessments", asked(), "q1").json() == found
    assert_problem(market.post("/assessments", asked(), "other"), 409, "duplicate-id", "assessment")
    assert market.http.get("/api/v1/assessments/q9").status_code == 404


def test_a_declaration_is_held_to_its_assessment(market: Hub) -> None:
    market.post("/assessments", asked(), "q1")
    free = by_tariff(payer=None, assessment="q1")
    made = market.post("/declarations", free, "d1").json()
    assert made["lines"] == market.get("/assessments/q1")["lines"]
    for changes, status, code, field in (
        ({"assessment": "q9"}, 422, "unknown-assessment", "assessment"),
        ({"value": {"currency": "EUR", "value": "999"}}, 409, "assessment-differs", "value"),
        ({"hs_code": "090111"}, 409, "assessment-differs", "hs_code"),
        ({"items": 2}, 409, "assessment-differs", "items"),
        ({"duty_ppm": 0}, 409, "assessment-differs", "duty_ppm"),
    ):
        answer = market.post("/declarations", {**free, "declaration": "d2", **changes}, f"d2 {field}")
        assert_problem(answer, status, code, field)
    assert len(market.get("/declarations")["items"]) == 1


def test_what_is_not_known_is_no_assessment(market: Hub) -> None:
    answer = market.post("/assessments", asked(hs_code="070200"), "q1")
    assert_problem(answer, 422, "duty-not-known", "hs_code")
    assert market.http.get("/api/v1/assessments/q1").status_code == 404


def refusal(market: Hub, one: Declare, at: int) -> str:
    with market.store.engine.connect() as conn, pytest.raises(Problem) as refused:
        assessing.held_to(conn, one, at)
    return refused.value.code


def test_an_assessment_expires(market: Hub) -> None:
    market.post("/assessments", asked(), "q1")
    with market.store.engine.connect() as conn:
        assert assessing.held_to(conn, declared(), NOW + DAY - 1).total.value == "1300.75"
    assert refusal(market, declared(), NOW + DAY) == "assessment-expired"


def test_rules_that_change_within_a_day_refuse_the_old_price(market: Hub) -> None:
    """Up to 150 EUR is free of duty until the end of June 2026, and pays 3 EUR an item from July on."""
    parcel = {"value": {"currency": "EUR", "value": "100"}, "freight": None}
    before, after = instant("2026-06-30T23:00Z"), instant("2026-07-01T01:00Z")
    one = declared(**parcel)
    assert figures.figures_of(one, assessing.day_of(before)).duty.value == "0"
    assert figures.figures_of(one, assessing.day_of(after)).duty.value == "3"
    market.post("/assessments", asked(**parcel), "q1")
    with market.store.engine.begin() as conn:
        conn.exec_driver_sql(f"UPDATE assessments SET expires_at = {before + DAY}")
    assert refusal(market, one, after) == "assessment-differs"
