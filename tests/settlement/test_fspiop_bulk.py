"""Bulk transfers and bulk quotes: many at once, each for itself."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.settlement.fspiop_scheme import (
    CONDITION,
    FULFILMENT,
    PAYEE,
    PAYER,
    WRONG,
    Scheme,
    fulfil,
    prepare,
    running_scheme,
)
from tests.settlement.hubs import NOW
from tests.shared import shared_file
from tradelane.gateway.store import Store, opened
from tradelane.market.units import Money
from tradelane.settlement.ehub.server.fspiop import (
    admin,
    bulk_messages,
    bulk_tables,
    bulk_transfers,
    expiry,
    headers,
    messages,
    outbox,
    registry,
    transfers,
)
from tradelane.settlement.ehub.server.fspiop.errors import Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.tables import outbox as letters
from tradelane.settlement.ehub.server.fspiop.tables import transfers as rows
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.fspiop_states import BULK, BULK_ENDS, BulkState, after

T = TypeVar("T")
BULK_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PATH = f"/bulkTransfers/{BULK_ID}"
FAILURE = {"errorInformation": {"errorCode": "5104", "errorDescription": "no"}}


def name(n: int) -> str:
    return f"b51ec534-ee48-4575-b6a9-{n:012d}"


def item(n: int, amount: str = "10", currency: str = "EUR") -> dict[str, Any]:
    return {
        "transferId": name(n),
        "transferAmount": {"currency": currency, "amount": amount},
        "ilpPacket": "AA",
        "condition": CONDITION,
    }


def bulk(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "bulkTransferId": BULK_ID,
        "bulkQuoteId": BULK_ID,
        "payerFsp": PAYER,
        "payeeFsp": PAYEE,
        "individualTransfers": list(items),
        "expiration": outbox.timestamp(NOW + 30_000),
        **changes,
    }


def done(*numbers: int) -> list[dict[str, Any]]:
    return [{"transferId": name(n), "fulfilment": FULFILMENT} for n in numbers]


def told(state: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bulkTransferState": state, "individualTransferResults": results}


def outcome(body: Any) -> list[str]:
    """``done`` or the error's number, of each result."""
    results = body["individualTransferResults"]
    return [one["errorInformation"]["errorCode"] if "errorInformation" in one else "done" for one in results]


@pytest.fixture
def scheme(store: Store) -> Iterator[Scheme]:
    with running_scheme(store) as scheme:
        yield scheme


def ask(scheme: Scheme, body: dict[str, Any]) -> None:
    scheme.ok(PAYER, "POST", "/bulkTransfers", body, FSPIOP_Destination=PAYEE)


def say(scheme: Scheme, state: str, results: list[dict[str, Any]] | None = None) -> None:
    body = {"bulkTransferState": state} if results is None else told(state, results)
    scheme.ok(PAYEE, "PUT", PATH, body, FSPIOP_Destination=PAYER)


def test_all_of_a_bulk_goes_there_and_back_as_it_came(scheme: Scheme) -> None:
    ask(scheme, bulk(item(1), item(2, "20")))
    ask(scheme, bulk(item(1), item(2, "20")))
    assert scheme.payee.take() == [("POST", "/bulkTransfers", bulk(item(1), item(2, "20")))]
    assert scheme.positions()[PAYER] == ("0", "30")
    for state in ("PENDING", "ACCEPTED", "PROCESSING"):
        say(scheme, state)
        assert scheme.payer.take() == [("PUT", PATH, {"bulkTransferState": state})]
    say(scheme, "PENDING")
    say(scheme, "COMPLETED", done(1, 2))
    say(scheme, "COMPLETED", done(1, 2))
    assert scheme.payer.take() == [("PUT", PATH, told("COMPLETED", done(1, 2)))]
    assert scheme.payee.take() == []
    assert scheme.positions() == {PAYER: ("30", "0"), PAYEE: ("-30", "0")}
    scheme.ok(PAYER, "GET", PATH)
    ask(scheme, bulk(item(1), item(2, "20")))
    (_, _, shown), again = scheme.payer.take()
    assert (shown, again[2]) == (again[2], shown)
    assert (shown["bulkTransferState"], outcome(shown)) == ("COMPLETED", ["done", "done"])
    ask(scheme, bulk(item(1)))
    assert scheme.payer.take()[0][2]["errorInformation"]["errorCode"] == "3106"


