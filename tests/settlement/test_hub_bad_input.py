"""Bad input over real HTTP: each is told which field, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.settlement.hubs import ANA, BEN, TOKEN, Hub, assert_problem, leg, reservation, running, settlement


@pytest.fixture(scope="module")
def counter(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One hub for all of them, since none leaves a trace. Reservation r1 holds 12 of Ana's 100 EUR."""
    with running(furnished, tmp_path_factory.mktemp("counter")) as hub:
        hub.post("/reservations", reservation(), "r1")
        yield hub


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("/reservations", reservation("r9", value="100.000000001"), 402, "insufficient-funds", "amount"),
        ("/reservations", reservation("r9", account="member:zoe:EUR"), 422, "unknown-account", "account"),
        ("/reservations", reservation("r9", currency="GBP"), 422, "currency-mismatch", "amount.currency"),
        ("/reservations", reservation("r9", value="-1"), 422, "validation", "amount.value"),
        ("/reservations", reservation("r9", value="0"), 422, "validation", "amount.value"),
        (
            "/reservations",
            reservation("r9") | {"amount": {"currency": "EUR", "value": 1.5}},
            422,
            "validation",
            "amount.value",
        ),
        (
            "/reservations",
            reservation("r9") | {"amount": {"currency": "EUR", "value": 1}},
            422,
            "validation",
            "amount.value",
        ),
        ("/reservations", reservation("r9", value="0.0000000001"), 422, "validation", "amount.value"),
        ("/reservations", reservation("r9", value="1e3"), 422, "validation", "amount.value"),
        ("/reservations", reservation("r9", value="NaN"), 422, "validation", "amount.value"),
        ("/reservations", reservation("r9", value="1000000001"), 422, "validation", "amount.value"),
        ("/reservations", reservation("r9", currency="euro"), 422, "validation", "amount.currency"),
        ("/reservations", reservation(name="two words"), 422, "validation", "reservation"),
        ("/reservations", reservation("r9") | {"expires_at": "tomorrow"}, 422, "validation", "expires_at"),
        (
            "/reservations",
            reservation("r9") | {"expires_at": "2026-06-21T10:00"},
            422,
            "validation",
            "expires_at",
        ),
        ("/reservations", reservation("r9") | {"colour": "red"}, 422, "validation", "colour"),
        ("/reservations", [], 422, "validation", "body"),
        ("/settlements", settlement(reservation="nothing"), 422, "unknown-reservation", "reservation"),
        ("/settlements", settlement(contract="c2"), 422, "wrong-contract", "contract"),
        (
            "/settlements",
            settlement(legs=[leg(ANA, "fx:EUR", "9.1"), leg(ANA, BEN, "0.1")]),
            422,
            "currency-mismatch",
            "transfers.1.target",
        ),
        (
            "/settlements",
            settlement(legs=[leg(BEN, "fx:EUR", "1")]),
            422,
            "currency-mismatch",
            "transfers.0.source",
        ),
        ("/settlements", settlement(legs=[leg(ANA, ANA, "1")]), 422, "same-account", "transfers.0.target"),
        (
            "/settlements",
            settlement(legs=[leg("member:zoe:EUR", ANA, "1")]),
            422,
            "unknown-account",
            "transfers.0.source",
        ),
        (
            "/settlements",
            settlement(legs=[leg(ANA, "fx:EUR", "-1")]),
            422,
            "validation",
            "transfers.0.amount.value",
        ),
        (
            "/settlements",
            settlement(legs=[leg(ANA, "fx:EUR", "12.1")]),
            422,
            "exceeds-reservation",
            "transfers",
        ),
        (
            "/settlements",
            settlement(legs=[leg(ANA, "fx:EUR", "1"), leg(BEN, "fx:GBP", "1", "GBP")]),
            402,
            "insufficient-funds",
            "transfers.1.amount",
        ),
        ("/reservations/nothing/release", None, 404, "unknown-reservation", "reservation"),
        (
            "/deposits",
            {"account": "member:zoe:EUR", "amount": {"currency": "EUR", "value": "1"}},
            422,
            "unknown-account",
            "account",
        ),
        (
            "/deposits",
            {"account": ANA, "amount": {"currency": "CHF", "value": "1"}},
            422,
            "unknown-account",
            "amount.currency",
        ),
        (
            "/deposits",
            {"account": ANA, "amount": {"currency": "GBP", "value": "1"}},
            422,
            "currency-mismatch",
            "account",
        ),
        ("/accounts", {"account": ANA, "owner": "Ana", "currency": "EUR"}, 409, "duplicate-id", "account"),
        (
            "/accounts",
            {"account": "member:zoe:EUR", "owner": "Zoe", "currency": "GBP"},
            422,
            "wrong-name",
            "account",
        ),
        (
            "/accounts",
            {"account": "member:zoe:EUR", "owner": "Zoe", "currency": "EUR", "limit": None},
            422,
            "limit-missing",
            "limit",
        ),
        (
            "/accounts",
            {"account": "member:zoe:EUR", "owner": "Zoe", "currency": "EUR", "limit": "1"},
            422,
            "validation",
            "limit",
        ),
        (
            "/accounts",
            {"account": "member:zoe:EUR", "owner": "Zoe\n", "currency": "EUR"},
            422,
            "validation",
            "owner",
        ),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(
    counter: Hub, path: str, body: Any, status: int, code: str, field: str
) -> None:
    before = counter.balances(), counter.get("/transfers"), counter.get("/reservations/r1")
    answer = counter.post(path, body, f"{hash((path, str(body)))}")
    assert_problem(answer, status, code, field)
    assert before == (counter.balances(), counter.get("/transfers"), counter.get("/reservations/r1"))
    assert counter.http.get("/api/v1/reservations/r9").status_code == 404


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Bearer", TOKEN, f"bearer {TOKEN}x", "Bearer é"])
def test_a_wrong_token_is_told_so_before_anything_else(counter: Hub, token: str | None) -> None:
    headers = {b"Idempotency-Key": b"token"} | ({} if token is None else {b"Authorization": token.encode()})
    with httpx2.Client(base_url=counter.url, headers=headers) as http:
        for answer in (http.post("/api/v1/reservations", json={}), http.get("/api/v1/accounts")):
            assert answer.headers["www-authenticate"] == "Bearer"
            assert_problem(answer, 401, "unauthorised")


