"""Currency conversions through the switch: both legs, with their transfer, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, select

from tests.settlement.fspiop_money import enrol, id_of, inbound, standing
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
from tradelane.gateway.store import Store
from tradelane.market.units import Money
from tradelane.settlement.ehub.server.fspiop import (
    expiry,
    fx_messages,
    fx_transfers,
    linked,
    messages,
    outbox,
    registry,
    windows,
)
from tradelane.settlement.ehub.server.fspiop.errors import Refused
from tradelane.settlement.ehub.server.fspiop.fx_tables import conversions
from tradelane.settlement.ehub.server.fspiop.tables import metadata, transfers

FXP = "fxp"
CONVERSION, TRANSFER = id_of(1), id_of(2)
PATH = f"/fxTransfers/{CONVERSION}"
FAILURE = {"errorInformation": {"errorCode": "5104", "errorDescription": "no"}}


def conversion(**changes: Any) -> dict[str, Any]:
    """The payer gives 10 EUR for 12 USD, for the transfer."""
    return {
        "commitRequestId": CONVERSION,
        "determiningTransferId": TRANSFER,
        "initiatingFsp": PAYER,
        "counterPartyFsp": FXP,
        "sourceAmount": {"currency": "EUR", "amount": "10"},
        "targetAmount": {"currency": "USD", "amount": "12"},
        "condition": CONDITION,
        "expiration": outbox.timestamp(NOW + 60_000),
        **changes,
    }


def alone(**changes: Any) -> dict[str, Any]:
    """One that is for no transfer."""
    body = conversion(**changes)
    del body["determiningTransferId"]
    return body


def promise(state: str = "RESERVED", fulfilment: str = FULFILMENT) -> dict[str, Any]:
    return {"conversionState": state, "fulfilment": fulfilment}


@pytest.fixture
def scheme(store: Store) -> Iterator[Scheme]:
    """The FXP is called at the payee's server, under a path of its own."""
    with running_scheme(store) as scheme:

        def furnish(conn: Any) -> None:
            payee = registry.endpoint_of(conn, PAYEE)
            caps = {name: Money.parse("1000", name) for name in ("EUR", "USD")}
            registry.add_participant(conn, FXP, f"{payee}/fxp", caps, NOW)
            for name in (PAYER, PAYEE):
                registry.add_position(conn, name, caps["USD"])

        asyncio.run(scheme.store(furnish))
        yield scheme


def send(scheme: Scheme, source: str, method: str, path: str, body: Any = None, to: str = FXP) -> None:
    kind = f"application/vnd.interoperability.{path.split('/')[1]}+json;version=2.0"
    scheme.ok(source, method, path, body, FSPIOP_Destination=to, Content_Type=kind, Accept=kind)


def to_fxp(scheme: Scheme) -> list[tuple[str, str, Any]]:
    return [(method, path.removeprefix("/fxp"), body) for method, path, body in scheme.payee.take()]


def codes(taken: list[tuple[str, str, Any]]) -> list[tuple[str, str, str]]:
    return [(method, path, body["errorInformation"]["errorCode"]) for method, path, body in taken]


def owed(scheme: Scheme) -> dict[tuple[str, str], tuple[str, str]]:
    """Positions and reserves that are not zero."""
    found = scheme.store.read_now(lambda conn: standing(conn, PAYER, PAYEE, FXP))
    return {
        (fsp, currency): (str(Money(nano, currency)), str(Money(held, currency)))
        for (fsp, currency), (nano, held) in found.items()
        if nano or held
    }


RESERVED = {(PAYER, "EUR"): ("0", "10"), (FXP, "USD"): ("0", "12")}
CONVERTED = {
    (PAYER, "EUR"): ("10", "0"),
    (FXP, "EUR"): ("-10", "0"),
    (FXP, "USD"): ("12", "0"),
    (PAYER, "USD"): ("-12", "0"),
}


