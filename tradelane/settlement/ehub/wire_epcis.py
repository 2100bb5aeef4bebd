"""EPCIS 2.0 documents as the e-hub takes them: the part of the standard's schema that shipments need.

Our own words for GS1's JSON Schema: ObjectEvents, in the standard's vocabulary or another's as URIs, with
extensions (``prefix:name``). What this takes, that schema takes too; what shipments do not need is refused.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tradelane.settlement.cbv import DISPOSITIONS, PARTIES, TRANSACTIONS
from tradelane.settlement.epcis import BIZ_STEPS

MOST_EVENTS = 500
"""In one document."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_OF_THE_STANDARD = re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/")


def _uri(text: str) -> str:
    if not _is_uri(text):
        raise ValueError("is not a URI")
    return text


def _is_uri(text: str) -> bool:
    return bool(_URI.fullmatch(text)) and text.count("#") <= 1


def _date_time(text: str) -> str:
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("write it as 2026-06-21T10:15:00+02:00")
    moment = datetime.fromisoformat(text)
    if not 1971 <= moment.year <= 9998:
        raise ValueError("is out of range")
    return text


def _word(words: frozenset[str]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in words and (_OF_THE_STANDARD.match(text) or not _is_uri(text)):
            raise ValueError("is neither a word of the standard nor a URI of another vocabulary")
        return text

    return AfterValidator(check)


def _unlike(items: list[str]) -> list[str]:
    if len(set(items)) < len(items):
        raise ValueError("names one twice")
    return items


def _positive(number: Decimal) -> Decimal:
    if number <= 0:
        raise ValueError("must be greater than zero")
    return number


def _each_once(items: list[Any]) -> list[Any]:
    if any(item in items[:n] for n, item in enumerate(items)):
        raise ValueError("names the same twice")
    return items


Uri = Annotated[str, Field(max_length=500), AfterValidator(_uri)]
DateTime = Annotated[str, Field(max_length=40), AfterValidator(_date_time)]
Offset = Annotated[str, Field(pattern=r"^[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)$")]
Uom = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,3}$")]
Version = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){0,3}$")]
BizStep = Annotated[str, Field(max_length=500), _word(BIZ_STEPS)]
Disposition = Annotated[str, Field(max_length=500), _word(DISPOSITIONS)]
Context = Uri | dict[str, Any] | Annotated[list[Uri | dict[str, Any]], AfterValidator(_each_once)]
Items = Field(max_length=1000)


class Exact(BaseModel):
    """Only the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Extensible(BaseModel):
    """Fields of other vocabularies too, by their URI or ``prefix:name``."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    @model_validator(mode="after")
    def _extensions_are_uris(self) -> Extensible:
        for field in self.model_extra or {}:
            if not _is_uri(field):
                raise ValueError(f"{field[:80]!r} is no field of this, nor of another vocabulary")
        return self


class Place(Extensible):
    id: Uri


class QuantityElement(Exact):
    epc_class: Uri = Field(alias="epcClass")
    quantity: Annotated[Decimal, AfterValidator(_positive)] | None = None
    uom: Uom | None = None


class BizTransaction(Exact):
    type: Annotated[str, _word(TRANSACTIONS)] | None = None
    biz_transaction: Uri = Field(alias="bizTransaction")


class Source(Exact):
    type: Annotated[str, _word(PARTIES)]
    source: Uri


class Destination(Exact):
    type: Annotated[str, _word(PARTIES)]
    destination: Uri


class ObjectEvent(Extensible):
    """What happened to objects. ``recordTime`` is the hub's to say: one that is sent counts for nothing."""

    context: Context | None = Field(default=None, alias="@context")
    type: Literal["ObjectEvent"]
    event_time: DateTime = Field(alias="eventTime")
    offset: Offset = Field(alias="eventTimeZoneOffset")
    event_id: Uri | None = Field(default=None, alias="eventID")
    record_time: DateTime | None = Field(default=None, alias="recordTime")
    epcs: Annotated[list[Uri], Items, AfterValidator(_unlike)] = Field(alias="epcList")
    quantities: Annotated[list[QuantityElement], Items] | None = Field(default=None, alias="quantityList")
    action: Literal["OBSERVE", "ADD", "DELETE"]
    biz_step: BizStep | None = Field(default=None, alias="bizStep")
    disposition: Disposition | None = None
    read_point: Place | None = Field(default=None, alias="readPoint")
    biz_location: Place | None = Field(default=None, alias="bizLocation")
    transactions: Annotated[list[BizTransaction], Items] | None = Field(
        default=None, alias="bizTransactionList"
    )
    sources: Annotated[list[Source], Items] | None = Field(default=None, alias="sourceList")
    destinations: Annotated[list[Destination], Items] | None = Field(default=None, alias="destinationList")

    @model_validator(mode="after")
    def _nothing_is_null(self) -> ObjectEvent:
        empty = [field for field in self.model_fields_set if getattr(self, field) is None]
        if empty:
            raise ValueError("a field that is not known is left out, not null")
        return self


class EventList(Exact):
    event_list: Annotated[list[ObjectEvent], Field(min_length=1, max_length=MOST_EVENTS)] = Field(
        alias="eventList"
    )


class EpcisDocument(Exact):
    """Events to be captured, all or none."""

    context: Context = Field(alias="@context")
    id: Uri | None = None
    type: Literal["EPCISDocument"]
    schema_version: Version = Field(alias="schemaVersion")
    creation_date: DateTime = Field(alias="creationDate")
    instance_identifier: str | None = Field(default=None, alias="instanceIdentifier")
    sender: str | None = None
    receiver: str | None = None
    body: EventList = Field(alias="epcisBody")


class CaptureJob(BaseModel):
    """What became of a captured document; ``errors`` are problems, whose fields name the event."""

    capture_id: str = Field(serialization_alias="captureID")
    created_at: str = Field(serialization_alias="createdAt")
    finished_at: str = Field(serialization_alias="finishedAt")
    running: bool
    success: bool
    behaviour: str = Field(serialization_alias="captureErrorBehaviour")
    errors: list[dict[str, Any]]