def test_health_needs_no_token(counter: Hub) -> None:
    assert httpx2.get(counter.url + "/api/v1/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/api/v1/nowhere", 404, "not-found"),
        ("DELETE", "/api/v1/accounts", 405, "method-not-allowed"),
    ],
)
def test_unknown_routes_are_problems_too(
    counter: Hub, method: str, path: str, status: int, code: str
) -> None:
    assert_problem(counter.http.request(method, path), status, code)


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("/accounts/member:zoe:EUR", "unknown-account", "account"),
        ("/reservations/r9", "unknown-reservation", "reservation"),
        ("/declarations/d9", "unknown-declaration", "declaration"),
        ("/shipments/p9", "unknown-shipment", "shipment"),
    ],
)
def test_what_does_not_exist_is_404(counter: Hub, path: str, code: str, field: str) -> None:
    assert_problem(counter.http.get("/api/v1" + path), 404, code, field)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("/transfers?limit=0", ["limit"]),
        ("/transfers?limit=1001", ["limit"]),
        ("/transfers?after=x&limit=y", ["after", "limit"]),
        ("/receipts?after=-1", ["after"]),
        ("/transfers?after=99999999999999999999", ["after"]),
        ("/shipments?state=gone", ["state"]),
    ],
)
def test_bad_queries_name_their_parameters(counter: Hub, query: str, fields: list[str]) -> None:
    assert_problem(counter.http.get("/api/v1" + query), 422, "validation", *fields)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b'"text"', b"NaN"])
def test_a_body_that_is_not_an_object_is_told_so(counter: Hub, body: bytes) -> None:
    headers = {"Idempotency-Key": "odd", "Content-Type": "application/json"}
    answer = counter.http.post("/api/v1/reservations", content=body, headers=headers)
    assert_problem(answer, 422, "validation", "body")


def test_a_body_nested_without_end_is_refused(counter: Hub) -> None:
    headers = {"Idempotency-Key": "deep", "Content-Type": "application/json"}
    answer = counter.http.post("/api/v1/reservations", content=b"[" * 100_000, headers=headers)
    assert_problem(answer, 400, "bad-request")


def test_a_body_too_large_is_refused(counter: Hub) -> None:
    headers = {"Idempotency-Key": "big", "Content-Type": "application/json"}
    whole = counter.http.post("/api/v1/reservations", content=b" " * 4_200_000, headers=headers)
    assert_problem(whole, 413, "request-entity-too-large")
    pieces = (b" " * 100_000 for _ in range(45))
    assert_problem(
        counter.http.post("/api/v1/reservations", content=pieces, headers=headers),
        413,
        "request-entity-too-large",
    )