def pay(scheme: Scheme, **changes: Any) -> None:
    amount = {"currency": "USD", "amount": "12"}
    body = prepare(transferId=TRANSFER, amount=amount, **changes)
    scheme.ok(PAYER, "POST", "/transfers", body, FSPIOP_Destination=PAYEE)


def test_a_conversion_commits_with_its_transfer(scheme: Scheme) -> None:
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    assert to_fxp(scheme) == [("POST", "/fxTransfers", conversion())]
    pay(scheme)
    assert codes(scheme.payer.take()) == [("PUT", f"/transfers/{TRANSFER}/error", "3100")]
    send(scheme, FXP, "PUT", PATH, promise(), to=PAYER)
    send(scheme, FXP, "PUT", PATH, promise(), to=PAYER)
    assert scheme.payer.take() == [("PUT", PATH, promise())]
    assert owed(scheme) == RESERVED
    send(scheme, FXP, "PUT", f"{PATH}/error", FAILURE, to=PAYER)
    assert codes(to_fxp(scheme)) == [("PUT", f"{PATH}/error", "3100")]
    pay(scheme, expiration=outbox.timestamp(NOW + 60_001))
    assert codes(scheme.payer.take()) == [("PUT", f"/transfers/{TRANSFER}/error", "3100")]
    pay(scheme)
    scheme.payee.take()
    scheme.ok(PAYEE, "PUT", f"/transfers/{TRANSFER}", fulfil(), FSPIOP_Destination=PAYER)
    ((method, path, body),) = to_fxp(scheme)
    assert (method, path, body["conversionState"]) == ("PATCH", PATH, "COMMITTED")
    assert owed(scheme) == {place: both for place, both in CONVERTED.items() if place != (PAYER, "USD")} | {
        (PAYEE, "USD"): ("-12", "0")
    }
    send(scheme, FXP, "GET", PATH, to=PAYER)
    assert [body["conversionState"] for *_, body in to_fxp(scheme)] == ["COMMITTED"]


@pytest.mark.parametrize("end", ["rejected", "expired"])
def test_a_conversion_ends_with_its_transfer(scheme: Scheme, end: str) -> None:
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    send(scheme, FXP, "PUT", PATH, promise("COMMITTED"), to=PAYER)
    assert [body["conversionState"] for *_, body in scheme.payer.take()] == ["RESERVED"]
    pay(scheme)
    scheme.payee.take()
    if end == "rejected":
        scheme.ok(PAYEE, "PUT", f"/transfers/{TRANSFER}/error", FAILURE, FSPIOP_Destination=PAYER)
    else:
        scheme.at += 60_000
        assert scheme.expire() == 1
    told = [one for one in to_fxp(scheme) if one[1] == PATH]
    assert [(method, body["conversionState"]) for method, _, body in told] == [("PATCH", "ABORTED")]
    assert owed(scheme) == {}
    assert scheme.expire() == 0
    later = conversion(commitRequestId=id_of(3), expiration=outbox.timestamp(scheme.at + 1))
    send(scheme, PAYER, "POST", "/fxTransfers", later)
    assert codes(scheme.payer.take()[1:]) == [("PUT", f"/fxTransfers/{id_of(3)}/error", "3100")]


def test_one_for_a_transfer_of_a_bulk_commits_with_it(scheme: Scheme) -> None:
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    send(scheme, FXP, "PUT", PATH, promise(), to=PAYER)
    item = {
        "transferId": TRANSFER,
        "transferAmount": {"currency": "USD", "amount": "12"},
        "ilpPacket": "AA",
        "condition": CONDITION,
    }
    bulk = {
        "bulkTransferId": id_of(7),
        "bulkQuoteId": id_of(7),
        "payerFsp": PAYER,
        "payeeFsp": PAYEE,
        "individualTransfers": [item],
        "expiration": outbox.timestamp(NOW + 30_000),
    }
    send(scheme, PAYER, "POST", "/bulkTransfers", bulk, to=PAYEE)
    to_fxp(scheme)
    results = [{"transferId": TRANSFER, "fulfilment": FULFILMENT}]
    body = {"bulkTransferState": "COMPLETED", "individualTransferResults": results}
    send(scheme, PAYEE, "PUT", f"/bulkTransfers/{id_of(7)}", body, to=PAYER)
    ((method, path, told),) = to_fxp(scheme)
    assert (method, path, told["conversionState"]) == ("PATCH", PATH, "COMMITTED")
    assert owed(scheme)[FXP, "EUR"] == ("-10", "0")