def test_a_bad_one_refuses_only_itself(scheme: Scheme) -> None:
    bad = [item(2, "2000"), item(3, currency="GBP"), item(1), item(4, "0")]
    ask(scheme, bulk(item(1), *bad, item(5)))
    ((method, path, onward),) = scheme.payee.take()
    assert (method, path) == ("POST", "/bulkTransfers")
    assert onward == bulk(item(1), item(5))
    say(scheme, "COMPLETED", done(1, 5))
    ((_, _, body),) = scheme.payer.take()
    assert outcome(body) == ["done", "4001", "3202", "3106", "3101", "done"]
    assert scheme.positions()[PAYER] == ("20", "0")
    assert scheme.payee.take() == []


def test_what_the_payee_may_not_claim_it_is_told(scheme: Scheme) -> None:
    ask(scheme, bulk(item(1), item(2), item(3)))
    scheme.payee.take()
    wrong = [{"transferId": name(1), "fulfilment": WRONG}, {"transferId": name(9), "fulfilment": FULFILMENT}]
    say(scheme, "COMPLETED", [*wrong, *done(2, 2)])
    for dfsp in (scheme.payer, scheme.payee):
        ((_, path, body),) = dfsp.take()
        assert (path, outcome(body)) == (PATH, ["3100", "done", "5105"])
    assert scheme.positions()[PAYER] == ("10", "0")


def test_a_bulk_s_transfers_end_with_it_alone(scheme: Scheme) -> None:
    ask(scheme, bulk(item(1), item(2)))
    scheme.payee.take()
    for tail, body in (("", fulfil()), ("/error", FAILURE)):
        scheme.ok(PAYEE, "PUT", f"/transfers/{name(1)}{tail}", body, FSPIOP_Destination=PAYER)
    assert [body["errorInformation"]["errorCode"] for *_, body in scheme.payee.take()] == ["3100", "3100"]
    scheme.ok(PAYER, "GET", f"/transfers/{name(1)}")
    assert scheme.payer.take() == [("PUT", f"/transfers/{name(1)}", {"transferState": "RESERVED"})]
    scheme.ok(PAYEE, "PUT", f"{PATH}/error", FAILURE, FSPIOP_Destination=PAYER)
    scheme.ok(PAYEE, "PUT", f"{PATH}/error", FAILURE, FSPIOP_Destination=PAYER)
    assert scheme.payer.take() == [("PUT", f"{PATH}/error", FAILURE)]
    assert scheme.positions()[PAYER] == ("0", "0")
    scheme.ok(PAYEE, "GET", PATH)
    ((_, _, body),) = scheme.payee.take()
    assert (body["bulkTransferState"], outcome(body)) == ("REJECTED", ["5104", "5104"])


def test_time_ends_what_is_left(scheme: Scheme) -> None:
    ask(scheme, bulk(item(1), item(2)))
    say(scheme, "PROCESSING", done(1))
    scheme.payee.take(), scheme.payer.take()
    scheme.at += 30_000
    assert scheme.expire() == 2
    assert scheme.expire() == 0
    for dfsp in (scheme.payer, scheme.payee):
        ((_, path, body),) = dfsp.take()
        assert (path, body["bulkTransferState"], outcome(body)) == (PATH, "COMPLETED", ["done", "3303"])
    other = BULK_ID[:-1] + "W"
    soon = outbox.timestamp(scheme.at + 1)
    ask(scheme, bulk(item(3), bulkTransferId=other, expiration=soon))
    scheme.payee.take()
    scheme.at += 1
    assert scheme.expire() == 2
    for dfsp in (scheme.payer, scheme.payee):
        ((_, path, body),) = dfsp.take()
        assert (path, body["errorInformation"]["errorCode"]) == (f"/bulkTransfers/{other}/error", "3303")
    assert scheme.positions()[PAYER] == ("10", "0")


