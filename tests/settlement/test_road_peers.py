"""A hub is believed by its key alone: its document, signed, for the name and the window expected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.settlement.road_pair import Side, exchange, pair, peer_of, road
from tradelane.settlement.ehub import wire_road_messages
from tradelane.settlement.ehub.server.road import kinds, peers, signing
from tradelane.settlement.ehub.wire_road import HubDocument
from tradelane.settlement.ehub.wire_road_messages import Hello

AMS, LON = road("ams", "EUR"), road("lon", "GBP")


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side(AMS)
    yield made
    made.engine.dispose()


def judged(side: Side, document: bytes | None, **expected: Any) -> HubDocument | str:
    asked = peer_of(LON).model_copy(update=expected)
    side.do(lambda conn: peers.expect(conn, asked, side.at))
    return peers.judge(AMS, side.do(lambda conn: peers.row(conn, asked.name)), document)


def test_its_own_document_is_believed(side: Side) -> None:
    found = judged(side, peers.document(LON).model_dump_json().encode())
    assert isinstance(found, HubDocument) and (found.name, found.road) == ("lon", LON.url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "eve"}, "not signed"),
        ({"currencies": ["USD"]}, "not signed"),
        ({"road": "http://elsewhere.example"}, "not signed"),
        ({"window_ms": "x"}, "window_ms"),
        ({"key": {"kty": "OKP", "crv": "Ed25519", "x": AMS.public}}, "another key"),
        ({"signature": "A" * 86}, "not signed"),
        ({"more": 1}, "more"),
    ],
)
def test_a_changed_document_is_not(side: Side, change: dict[str, Any], reason: str) -> None:
    given = json.loads(peers.document(LON).model_dump_json())
    found = judged(side, json.dumps(given | change).encode())
    assert isinstance(found, str) and reason in found


@pytest.mark.parametrize(
    ("document", "expected", "reason"),
    [
        (b"", {}, "body"),
        (peers.document(LON).model_dump_json().encode(), {"name": "berlin"}, "calls itself lon"),
        (peers.document(replace(LON, window_ms=1)).model_dump_json().encode(), {}, "last 1 ms"),
        (peers.document(LON).model_dump_json().encode(), {"fingerprint": AMS.fingerprint}, "another key"),
    ],
)
def test_nor_is_another_s(side: Side, document: bytes, expected: dict[str, Any], reason: str) -> None:
    found = judged(side, document, **expected)
    assert isinstance(found, str) and reason in found


def test_the_thumbprint_is_rfc_8037_s() -> None:
    """RFC 8037, appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert signing.fingerprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_new_key_goes_on_where_the_old_one_was() -> None:
    ams, lon = pair()
    before = ams.do(lambda conn: peers.row(conn, "lon"))
    lon.road = replace(lon.road, key=road("lon2", "GBP").key)
    ams.meet(lon)
    after = ams.do(lambda conn: peers.row(conn, "lon"))
    assert after.key == lon.road.public != before.key
    assert (after.sent, after.received, after.closed) == (before.sent, before.received, before.closed)
    ams.ask("q1", lon, "1")
    exchange(ams, lon)
    assert ams.quote_state("q1") == "quoted"
    for side in (ams, lon):
        side.engine.dispose()


def test_a_limit_changes_with_what_the_operator_writes() -> None:
    ams, lon = pair()
    ams.ask("q1", lon, "10")
    exchange(ams, lon)
    ams.send("q1")
    exchange(ams, lon)
    lon.meet(ams, limits=())
    ams.ask("q2", lon, "1")
    exchange(ams, lon)
    ams.send("q2")
    exchange(ams, lon)
    assert (ams.state("q1"), ams.state("q2")) == ("COMMITTED", "ABORTED")
    lon.meet(ams)
    ams.ask("q3", lon, "1")
    exchange(ams, lon)
    ams.send("q3")
    exchange(ams, lon)
    assert ams.state("q3") == "COMMITTED"
    for side in (ams, lon):
        side.engine.dispose()


def test_every_message_has_a_handler() -> None:
    bodies = {"Envelope", "Message", "ErrorInformation", "RefusedMessage", "Receipt", "Net"}
    models = {
        name
        for name, value in vars(wire_road_messages).items()
        if isinstance(value, type) and value.__module__ == wire_road_messages.__name__
    }
    assert models - bodies == {model.__name__ for model, _ in kinds.HANDLERS.values()}
    assert kinds.HANDLERS["hello"][0] is Hello
