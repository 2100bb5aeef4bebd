"""An event's id made from its content: the EPCIS Event Hash ID of the Core Business Vocabulary 2.0.

The same event has the same id whoever writes it, in whatever order: its fields are brought into one form and
order and hashed. Known limit: names of GS1 (``urn:epc:…``, Digital Links) are not brought into that form, nor
are extensions and sensor data; such an event gets the plain hash of its JSON, without ``?ver=CBV2.0``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tradelane.market.units import instant, plain
from tradelane.settlement import exact_json

VERSION = "?ver=CBV2.0"
_CBV = "https://ref.gs1.org/cbv/"
_TERMS = {"bizStep": "BizStep-", "disposition": "Disp-"}
_NOT_HASHED = ("eventID", "recordTime", "errorDeclaration", "@context")
_ORDER = (
    *("type", "eventTime", "eventTimeZoneOffset", "certificationInfo", "epcList", "quantityList", "action"),
    *("bizStep", "disposition", "readPoint", "bizLocation", "bizTransactionList"),
    *("sourceList", "destinationList"),
)  # fmt: skip
_OF_GS1 = re.compile(r'urn:epc:|https?://[^"]*/(00|01|253|255|40[12]|41[47]|80[01][0-9])/')
_PAIRS = {
    "bizTransactionList": ("bizTransaction", "BTT-"),
    "sourceList": ("source", "SDT-"),
    "destinationList": ("destination", "SDT-"),
}


def event_id(event: Mapping[str, Any]) -> str:
    """The id of an ObjectEvent, as a ``ni`` URI (RFC 6920)."""
    canonical = prehash(event)
    if canonical is not None:
        return _named(canonical) + VERSION
    said = {name: event[name] for name in sorted(event) if name not in _NOT_HASHED}
    return _named(exact_json.dumps(said))


def prehash(event: Mapping[str, Any]) -> str | None:
    """The one form of an event that is hashed; None when it holds what is not brought into it here."""
    hashed = {name: value for name, value in event.items() if name not in _NOT_HASHED}
    if set(hashed) - set(_ORDER) or _OF_GS1.search(exact_json.dumps(hashed)):
        return None
    if any(set(event.get(place, ())) - {"id"} for place in ("readPoint", "bizLocation")):
        return None
    return "".join(_field(name, hashed[name]) for name in _ORDER if name in hashed)


def _field(name: str, value: Any) -> str:
    if name == "type":
        return f"eventType={value}"
    if name == "eventTime":
        return f"eventTime={moment(value)}"
    if name in ("readPoint", "bizLocation"):
        return f"{name}id={_text(value['id'])}"
    if name == "epcList":
        return name + _sorted(f"epc={_text(one)}" for one in value)
    if name == "quantityList":
        return name + _sorted(map(_quantity, value))
    if name in _PAIRS:
        return name + _sorted(_pair(one, *_PAIRS[name]) for one in value)
    if name == "certificationInfo":
        return _sorted(f"{name}={_text(one)}" for one in ([value] if isinstance(value, str) else value))
    return f"{name}={_term(value, _TERMS.get(name))}"


def moment(text: str) -> str:
    """An instant in UTC with milliseconds; what is finer is rounded, halves up."""
    micro = datetime.fromisoformat(text).microsecond % 1000
    at = instant(text) + (1 if micro >= 500 else 0)
    found = datetime.fromtimestamp(at // 1000, UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def _quantity(element: Mapping[str, Any]) -> str:
    parts = [f"quantityElementepcClass={_text(element['epcClass'])}"]
    if "quantity" in element:
        parts.append(f"quantity={plain(Decimal(element['quantity']))}")
    if "uom" in element:
        parts.append(f"uom={_text(element['uom'])}")
    return "".join(parts)


def _pair(element: Mapping[str, str], name: str, prefix: str) -> str:
    kind = f"type={_term(element['type'], prefix)}" if "type" in element else ""
    return f"{kind}{name}={_text(element[name])}"


def _term(value: str, prefix: str | None) -> str:
    """A word of the standard as its full address; an address stays as it is."""
    word = _text(value)
    return word if prefix is None or ":" in word else f"{_CBV}{prefix}{word}"


def _text(value: str) -> str:
    return value.strip()


def _sorted(parts: Iterable[str]) -> str:
    return "".join(sorted(parts))


def _named(content: str) -> str:
    return f"ni:///sha-256;{hashlib.sha256(content.encode()).hexdigest()}"