def test_a_large_bulk_goes_in_parts_and_on_where_it_was_cut_off(scheme: Scheme) -> None:
    numbers = range(2 * bulk_transfers.AT_ONCE + 1)
    body = bulk(*(item(n, "1") for n in numbers))
    asked = inbound(bulk_messages.BulkTransfer, PAYER, {}, body, NOW)
    assert asyncio.run(scheme.store(lambda conn: bulk_transfers.prepare(conn, asked)))
    assert scheme.positions()[PAYER] == ("0", str(bulk_transfers.AT_ONCE))
    ask(scheme, body)
    assert [len(got["individualTransfers"]) for *_, got in scheme.payee.take()] == [len(numbers)]
    assert scheme.positions()[PAYER] == ("0", str(len(numbers)))
    said = inbound(
        bulk_messages.BulkTransferred, PAYEE, {"ID": BULK_ID}, told("COMPLETED", done(*numbers)), NOW
    )
    assert asyncio.run(scheme.store(lambda conn: bulk_transfers.fulfil(conn, said)))
    assert scheme.positions()[PAYER] == (
        str(bulk_transfers.AT_ONCE),
        str(len(numbers) - bulk_transfers.AT_ONCE),
    )
    failure = inbound(messages.Failure, PAYEE, {"ID": BULK_ID}, FAILURE, NOW)
    assert asyncio.run(scheme.store(lambda conn: bulk_transfers.reject(conn, failure)))
    say(scheme, "COMPLETED", done(*numbers))
    ((_, _, shown),) = scheme.payer.take()
    assert outcome(shown) == ["done"] * 50 + ["5104"] * 50 + ["done"]
    assert scheme.positions() == {PAYER: ("51", "0"), PAYEE: ("-51", "0")}


def test_nothing_left_to_go_on_with_is_rejected_at_once(scheme: Scheme) -> None:
    ask(scheme, bulk(item(1, "2000")))
    ((_, _, body),) = scheme.payer.take()
    assert (body["bulkTransferState"], outcome(body)) == ("REJECTED", ["4001"])
    assert scheme.payee.take() == []
    for changes, number in (
        ({"payerFsp": "other"}, "3202"),
        ({"payeeFsp": "other"}, "3203"),
        ({"expiration": outbox.timestamp(NOW)}, "3303"),
    ):
        ask(scheme, bulk(item(2), bulkTransferId=name(99), **changes))
        ((_, path, body),) = scheme.payer.take()
        assert path == f"/bulkTransfers/{name(99)}/error"
        assert body["errorInformation"]["errorCode"] == number
    scheme.ok(PAYER, "PUT", PATH, told("COMPLETED", []))
    assert scheme.payer.take()[0][2]["errorInformation"]["errorCode"] == "3210"
    many = scheme.send(PAYER, "POST", "/bulkTransfers", bulk(*map(item, range(1001))))
    assert (many.status_code, many.json()["errorInformation"]["errorCode"]) == (400, "3103")


def test_a_bulk_quote_goes_there_and_back_as_it_came(scheme: Scheme) -> None:
    party = {"partyIdInfo": {"partyIdType": "MSISDN", "partyIdentifier": "123", "fspId": PAYEE}}
    one = {
        "quoteId": BULK_ID,
        "transactionId": BULK_ID,
        "payee": party,
        "amountType": "SEND",
        "amount": {"currency": "EUR", "amount": "1"},
        "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "CONSUMER"},
    }
    asked = {"bulkQuoteId": BULK_ID, "payer": party, "individualQuotes": [one], "geoCode": {"unknown": 1.0}}
    scheme.ok(PAYER, "POST", "/bulkQuotes", asked, FSPIOP_Destination=PAYEE)
    assert scheme.payee.take() == [("POST", "/bulkQuotes", asked)]
    answer = {"expiration": outbox.timestamp(NOW), "individualQuoteResults": [{"quoteId": BULK_ID} | FAILURE]}
    path = f"/bulkQuotes/{BULK_ID}"
    scheme.ok(PAYEE, "PUT", path, answer, FSPIOP_Destination=PAYER)
    assert scheme.payer.take() == [("PUT", path, answer)]


