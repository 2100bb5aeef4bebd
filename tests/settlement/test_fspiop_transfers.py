"""Transfers through the switch, between participants that are real servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from tests.settlement.fspiop_scheme import (
    FULFILMENT,
    PAYEE,
    PAYER,
    TRANSFER,
    WRONG,
    Scheme,
    fulfil,
    prepare,
    running_scheme,
)
from tests.shared import shared_file
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.delivering import wait_ms
from tradelane.settlement.ehub.server.fspiop import messages, outbox
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused

PATH = f"/transfers/{TRANSFER}"
NOTHING = {PAYER: ("0", "0"), PAYEE: ("0", "0")}
MOVED = {PAYER: ("123.45", "0"), PAYEE: ("-123.45", "0")}


@pytest.fixture
def scheme(store: Store) -> Iterator[Scheme]:
    with running_scheme(store) as scheme:
        yield scheme


def code(taken: list[tuple[str, str, Any]]) -> list[tuple[str, str, str]]:
    return [(method, path, body["errorInformation"]["errorCode"]) for method, path, body in taken]


def ask(scheme: Scheme, **changes: Any) -> None:
    scheme.ok(PAYER, "POST", "/transfers", prepare(**changes), FSPIOP_Destination=PAYEE)


def tell(scheme: Scheme, state: str = "COMMITTED", fulfilment: str | None = FULFILMENT) -> None:
    scheme.ok(PAYEE, "PUT", PATH, fulfil(state, fulfilment), FSPIOP_Destination=PAYER)


def test_the_happy_way(scheme: Scheme) -> None:
    ask(scheme)
    (got,) = scheme.payee.got
    assert (got.method, got.path, got.body) == ("POST", "/transfers", prepare())
    assert got.headers["fspiop-source"] == PAYER
    assert scheme.positions()[PAYER] == ("0", "123.45")
    tell(scheme)
    (told,) = scheme.payer.got
    assert (told.method, told.path, told.body) == ("PUT", PATH, fulfil())
    assert "accept" not in told.headers
    assert scheme.state() == "COMMITTED"
    assert scheme.positions() == MOVED


def test_a_prepare_again_is_answered_and_has_no_second_effect(scheme: Scheme) -> None:
    ask(scheme)
    ask(scheme)
    assert len(scheme.payee.take()) == 1
    assert scheme.payer.take() == []
    tell(scheme)
    scheme.payer.take()
    ask(scheme)
    ((method, path, body),) = scheme.payer.take()
    assert (method, path, body["transferState"], body["fulfilment"]) == ("PUT", PATH, "COMMITTED", FULFILMENT)
    assert scheme.positions() == MOVED


def test_what_is_committed_is_neither_rejected_nor_aborted(scheme: Scheme) -> None:
    ask(scheme)
    tell(scheme)
    scheme.payee.take()
    scheme.payer.take()
    error = {"errorInformation": {"errorCode": "5100", "errorDescription": "no"}}
    scheme.ok(PAYEE, "PUT", f"{PATH}/error", error, FSPIOP_Destination=PAYER)
    assert code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3106")]
    tell(scheme, "ABORTED")
    assert code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3106")]
    tell(scheme)
    assert (scheme.payee.take(), scheme.payer.take(), scheme.state()) == ([], [], "COMMITTED")
    assert scheme.positions() == MOVED


def test_a_changed_prepare_is_refused_by_number(scheme: Scheme) -> None:
    ask(scheme)
    ask(scheme, amount={"currency": "EUR", "amount": "1"})
    assert code(scheme.payer.take()) == [("PUT", f"{PATH}/error", "3106")]
    assert scheme.positions()[PAYER] == ("0", "123.45")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"payeeFsp": "nobody"}, "3203"),
        ({"payerFsp": "nobody"}, "3202"),
        ({"amount": {"currency": "GBP", "amount": "1"}}, "3202"),
        ({"amount": {"currency": "EUR", "amount": "1000.0001"}}, "4001"),
        ({"amount": {"currency": "EUR", "amount": "9" * 18}}, "4001"),
        ({"expiration": "2020-01-01T00:00:00.000Z"}, "3303"),
    ],
)
def test_a_prepare_that_cannot_be_is_told_to_the_payer(
    scheme: Scheme, changes: dict[str, Any], number: str
) -> None:
    ask(scheme, **changes)
    assert code(scheme.payer.take()) == [("PUT", f"{PATH}/error", number)]
    assert scheme.payee.take() == []
    assert scheme.positions() == NOTHING


def test_a_wrong_preimage_aborts_for_good(scheme: Scheme) -> None:
    ask(scheme)
    scheme.payee.take()
    tell(scheme, fulfilment=WRONG)
    assert code(scheme.payer.take()) == code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3100")]
    tell(scheme)
    assert code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3100")]
    assert scheme.state() == "ABORTED"
    assert scheme.positions() == NOTHING


def test_the_payee_may_refuse(scheme: Scheme) -> None:
    ask(scheme)
    failure = {"errorInformation": {"errorCode": "5104", "errorDescription": "no"}}
    scheme.ok(PAYEE, "PUT", f"{PATH}/error", failure, FSPIOP_Destination=PAYER)
    assert scheme.payer.take() == [("PUT", f"{PATH}/error", failure)]
    assert (scheme.state(), scheme.positions()) == ("ABORTED", NOTHING)
    scheme.ok(PAYER, "GET", PATH)
    assert [body["transferState"] for *_, body in scheme.payer.take()] == ["ABORTED"]


def test_a_refusal_in_another_encoding_is_kept(scheme: Scheme) -> None:
    ask(scheme)
    raw = '{"errorInformation": {"errorCode": "5104", "errorDescription": "no"}}'.encode("utf-16")
    answer = scheme.send(PAYEE, "PUT", f"{PATH}/error", raw, FSPIOP_Destination=PAYER)
    assert (answer.status_code, scheme.state()) == (200, "ABORTED")


def test_time_runs_out_and_a_late_fulfil_changes_nothing(scheme: Scheme) -> None:
    ask(scheme)
    scheme.payee.take()
    scheme.at += 30_000
    assert scheme.expire() == 1
    assert code(scheme.payer.take()) == code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3303")]
    tell(scheme)
    assert code(scheme.payee.take()) == [("PUT", f"{PATH}/error", "3303")]
    assert (scheme.expire(), scheme.state(), scheme.positions()) == (0, "ABORTED", NOTHING)


def test_a_fulfil_at_the_very_end_loses_against_the_expiry(scheme: Scheme) -> None:
    ask(scheme)
    scheme.payee.take()
    scheme.at += 30_000
    tell(scheme, "RESERVED")
    *error, patch = scheme.payee.take()
    assert code(error) == [("PUT", f"{PATH}/error", "3303")]
    assert (patch[0], patch[2]["transferState"]) == ("PATCH", "ABORTED")
    assert scheme.positions() == NOTHING


def test_reserved_asks_for_a_notification(scheme: Scheme) -> None:
    ask(scheme)
    scheme.payee.take()
    tell(scheme, "RESERVED")
    ((method, path, body),) = scheme.payee.take()
    assert (method, path, body["transferState"]) == ("PATCH", PATH, "COMMITTED")
    assert "fulfilment" not in body and body["completedTimestamp"]
    assert [body["transferState"] for _, _, body in scheme.payer.take()] == ["COMMITTED"]
    tell(scheme, "RESERVED")
    assert [method for method, *_ in scheme.payee.take()] == ["PATCH"]
    assert scheme.positions() == MOVED


def test_a_stranger_learns_and_changes_nothing(scheme: Scheme) -> None:
    ask(scheme)
    scheme.ok(PAYER, "PUT", PATH, fulfil())
    assert code(scheme.payer.take()) == [("PUT", f"{PATH}/error", "3208")]
    assert scheme.state() == "RESERVED"
    scheme.ok(PAYEE, "GET", "/transfers/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert code(scheme.payee.take()[1:]) == [("PUT", "/transfers/01ARZ3NDEKTSV4RRFFQ69G5FAV/error", "3208")]
    scheme.ok(PAYER, "GET", PATH)
    assert scheme.payer.take() == [("PUT", PATH, {"transferState": "RESERVED"})]
    unknown = scheme.send("nobody", "POST", "/transfers", prepare())
    assert (unknown.status_code, unknown.json()["errorInformation"]["errorCode"]) == (400, "3200")


def test_callbacks_come_in_order_through_failures(scheme: Scheme) -> None:
    scheme.payee.answers = [503, 500]
    ask(scheme)
    assert len(scheme.payee.got) == 1
    scheme.at += wait_ms(0)
    scheme.deliver()
    scheme.at += 29_500
    scheme.expire()
    first, second, third, fourth = scheme.payee.take()
    assert first == second == third
    assert code([fourth]) == [("PUT", f"{PATH}/error", "3303")]


def test_what_a_callback_s_receiver_refuses_is_not_sent_again() -> None:
    assert [outbox.outcome(status) for status in (None, 500, 429, 400, 406, 202)] == [
        "waiting", "waiting", "waiting", "refused", "refused", "delivered",
    ]  # fmt: skip
    assert [wait_ms(n) for n in (0, 1, 7, 99)] == [500, 1000, 60_000, 60_000]


@pytest.mark.parametrize("amount", ["1.10", "01", "1.", ".5", "1.00001", "-1", "1e3", "1" * 19, "5.ABC", ""])
def test_an_amount_is_written_in_one_way(amount: str) -> None:
    with pytest.raises(Refused) as refused:
        messages.parse(messages.Money, f'{{"currency": "EUR", "amount": "{amount}"}}'.encode())
    assert refused.value.fault is Fault.SYNTAX
    assert "amount" in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"{", Fault.SYNTAX),
        (b"[]", Fault.SYNTAX),
        (b"[NaN]", Fault.SYNTAX),
        (b"{}", Fault.MISSING),
        (b"[" * 9999, Fault.SYNTAX),
    ],
)
def test_a_body_that_is_none_is_refused(raw: bytes, fault: Fault) -> None:
    with pytest.raises(Refused) as refused:
        messages.parse(messages.Prepare, raw)
    assert refused.value.fault is fault


def test_what_is_sent_and_taken_is_the_specification_s(scheme: Scheme) -> None:
    spec = yaml.load(shared_file("specs/fspiop/fspiop-v1.1-openapi3.yaml").read_text(), yaml.CSafeLoader)

    def check(name: str, body: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        jsonschema_rs.validate(schema, body)

    check("TransfersPostRequest", prepare())
    ask(scheme)
    tell(scheme, "RESERVED")
    _, patch = scheme.payee.take()
    check("TransfersIDPatchResponse", patch[2])
    check("TransfersIDPutResponse", scheme.payer.take()[0][2])
    ask(scheme, amount={"currency": "EUR", "amount": "1"})
    check("ErrorInformationObject", scheme.payer.take()[0][2])
