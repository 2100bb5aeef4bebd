"""An event's id is that of GS1's own implementation, and changes with every word of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settlement.epcis_events import NOW, POTATOES
from tradelane.settlement import epcis_hash
from tradelane.settlement.epcis import object_event
from tradelane.settlement.epcis_hash import event_id, prehash
from tradelane.settlement.logistics import ShipmentEvent

RECORDED = {
    "picked_up": "b68fd7d74b2917b63b266a694a0371e24c6fc8538fb338d431d45f82b0f6f51d",
    "in_customs": "d19b6621c1740b492bcdb21109e37d1998f70a80b0a4a717fbf874736f12286f",
    "in_transit": "e1ca644b4f3c3a286601cfa7a44a4b61d01d4a8f8c32fc02dc4e2be79edb88c8",
    "out_for_delivery": "3f6f2d9058b6722e09490ab12afdc0a16c75c036003648c578fa06e739483a0a",
    "delivered": "d2efeaa58404f7e6352c91f8eb019d0767b9931047362ce71a503229c97e0537",
    "returned": "37236113c8dd0b7142e232c5b7a6009f61932fbcfc71a2ace9b57b1ec9be6e6a",
    "lost": "5a59bf55c026dbed03a38e2eadf6965eea480239737fb8bacb8b2bbf1d3e1838",
    "part_delivered": "aea33459cde60ae8f929c218be4f1c9f47ddce3c887e78b4a1ea09fbddcaa4aa",
}
"""What epcis-event-hash-generator, the reference of CBV 2.0's algorithm, makes of the same events."""
WIDE: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-06-21T12:15:00.1235+02:00",
    "eventTimeZoneOffset": "+02:00",
    "certificationInfo": ["https://example.org/b", "https://example.org/a"],
    "epcList": ["urn:x:b", "urn:x:a"],
    "quantityList": [
        {"epcClass": "urn:x:q", "quantity": Decimal("3.50"), "uom": "KGM"},
        {"epcClass": "urn:x:p"},
    ],
    "action": "OBSERVE",
    "bizStep": "https://example.org/step",
    "disposition": "in_transit",
    "readPoint": {"id": "geo:1,2"},
    "bizLocation": {"id": "urn:x:loc"},
    "bizTransactionList": [
        {"type": "bol", "bizTransaction": "urn:x:t2"},
        {"type": "po", "bizTransaction": "urn:x:t1"},
    ],
    "sourceList": [{"type": "owning_party", "source": "urn:x:s"}],
    "destinationList": [
        {"type": "possessing_party", "destination": "urn:x:d2"},
        {"type": "location", "destination": "urn:x:d1"},
    ],
}


def test_the_events_of_a_shipment_have_the_ids_of_the_reference() -> None:
    for k, event in enumerate(ShipmentEvent):
        made = object_event(POTATOES, event, NOW + k * 1001, Decimal("12.50"))
        assert event_id(made) == f"ni:///sha-256;{RECORDED[event]}?ver=CBV2.0"


def test_an_event_of_many_fields_has_the_id_of_the_reference() -> None:
    recorded = "2859c423c07f5bc32b9b6d1d8c474506aeb620da26252bbdfd2f378d53a6b65f"
    told = {name: value for name, value in WIDE.items() if name != "sourceList"}
    assert event_id(told) == f"ni:///sha-256;{recorded}?ver=CBV2.0"


@given(st.permutations(list(WIDE)), st.data())
def test_order_and_what_the_hub_says_do_not_count(names: list[str], data: st.DataObject) -> None:
    turned = {name: WIDE[name] for name in names} | {
        "eventID": "urn:x:1",
        "recordTime": "2026-06-21T12:00:00Z",
    }
    for name, value in turned.items():
        if isinstance(value, list):
            turned[name] = data.draw(st.permutations(value))
    assert event_id(turned) == event_id(WIDE)


@pytest.mark.parametrize("name", [name for name in WIDE if name != "type"])
def test_every_field_counts(name: str) -> None:
    assert event_id({key: value for key, value in WIDE.items() if key != name}) != event_id(WIDE)


@pytest.mark.parametrize(
    "change",
    [
        {"epcList": ["urn:epc:id:sscc:4012345.0000000111"]},
        {"epcList": ["https://example.org/00/040123451111111110"]},
        {"readPoint": {"id": "geo:1,2", "example:door": "3"}},
        {"example:seal": "77"},
    ],
)
def test_what_has_no_canonical_form_here_gets_a_plain_hash(change: dict[str, Any]) -> None:
    assert prehash(WIDE | change) is None
    plain = event_id(WIDE | change)
    assert plain.startswith("ni:///sha-256;") and "?" not in plain
    assert plain != event_id(WIDE | change | {"action": "ADD"})


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-06-21T10:15:00Z", "2026-06-21T10:15:00.000Z"),
        ("2026-06-21T10:15:00.1+02:00", "2026-06-21T08:15:00.100Z"),
        ("2026-06-21T10:15:59.9995Z", "2026-06-21T10:16:00.000Z"),
        ("2026-06-21T10:15:00.0004Z", "2026-06-21T10:15:00.000Z"),
    ],
)
def test_moments(text: str, utc: str) -> None:
    assert epcis_hash.moment(text) == utc
