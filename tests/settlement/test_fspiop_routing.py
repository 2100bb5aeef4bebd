"""Participants, parties and quotes through the switch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import docs
from tests.settlement.fspiop_scheme import CONDITION, PAYEE, PAYER, Scheme, running_scheme
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.fspiop.routes import ROUTES

PARTY = {"partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "123", "fspId": PAYEE}}
QUOTE_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def scheme(store: Store) -> Iterator[Scheme]:
    with running_scheme(store) as scheme:
        yield scheme


def test_a_party_is_registered_found_asked_for_and_forgotten(scheme: Scheme) -> None:
    path = "/participants/MSISDN/123"
    scheme.ok(PAYEE, "POST", path, {"fspId": PAYEE, "currency": "EUR"})
    assert scheme.payee.take() == [("PUT", path, {"fspId": PAYEE})]
    scheme.ok(PAYER, "GET", f"{path}?currency=EUR")
    assert scheme.payer.take() == [("PUT", path, {"fspId": PAYEE})]
    scheme.ok(PAYER, "GET", "/parties/MSISDN/123")
    assert [got.headers["fspiop-destination"] for got in scheme.payee.got] == [PAYEE]
    assert scheme.payee.take() == [("GET", "/parties/MSISDN/123", None)]
    scheme.ok(PAYEE, "PUT", "/parties/MSISDN/123", {"party": PARTY}, FSPIOP_Destination=PAYER)
    assert scheme.payer.take() == [("PUT", "/parties/MSISDN/123", {"party": PARTY})]
    scheme.ok(PAYER, "DELETE", path)
    assert [body["errorInformation"]["errorCode"] for *_, body in scheme.payer.take()] == ["3204"]
    scheme.ok(PAYEE, "DELETE", path)
    assert scheme.payee.take() == [("PUT", path, {})]
    scheme.ok(PAYER, "GET", "/parties/MSISDN/123/sub")
    ((method, error, body),) = scheme.payer.take()
    assert (method, error, body["errorInformation"]["errorCode"]) == (
        "PUT", "/parties/MSISDN/123/sub/error", "3204",
    )  # fmt: skip


def test_a_party_s_name_goes_on_as_it_was_written(scheme: Scheme) -> None:
    scheme.ok(PAYEE, "POST", "/participants/ALIAS/jos%C3%A9%20%2B1", {"fspId": PAYEE})
    assert [path for _, path, _ in scheme.payee.take()] == ["/participants/ALIAS/jos\u00e9 +1"]
    scheme.ok(PAYER, "GET", "/parties/ALIAS/jos%C3%A9%20+1")
    assert [path for _, path, _ in scheme.payee.take()] == ["/parties/ALIAS/jos\u00e9 +1"]


def test_nobody_registers_for_another(scheme: Scheme) -> None:
    scheme.ok(PAYER, "POST", "/participants/MSISDN/9", {"fspId": PAYEE})
    assert scheme.payer.take()[0][2]["errorInformation"]["errorCode"] == "3003"
    listed = [{"partyIdType": "MSISDN", "partyIdentifier": "9", "fspId": fsp} for fsp in (PAYER, PAYEE)]
    scheme.ok(PAYER, "POST", "/participants", {"requestId": QUOTE_ID, "partyList": listed})
    ((_, path, body),) = scheme.payer.take()
    assert path == f"/participants/{QUOTE_ID}"
    assert ["errorInformation" in result for result in body["partyList"]] == [False, True]


def test_a_quote_goes_there_and_back_as_it_came(scheme: Scheme) -> None:
    asked = {
        "quoteId": QUOTE_ID,
        "transactionId": QUOTE_ID,
        "payee": PARTY,
        "payer": PARTY,
        "amountType": "SEND",
        "amount": {"currency": "EUR", "amount": "1"},
        "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "CONSUMER"},
        "unknown": 1.0,
    }
    scheme.ok(PAYER, "POST", "/quotes", asked, FSPIOP_Destination=PAYEE)
    assert scheme.payee.take() == [("POST", "/quotes", asked)]
    answer = {
        "transferAmount": asked["amount"],
        "expiration": "2026-11-24T02:00:00.000Z",
        "ilpPacket": "AA",
        "condition": CONDITION,
    }
    scheme.ok(PAYEE, "PUT", f"/quotes/{QUOTE_ID}", answer, FSPIOP_Destination=PAYER)
    assert scheme.payer.take() == [("PUT", f"/quotes/{QUOTE_ID}", answer)]
    scheme.ok(PAYER, "POST", "/quotes", asked, FSPIOP_Destination="nobody")
    ((_, path, body),) = scheme.payer.take()
    assert (path, body["errorInformation"]["errorCode"]) == (f"/quotes/{QUOTE_ID}/error", "3201")


def test_what_is_not_there_is_said_by_number(scheme: Scheme) -> None:
    unknown = scheme.send(PAYER, "GET", "/nowhere")
    assert (unknown.status_code, unknown.json()["errorInformation"]["errorCode"]) == (404, "3002")
    assert scheme.send(PAYER, "PATCH", "/quotes").status_code == 405
    broken = scheme.send(PAYER, "POST", "/quotes", {"quoteId": "1"})
    assert (broken.status_code, broken.json()["errorInformation"]["errorCode"]) == (400, "3101")
    large = scheme.send(PAYER, "POST", "/quotes", "x" * (5 * 1024 * 1024))
    assert large.json()["errorInformation"]["errorCode"] == "3104"


def test_every_route_is_described(scheme: Scheme) -> None:
    described = scheme.http.get(f"{scheme.url}/openapi.json").json()["paths"]
    assert {(m, p) for m, p, *_ in ROUTES} == {(m.upper(), p) for p, ops in described.items() for m in ops}


def test_the_openapi_file_is_the_application_s() -> None:
    text = (docs.OPENAPI / "fspiop.json").read_text()
    assert text == docs.fspiop_text(), "run: .venv/bin/python -m tests.docs"
