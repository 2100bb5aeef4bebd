"""A shipment's events as GS1 EPCIS 2.0, and back: ObjectEvents in JSON-LD, in the words of the CBV 2.0. Pure.

A shipment is an object (``epcList``), its goods a class by HS code (``quantityList``), its contract a
purchase order (``bizTransactionList``). Quantities are Decimal, to be written by ``exact_json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from tradelane.market.units import iso
from tradelane.settlement.logistics import ShipmentEvent
from tradelane.settlement.refusal import Refusals

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SCHEMA_VERSION = "2.0"
PROOF_CODE = "tradelane:proofCode"
"""The extension in which a carrier sends the buyer's code; it is never kept or shown."""
SHIPMENT, CONTRACT, ZONE, LANE, GOODS = (
    f"urn:tradelane:{kind}:" for kind in ("shipment", "contract", "zone", "lane", "hs")
)
UNIT_CODES = {
    "kg": "KGM", "g": "GRM", "t": "TNE", "l": "LTR", "hl": "HLT", "m": "MTR", "m2": "MTK", "m3": "MTQ",
    "piece": "H87", "pair": "PR", "dozen": "DZN", "kWh": "KWH", "MWh": "MWH",
}  # fmt: skip
"""UN/ECE Recommendation 20, by the unit as people write it."""

_E = ShipmentEvent
STEPS: Mapping[ShipmentEvent, tuple[str, str]] = {
    _E.PICKED_UP: ("shipping", "in_transit"),
    _E.IN_CUSTOMS: ("holding", "in_progress"),
    _E.IN_TRANSIT: ("transporting", "in_transit"),
    _E.OUT_FOR_DELIVERY: ("departing", "in_transit"),
    _E.PART_DELIVERED: ("accepting", "in_progress"),
    _E.DELIVERED: ("accepting", "in_progress"),
    _E.RETURNED: ("receiving", "returned"),
    _E.LOST: ("other", "unknown"),
}
"""bizStep and disposition of each event; how much is accepted says whether it is a part."""
_NAMED = {step: event for event, (step, _) in STEPS.items()}
BIZ_STEPS = frozenset(_NAMED)
_AT_ORIGIN = (_E.PICKED_UP, _E.RETURNED)
_ON_THE_WAY = (_E.IN_TRANSIT, _E.LOST)
_STAYS = (_E.IN_CUSTOMS, _E.PART_DELIVERED, _E.DELIVERED, _E.RETURNED)


class Refusal(Refusals):
    NO_SHIPMENT = ("no-shipment", "epcList", "names no shipment of this hub, or more than one")
    UNKNOWN_STEP = ("unknown-step", "bizStep", "is none of a shipment's: " + ", ".join(sorted(BIZ_STEPS)))
    NOT_OBSERVED = ("wrong-action", "action", "a shipment on its way is observed: OBSERVE")
    WRONG_UNIT = ("wrong-unit", "quantityList.uom", "is another unit than the shipment's")
    ONE_KIND = ("wrong-quantity", "quantityList", "a shipment is of one kind of goods")


@dataclass(frozen=True, slots=True)
class Consignment:
    """What a shipment's events have in common; zones are its declaration's."""

    shipment: str
    contract: str
    lane: str
    origin: str
    destination: str
    hs_code: str
    unit: str


@dataclass(frozen=True, slots=True)
class Said:
    """What an EPCIS event says of a shipment; ``quantity`` None when it does not say how much."""

    event: ShipmentEvent
    quantity: Decimal | None


def name(kind: str, id: str) -> str:
    """A name of ours as a URI, such as ``urn:tradelane:lane:NL%3EGB.road``."""
    return kind + quote(id, safe="")


def id_of(kind: str, uri: str) -> str | None:
    """The id in a name of this kind; None in any other, and where it is none: printable ASCII, no spaces."""
    id = unquote(uri.removeprefix(kind)) if uri.startswith(kind) else ""
    return id if id and all("!" <= letter <= "~" for letter in id) else None


def goods(hs_code: str) -> str:
    return name(GOODS, hs_code.replace(".", ""))


def object_event(of: Consignment, event: ShipmentEvent, at: int, quantity: Decimal) -> dict[str, Any]:
    """``quantity`` is what was handed over by a delivery, else what was still under way; ``at`` Unix ms."""
    step, disposition = STEPS[event]
    amount: dict[str, Any] = {"epcClass": goods(of.hs_code), "quantity": quantity}
    if of.unit in UNIT_CODES:
        amount["uom"] = UNIT_CODES[of.unit]
    place = _place(of, event)
    made: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventTime": moment(at),
        "eventTimeZoneOffset": "+00:00",
        "epcList": [name(SHIPMENT, of.shipment)],
        "quantityList": [amount],
        "action": "OBSERVE",
        "bizStep": step,
        "disposition": disposition,
        "readPoint": {"id": place},
    }
    if event in _STAYS:
        made["bizLocation"] = {"id": place}
    made["bizTransactionList"] = [{"type": "po", "bizTransaction": name(CONTRACT, of.contract)}]
    return made


def _place(of: Consignment, event: ShipmentEvent) -> str:
    if event in _ON_THE_WAY:
        return name(LANE, of.lane)
    return name(ZONE, of.origin if event in _AT_ORIGIN else of.destination)


def moment(at: int) -> str:
    """An instant (Unix ms) with its seconds, as ``date-time`` asks."""
    text = iso(at)
    return text if text.count(":") == 2 else text.replace("Z", ":00Z")


def shipment_of(event: Mapping[str, Any]) -> str | Refusal:
    """The one shipment of ours that an event names."""
    found = [id_of(SHIPMENT, epc) for epc in event.get("epcList", ())]
    named = [one for one in found if one is not None]
    return named[0] if len(named) == 1 else Refusal.NO_SHIPMENT


def said(event: Mapping[str, Any], unit: str, left: Decimal) -> Said | Refusal:
    """What an event says of a shipment in ``unit`` of which ``left`` is to be delivered."""
    step = _NAMED.get(event.get("bizStep", ""))
    if step is None:
        return Refusal.UNKNOWN_STEP
    if event["action"] != "OBSERVE":
        return Refusal.NOT_OBSERVED
    amounts = event.get("quantityList", ())
    if len(amounts) > 1:
        return Refusal.ONE_KIND
    if any(one.get("uom", known) != known for one in amounts if (known := UNIT_CODES.get(unit))):
        return Refusal.WRONG_UNIT
    if step not in (_E.DELIVERED, _E.PART_DELIVERED):
        return Said(step, None)
    quantity = amounts[0].get("quantity") if amounts else None
    part = quantity is not None and quantity < left
    return Said(_E.PART_DELIVERED if part else _E.DELIVERED, quantity)


def document(events: Sequence[Mapping[str, Any]], created: int) -> dict[str, Any]:
    """Events to be captured; ``created`` is Unix ms."""
    return _document("EPCISDocument", {"eventList": list(events)}, created)


def query_document(events: Sequence[Mapping[str, Any]], created: int) -> dict[str, Any]:
    """Events that answer a query."""
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": list(events)}}
    return _document("EPCISQueryDocument", {"queryResults": results}, created)


def _document(kind: str, body: Mapping[str, Any], created: int) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "type": kind,
        "schemaVersion": SCHEMA_VERSION,
        "creationDate": moment(created),
        "epcisBody": body,
    }
