"""FSPIOP's headers, numbered errors and the pure parts beneath them."""

from __future__ import annotations

import base64
import hashlib
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import shared_file
from tradelane.settlement import fspiop_states as states
from tradelane.settlement import ilp
from tradelane.settlement.ehub.server.fspiop import headers
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused

GOOD = {
    "content-type": "application/vnd.interoperability.transfers+json;version=1.1",
    "accept": "application/vnd.interoperability.transfers+json;version=1",
    "date": "Tue, 15 Nov 1994 08:12:31 GMT",
    "fspiop-source": "payerfsp",
}


def test_a_major_version_means_its_newest_minor() -> None:
    envelope = headers.read("transfers", GOOD | {"fspiop-destination": ""}, callback=False)
    assert (envelope.version, envelope.source, envelope.destination) == ("1.1", "payerfsp", None)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_header_is_named(name: str) -> None:
    with pytest.raises(Refused) as refused:
        headers.read("transfers", {k: v for k, v in GOOD.items() if k != name}, callback=False)
    assert refused.value.fault is Fault.MISSING
    assert name in str(refused.value).lower()


@pytest.mark.parametrize(
    ("name", "value", "fault", "status"),
    [
        ("accept", "*/*", Fault.SYNTAX, 400),
        ("accept", "application/json", Fault.SYNTAX, 400),
        ("accept", "application/vnd.interoperability.quotes+json;version=1", Fault.SYNTAX, 400),
        ("accept", "application/vnd.interoperability.transfers+json;version=3", Fault.VERSION, 406),
        ("accept", "application/vnd.interoperability.transfers+json;version=1.9", Fault.VERSION, 406),
        ("content-type", "application/vnd.interoperability.transfers+json;version=9.0", Fault.VERSION, 400),
        ("content-type", "application/vnd.interoperability.transfers+json", Fault.SYNTAX, 400),
        ("date", "yesterday", Fault.SYNTAX, 400),
        ("fspiop-source", "a b", Fault.SYNTAX, 400),
    ],
)
def test_a_wrong_header_is_refused(name: str, value: str, fault: Fault, status: int) -> None:
    with pytest.raises(Refused) as refused:
        headers.read("transfers", GOOD | {name: value}, callback=False)
    assert (refused.value.fault, refused.value.status) == (fault, status)


def test_the_versions_spoken_are_listed_as_the_specification_asks() -> None:
    with pytest.raises(Refused) as refused:
        headers.accepted("transfers", "application/vnd.interoperability.transfers+json;version=4")
    listed = refused.value.body()["errorInformation"]["extensionList"]["extension"]
    assert listed == [{"key": "1", "value": "1"}, {"key": "2", "value": "0"}]


def test_the_first_acceptable_version_wins_and_none_means_the_newest() -> None:
    kind = "application/vnd.interoperability.quotes+json"
    assert headers.accepted("quotes", f"{kind};version=7, {kind};version=1.0") == "1.0"
    assert headers.accepted("quotes", kind) == "2.0"
    assert headers.accepted("fxQuotes", "application/vnd.interoperability.fxQuotes+json;version=2") == "2.0"
    assert headers.http_date(1_000_000_000_000) == "Sun, 09 Sep 2001 01:46:40 GMT"


@pytest.mark.parametrize("fault", Fault)
def test_every_error_is_one_of_the_specification_s_tables(fault: Fault) -> None:
    table = shared_file("specs/fspiop/fspiop-v1.1-api-definition.md").read_text()
    assert f"| **{fault.code}** | {fault.title} |" in table
    body: dict[str, Any] = Refused(fault, "x" * 300).body()["errorInformation"]
    assert len(body["errorDescription"]) == 128


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_only_the_preimage_fulfils(secret: bytes, other: bytes) -> None:
    def text(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    condition = text(hashlib.sha256(secret).digest())
    assert ilp.condition_of(text(secret)) == condition
    assert ilp.fulfils(text(other), condition) is (other == secret)


@pytest.mark.parametrize("fulfilment", ["", "a", "A" * 42, "A" * 44, "ä" * 43, "+" * 43, "A" * 42 + "="])
def test_what_is_no_fulfilment_fulfils_nothing(fulfilment: str) -> None:
    assert not ilp.fulfils(fulfilment, "A" * 43)


def test_final_states_are_final_and_all_others_lead_to_one() -> None:
    final = {states.TransferState.COMMITTED, states.TransferState.ABORTED}
    for state, event in product(states.TransferState, states.TransferEvent):
        reached = states.after(states.TRANSFER, state, event)
        assert reached is None if state in final else reached != state
    for table, ends in (
        (states.WINDOW, {states.WindowState.SETTLED}),
        (states.SETTLEMENT, {states.SettlementState.SETTLED, states.SettlementState.ABORTED}),
    ):
        assert not {state for state, _ in table} & set(ends)