def test_one_for_no_transfer_commits_by_its_fulfilment(scheme: Scheme) -> None:
    send(scheme, PAYER, "POST", "/fxTransfers", alone())
    to_fxp(scheme)
    send(scheme, FXP, "PUT", PATH, promise(), to=PAYER)
    assert [(method, body["conversionState"]) for method, _, body in scheme.payer.take()] == [
        ("PUT", "COMMITTED")
    ]
    assert [(method, body["conversionState"]) for method, _, body in to_fxp(scheme)] == [
        ("PATCH", "COMMITTED")
    ]
    assert owed(scheme) == CONVERTED
    nets = scheme.store.read_now(_open_window)
    assert {place: str(Money(nano, place[1])) for place, nano in nets.items()} == {
        place: position for place, (position, _) in CONVERTED.items()
    }
    send(scheme, PAYER, "POST", "/fxTransfers", alone())
    assert [body["fulfilment"] for *_, body in scheme.payer.take()] == [FULFILMENT]


def _open_window(conn: Any) -> windows.Nets:
    window = windows.present(conn)
    assert window is not None
    return windows.nets(conn, window)


def test_what_cannot_be_converted_is_said_by_number(scheme: Scheme) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"initiatingFsp": PAYEE}, "3202"),
        ({"counterPartyFsp": "nobody"}, "3203"),
        ({"expiration": outbox.timestamp(NOW)}, "3303"),
        ({"sourceAmount": {"currency": "USD", "amount": "1"}}, "3100"),
        ({"sourceAmount": {"currency": "EUR", "amount": "0"}}, "3101"),
        ({"sourceAmount": {"currency": "GBP", "amount": "1"}}, "3202"),
        ({"sourceAmount": {"currency": "EUR", "amount": "1001"}}, "4001"),
        ({"targetAmount": {"currency": "USD", "amount": "1001"}}, "4001"),
    ]
    for place, (changes, number) in enumerate(wrong):
        name = id_of(100 + place)
        send(scheme, PAYER, "POST", "/fxTransfers", conversion(commitRequestId=name, **changes))
        path = f"/fxTransfers/{name}/error"
        assert codes(scheme.payer.take()) == [("PUT", path, number)]
    assert owed(scheme) == {}
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    send(scheme, PAYER, "POST", "/fxTransfers", conversion(commitRequestId=id_of(9)))
    assert codes(scheme.payer.take()) == [("PUT", f"/fxTransfers/{id_of(9)}/error", "3100")]
    to_fxp(scheme)
    send(scheme, FXP, "PUT", PATH, promise(fulfilment=WRONG), to=PAYER)
    assert codes(scheme.payer.take()) == codes(to_fxp(scheme)) == [("PUT", f"{PATH}/error", "3100")]
    pay(scheme)
    assert codes(scheme.payer.take()) == [("PUT", f"/transfers/{TRANSFER}/error", "3100")]
    assert owed(scheme) == {}
    no_end = conversion()
    del no_end["expiration"]
    kind = "application/vnd.interoperability.fxTransfers+json;version=2.0"
    answer = scheme.send(PAYER, "POST", "/fxTransfers", no_end, Content_Type=kind, Accept=kind)
    assert answer.json()["errorInformation"]["errorCode"] == "3102"


