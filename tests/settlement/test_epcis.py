"""Shipment events as EPCIS and back, held against GS1's own schema where it is at hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.settlement.epcis_events import NOW, POTATOES, official
from tradelane.settlement import epcis, exact_json
from tradelane.settlement.cbv import DISPOSITIONS, PARTIES, TRANSACTIONS
from tradelane.settlement.ehub.wire_epcis import EpcisDocument
from tradelane.settlement.epcis import STEPS, Refusal, Said, id_of, name, object_event, said
from tradelane.settlement.logistics import DELIVERIES, ShipmentEvent

LEFT = Decimal("12.5")
AMOUNTS = st.decimals(min_value="0.000001", max_value=10**12, places=6)
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30).map(lambda text: f"a{text}")
CONSIGNMENTS = st.builds(
    epcis.Consignment,
    shipment=IDS,
    contract=IDS,
    lane=IDS,
    origin=IDS,
    destination=IDS,
    hs_code=st.sampled_from(["0701", "0701.90", "07019050", "0701.90.50.00"]),
    unit=st.sampled_from([*epcis.UNIT_CODES, "crates"]),
)
EVENTS = st.builds(
    object_event, CONSIGNMENTS, st.sampled_from(ShipmentEvent), st.integers(10**11, 10**13), AMOUNTS
)


def taken(document: Any) -> bool:
    try:
        EpcisDocument.model_validate(document)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("event", ShipmentEvent)
def test_an_event_comes_back_as_it_went(event: ShipmentEvent) -> None:
    quantity = Decimal("2.5") if event is ShipmentEvent.PART_DELIVERED else LEFT
    told = said(object_event(POTATOES, event, NOW, quantity), "kg", LEFT)
    assert told == Said(event, quantity if event in DELIVERIES else None)


@given(IDS)
def test_any_id_has_a_name_that_is_a_uri(id: str) -> None:
    uri = name(epcis.SHIPMENT, id)
    assert id_of(epcis.SHIPMENT, uri) == id
    assert id_of(epcis.CONTRACT, uri) is None


@pytest.mark.parametrize("id", ["", "%00", "p%201", "p%FF", "p%C3%A9"])
def test_what_is_no_id_names_nothing(id: str) -> None:
    assert id_of(epcis.SHIPMENT, epcis.SHIPMENT + id) is None


def test_a_delivery_by_hand() -> None:
    assert json.loads(exact_json.dumps(object_event(POTATOES, ShipmentEvent.DELIVERED, NOW, LEFT))) == {
        "type": "ObjectEvent",
        "eventTime": "2026-06-21T00:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": ["urn:tradelane:shipment:c7-0"],
        "quantityList": [{"epcClass": "urn:tradelane:hs:070190", "quantity": 12.5, "uom": "KGM"}],
        "action": "OBSERVE",
        "bizStep": "accepting",
        "disposition": "in_progress",
        "readPoint": {"id": "urn:tradelane:zone:GB"},
        "bizLocation": {"id": "urn:tradelane:zone:GB"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:tradelane:contract:c7-0"}],
    }


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"bizStep": "packing"}, Refusal.UNKNOWN_STEP),
        ({"bizStep": "https://example.org/flying"}, Refusal.UNKNOWN_STEP),
        ({"action": "DELETE"}, Refusal.NOT_OBSERVED),
        ({"quantityList": [{"epcClass": "urn:x:y", "uom": "TNE"}]}, Refusal.WRONG_UNIT),
        ({"quantityList": [{"epcClass": "urn:x:y"}, {"epcClass": "urn:x:z"}]}, Refusal.ONE_KIND),
    ],
)
def test_what_says_nothing_of_a_shipment(change: dict[str, Any], refusal: Refusal) -> None:
    event = object_event(POTATOES, ShipmentEvent.DELIVERED, NOW, LEFT)
    assert said(event | change, "kg", LEFT) is refusal


@pytest.mark.parametrize("epcs", [[], ["urn:x:y"], ["urn:tradelane:shipment:a", "urn:tradelane:shipment:b"]])
def test_an_event_names_one_shipment(epcs: list[str]) -> None:
    assert epcis.shipment_of({"epcList": epcs}) is Refusal.NO_SHIPMENT
    assert epcis.shipment_of({"epcList": [*epcs[:-1], "urn:x:z"]}) in (Refusal.NO_SHIPMENT, "a")


def test_a_delivery_without_a_quantity_is_all_that_is_left() -> None:
    event = object_event(POTATOES, ShipmentEvent.DELIVERED, NOW, LEFT)
    del event["quantityList"]
    assert said(event, "kg", LEFT) == Said(ShipmentEvent.DELIVERED, None)


@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_we_take_what_we_write(events: list[dict[str, Any]]) -> None:
    assert taken(exact_json.loads(exact_json.dumps(epcis.document(events, NOW)).encode()))


def test_what_we_write_is_valid_by_the_standard_s_schema() -> None:
    valid = official()
    events = [object_event(POTATOES, event, NOW, LEFT) for event in ShipmentEvent]
    assert valid(epcis.document(events, NOW)) and valid(epcis.query_document(events, NOW))
    assert not valid(epcis.document([events[0] | {"bizStep": "teleporting"}], NOW))

    @given(EVENTS)
    def holds(event: dict[str, Any]) -> None:
        assert valid(epcis.document([event], NOW))

    holds()


def test_we_take_nothing_that_the_standard_s_schema_refuses() -> None:
    """Fields put at random to values at random: whatever we take, it takes."""
    valid = official()
    words = [
        "OBSERVE",
        "po",
        "in_transit",
        "shipping",
        "KGM",
        "kg",
        "+02:00",
        "+14:30",
        "urn:x:y",
        "x y",
        "a:b",
    ]
    words += [
        "https://ns.gs1.org/cbv/Disp-x",
        "urn:epcglobal:cbv:disp:x",
        "2026-06-21T10:00:00Z",
        "2026-06-21",
    ]
    scalars = st.sampled_from([*words, "", Decimal(1), Decimal(-1), None, True])
    fields = [
        "id",
        "type",
        "epcClass",
        "quantity",
        "uom",
        "bizTransaction",
        "source",
        "destination",
        "x:y",
        "z",
    ]
    inner = st.dictionaries(st.sampled_from(fields), scalars, max_size=3) | scalars
    values = inner | st.lists(inner, max_size=2)
    base = object_event(POTATOES, ShipmentEvent.DELIVERED, NOW, LEFT)
    more = ["eventID", "recordTime", "sourceList", "destinationList", "ilmd", "x:y", "z", "@context"]
    count = 0

    @example({"@context": [{}, {}]})
    @given(st.dictionaries(st.sampled_from([*base, *more]), values, min_size=1, max_size=2))
    def holds(changes: dict[str, Any]) -> None:
        nonlocal count
        document = epcis.document([base | changes], NOW)
        if taken(document):
            count += 1
            assert valid(document)

    holds()
    assert count > 0


def test_our_words_are_the_standard_s() -> None:
    valid = official()
    base = object_event(POTATOES, ShipmentEvent.DELIVERED, NOW, LEFT)
    changes: list[dict[str, Any]] = [{"disposition": word} for word in DISPOSITIONS]
    changes += [{"bizStep": step, "disposition": state} for step, state in STEPS.values()]
    changes += [{"sourceList": [{"type": word, "source": "urn:x:y"}]} for word in PARTIES]
    changes += [{"bizTransactionList": [{"type": w, "bizTransaction": "urn:x:y"}]} for w in TRANSACTIONS]
    assert all(valid(epcis.document([base | change], NOW)) for change in changes)
    assert all(taken(epcis.document([base | change], NOW)) for change in changes)