def test_what_is_sent_and_taken_is_the_specification_s(scheme: Scheme) -> None:
    spec = yaml.load(shared_file("specs/fspiop/fspiop_2.0/api_spec.yaml").read_text(), yaml.CSafeLoader)

    def check(schema: str, body: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{schema}", "components": spec["components"]}
        jsonschema_rs.validate(whole, body)

    assert [state.value for state in BulkState] == spec["components"]["schemas"]["BulkTransferState"]["enum"]
    check("BulkTransfersPostRequest", bulk(item(1)))
    ask(scheme, bulk(item(1), item(2, "2000")))
    check("BulkTransfersPostRequest", scheme.payee.take()[0][2])
    say(scheme, "COMPLETED", done(1))
    check("BulkTransfersIDPutResponse", scheme.payer.take()[0][2])


def test_a_bulk_s_state_goes_forward_to_an_end() -> None:
    order = list(BulkState)
    for now, said in product(BulkState, BulkState):
        reached = after(BULK, now, said)
        forward = now not in BULK_ENDS and order.index(said) > order.index(now)
        assert reached == (said if forward else None)


class TakenBack(Exception):
    """Carries what was seen out of a work that leaves nothing behind."""


@pytest.fixture(scope="module")
def quiet(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(shutil.copy(empty, tmp_path_factory.mktemp("bulk")), PLACE, HEAD) as store:
        yield store


def seen(store: Store, work: Callable[[Connection], T]) -> T:
    """What ``work`` finds on an empty hub with a payer and a payee, who may owe 100 EUR."""

    def taken_back(conn: Connection) -> None:
        for fsp in (PAYER, PAYEE):
            caps = {"EUR": Money.parse("100", "EUR")}
            registry.add_participant(conn, fsp, "http://x.example", caps, NOW)
        raise TakenBack(work(conn))

    with pytest.raises(TakenBack) as found:
        asyncio.run(store(taken_back))
    result: T = found.value.args[0]
    return result


def state(conn: Connection) -> Any:
    """Every transfer and its end, and both positions."""
    listed = select(rows.c.transfer, rows.c.state, rows.c.fulfilment, rows.c.error, rows.c.completed_at)
    ends = {row.transfer: tuple(row)[1:] for row in conn.execute(listed)}
    return ends, [admin.state(conn, fsp).positions for fsp in (PAYER, PAYEE)]


def inbound(kind: Any, source: str, ids: dict[str, str], body: Any, at: int) -> Inbound[Any]:
    raw = json.dumps(body).encode()
    envelope = headers.Envelope("bulkTransfers", "1.1", source, None, {})
    return Inbound(envelope, "PUT", PATH, ids, messages.parse(kind, raw), raw, at)


ITEMS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["0", "20", "45", "200"]),
        st.sampled_from(["EUR", "EUR", "GBP"]),
        st.sampled_from(["right", "wrong", "error", "nothing"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(ITEMS, st.booleans())
def test_each_of_a_bulk_ends_as_if_it_had_come_alone(quiet: Store, items: list[Any], late: bool) -> None:
    answers = {n: answer for n, _, _, answer in reversed(items)}
    at = NOW + 30_000 if late else NOW + 1

    def in_bulk(conn: Connection) -> Any:
        body = bulk(*(item(n, amount, currency) for n, amount, currency, _ in items))
        asked = inbound(bulk_messages.BulkTransfer, PAYER, {}, body, NOW)
        while bulk_transfers.prepare(conn, asked):
            assert conn.execute(select(letters)).all() == []
        claims: dict[str, Any] = {
            "right": {"fulfilment": FULFILMENT},
            "wrong": {"fulfilment": WRONG},
            "error": FAILURE,
        }
        results = [{"transferId": name(n)} | claims.get(answer, {}) for n, answer in answers.items()]
        body = told("COMPLETED", results)
        said = inbound(bulk_messages.BulkTransferred, PAYEE, {"ID": BULK_ID}, body, at)
        while bulk_transfers.fulfil(conn, said):
            assert conn.execute(select(bulk_tables.bulks.c.state)).scalar_one() == "RECEIVED"
        assert expiry.expire(conn, NOW + 30_000) == 0
        sent = conn.execute(select(letters).where(letters.c.participant == PAYER).order_by(letters.c.seq))
        (last,) = sent.all()
        assert len(json.loads(last.body)["individualTransferResults"]) == len(items)
        (kept,) = conn.execute(select(bulk_tables.bulks.c.state))
        assert kept.state in BULK_ENDS
        return state(conn)

    def alone(conn: Connection) -> Any:
        for n, amount, currency, _ in items:
            body = prepare(
                transferId=name(n), amount={"currency": currency, "amount": amount}, ilpPacket="AA"
            )
            try:
                with conn.begin_nested():
                    transfers.prepare(conn, inbound(messages.Prepare, PAYER, {}, body, NOW))
            except Refused:
                continue
        for n, answer in answers.items():
            ids = {"ID": name(n)}
            kind, body = {
                "right": (messages.Fulfil, fulfil()),
                "wrong": (messages.Fulfil, fulfil(fulfilment=WRONG)),
                "error": (messages.Failure, FAILURE),
                "nothing": (messages.Fulfil, fulfil("ABORTED", None)),
            }[answer]
            effect: Any = transfers.reject if answer == "error" else transfers.fulfil
            try:
                effect(conn, inbound(kind, PAYEE, ids, body, at))
            except Refused:
                continue
        transfers.expire(conn, NOW + 30_000)
        return state(conn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_transfers, "AT_ONCE", 2)
        ended = seen(quiet, in_bulk)
    assert ended == seen(quiet, alone)