def test_the_fxp_may_refuse_and_time_ends_what_nobody_promised(scheme: Scheme) -> None:
    send(scheme, PAYER, "POST", "/fxTransfers", conversion())
    send(scheme, FXP, "PUT", f"{PATH}/error", FAILURE, to=PAYER)
    assert scheme.payer.take() == [("PUT", f"{PATH}/error", FAILURE)]
    send(scheme, PAYER, "POST", "/fxTransfers", conversion(commitRequestId=id_of(3)))
    to_fxp(scheme)
    scheme.at += 60_000
    assert scheme.expire() == 1
    for taken in (scheme.payer.take(), to_fxp(scheme)):
        assert codes(taken) == [("PUT", f"/fxTransfers/{id_of(3)}/error", "3303")]
    send(scheme, FXP, "PUT", f"/fxTransfers/{id_of(3)}", promise(), to=PAYER)
    assert codes(to_fxp(scheme)) == [("PUT", f"/fxTransfers/{id_of(3)}/error", "3303")]
    assert owed(scheme) == {}


def test_a_quote_goes_there_and_back_and_all_is_the_specification_s(scheme: Scheme) -> None:
    spec = yaml.load(shared_file("specs/fspiop/fspiop_2.0/api_spec.yaml").read_text(), yaml.CSafeLoader)

    def check(name: str, body: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        jsonschema_rs.validate(whole, body)

    terms = {
        "conversionId": CONVERSION,
        "initiatingFsp": PAYER,
        "counterPartyFsp": FXP,
        "amountType": "SEND",
        "sourceAmount": {"currency": "EUR", "amount": "10"},
        "targetAmount": {"currency": "USD"},
        "expiration": outbox.timestamp(NOW + 1),
    }
    asked = {"conversionRequestId": CONVERSION, "conversionTerms": terms}
    check("FxQuotesPostRequest", asked)
    send(scheme, PAYER, "POST", "/fxQuotes", asked)
    assert to_fxp(scheme) == [("POST", "/fxQuotes", asked)]
    answer = {"condition": CONDITION, "conversionTerms": terms | {"charges": []}}
    check("FxQuotesIDPutResponse", answer)
    send(scheme, FXP, "PUT", f"/fxQuotes/{CONVERSION}", answer, to=PAYER)
    assert scheme.payer.take() == [("PUT", f"/fxQuotes/{CONVERSION}", answer)]
    check("FxTransfersPostRequest", alone())
    send(scheme, PAYER, "POST", "/fxTransfers", alone())
    to_fxp(scheme)
    send(scheme, FXP, "PUT", PATH, promise(), to=PAYER)
    check("FxTransfersIDPutResponse", scheme.payer.take()[0][2])
    check("FxTransfersIDPatchResponse", to_fxp(scheme)[0][2])


FSPS = (PAYER, PAYEE, FXP)
LINKS = st.sampled_from([id_of(n) for n in range(3)])


class Versus(RuleBasedStateMachine):
    """Conversions, their transfers, refusals and the clock in any order. What the switch's own rows say has
    committed is what the positions must be, and a conversion may be so only with its transfer."""

    def __init__(self) -> None:
        super().__init__()
        self.work = SHARED.begin()
        enrol(SHARED, *FSPS, cap="40", currencies=("EUR", "USD"))
        self.at = NOW
        self.made = 0

    def teardown(self) -> None:
        self.work.rollback()

    def ask(self, effect: Any, resource: str, source: str, ids: dict[str, str], kind: Any, body: Any) -> None:
        try:
            with SHARED.begin_nested():
                effect(SHARED, inbound(resource, source, ids, kind, body, self.at))
        except Refused:
            return

    @rule(link=LINKS, value=st.integers(1, 30), lasts=st.integers(1, 4), linked_to=st.booleans())
    def convert(self, link: str, value: int, lasts: int, linked_to: bool) -> None:
        self.made += 1
        body = conversion(
            commitRequestId=id_of(100 + self.made),
            determiningTransferId=link,
            sourceAmount={"currency": "EUR", "amount": str(value)},
            expiration=outbox.timestamp(self.at + lasts),
        )
        if not linked_to:
            del body["determiningTransferId"]
        self.ask(fx_transfers.prepare, "fxTransfers", PAYER, {}, fx_messages.FxTransfer, body)

    @rule(
        back=st.integers(0, 2),
        said=st.sampled_from(["RESERVED", "RESERVED", "COMMITTED", "ABORTED"]),
        right=st.sampled_from([FULFILMENT, FULFILMENT, WRONG]),
        error=st.booleans(),
    )
    def answer(self, back: int, said: str, right: str, error: bool) -> None:
        ids = {"ID": id_of(100 + self.made - back)}
        if error and back:
            self.ask(fx_transfers.reject, "fxTransfers", FXP, ids, messages.Failure, FAILURE)
        else:
            body = promise(said, right)
            self.ask(fx_transfers.fulfil, "fxTransfers", FXP, ids, fx_messages.FxFulfil, body)

    @rule(link=LINKS, lasts=st.integers(1, 3))
    def pay(self, link: str, lasts: int) -> None:
        amount = {"currency": "USD", "amount": "12"}
        body = prepare(transferId=link, amount=amount, expiration=outbox.timestamp(self.at + lasts))
        self.ask(linked.prepare, "transfers", PAYER, {}, messages.Prepare, body)

    @rule(link=LINKS, right=st.sampled_from([FULFILMENT, FULFILMENT, WRONG]), error=st.booleans())
    def end(self, link: str, right: str, error: bool) -> None:
        if error:
            self.ask(linked.reject, "transfers", PAYEE, {"ID": link}, messages.Failure, FAILURE)
        else:
            body = fulfil(fulfilment=right)
            self.ask(linked.fulfil, "transfers", PAYEE, {"ID": link}, messages.Fulfil, body)

    @rule(later=st.integers(0, 2))
    def time_passes(self, later: int) -> None:
        self.at += later
        expiry.expire(SHARED, self.at)
        assert not expiry.overdue(SHARED, self.at)

    @invariant()
    def a_conversion_has_its_transfer_s_end(self) -> None:
        ends = {row.transfer: row.state for row in SHARED.execute(select(transfers))}
        for row in SHARED.execute(select(conversions)):
            end = ends.get(row.determining)
            if row.determining is not None and row.state == "COMMITTED":
                assert end == "COMMITTED"
            if row.state == "RESERVED" and end is not None:
                assert (end, row.fulfilment) == ("RESERVED", FULFILMENT)
            if end in ("COMMITTED", "RESERVED"):
                of_it = [
                    one.state
                    for one in SHARED.execute(select(conversions))
                    if one.determining == row.determining
                ]
                assert of_it.count(end) == 1

    @invariant()
    def positions_are_what_committed(self) -> None:
        sums: dict[str, dict[tuple[str, str], int]] = {"COMMITTED": {}, "RESERVED": {}}
        moves = [
            (row.state, row.payer, row.payee, row.currency, row.nano)
            for row in SHARED.execute(select(transfers))
        ]
        for row in SHARED.execute(select(conversions)):
            moves.append((row.state, row.initiator, row.fxp, row.source_currency, row.source_nano))
            moves.append((row.state, row.fxp, row.initiator, row.target_currency, row.target_nano))
        for state, payer, payee, currency, nano in moves:
            found = sums.get(state, {})
            found[payer, currency] = found.get((payer, currency), 0) + nano
            if state == "COMMITTED":
                found[payee, currency] = found.get((payee, currency), 0) - nano
        assert standing(SHARED, *FSPS) == {
            (fsp, currency): tuple(sums[state].get((fsp, currency), 0) for state in sums)
            for fsp in FSPS
            for currency in ("EUR", "USD")
        }
        assert {one: nano for one, nano in _open_window(SHARED).items() if nano} == {
            one: nano for one, nano in sums["COMMITTED"].items() if nano
        }


SHARED = create_engine("sqlite+tradelane://").connect()
with SHARED.begin():
    metadata.create_all(SHARED)
TestVersus = Versus.TestCase
TestVersus.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
