"""Messages about what is looked into: disputes of contracts, and inspections of goods."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from tradelane.market.units import PPM
from tradelane.settlement.contract import State as ContractState
from tradelane.settlement.dispute import Outcome
from tradelane.settlement.ehub.fields import Id, Name, Sha256, Text
from tradelane.settlement.ehub.wire import MOST_TRANSFERS, Leg, Question
from tradelane.settlement.inspection import Event, State

Ppm = Annotated[int, Field(ge=1, le=PPM, strict=True)]
InspectionId = Annotated[Id, Field(max_length=160)]
Person = Annotated[Name, Field(max_length=120)]


def _day(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("write it as 2026-06-21")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class OpenDispute(Question):
    """``reservation`` holds the buyer's money; without one, that named like the contract."""

    reason: Name
    reservation: Id | None = None


class ResolveDispute(Question):
    """A release pays ``share_ppm`` of each of ``transfers``, which are what full delivery pays, and gives the
    rest back; a refund gives all of it back."""

    outcome: Outcome
    share_ppm: Ppm = PPM
    transfers: list[Leg] = Field(default_factory=list, max_length=MOST_TRANSFERS)
    note: Text = ""

    @model_validator(mode="after")
    def _a_release_pays_somebody(self) -> ResolveDispute:
        if (self.outcome is Outcome.RELEASE) != bool(self.transfers):
            raise ValueError("transfers are paid by a release, and by nothing else")
        if self.outcome is Outcome.REFUND and self.share_ppm != PPM:
            raise ValueError("a refund has no share: all goes back")
        return self


class DisputeState(BaseModel):
    """``state`` is the contract's; null until it is decided: ``outcome`` and what follows it."""

    contract: str
    reservation: str
    buyer: str | None
    reason: str
    state: ContractState
    opened_by: str
    opened_at: str
    outcome: Outcome | None
    share_ppm: int | None
    note: str | None
    resolved_by: str | None
    resolved_at: str | None


class OrderInspection(Question):
    """Of a consignment by its declaration, or of a shipment; one of them."""

    inspection: InspectionId
    declaration: Id | None = None
    shipment: Id | None = None
    reason: Name

    @model_validator(mode="after")
    def _of_one_thing(self) -> OrderInspection:
        if (self.declaration is None) == (self.shipment is None):
            raise ValueError("an inspection is of a declaration or of a shipment")
        return self


class InspectionResult(Question):
    result: Event
    inspector: Person
    remarks: Text = ""

    @model_validator(mode="after")
    def _a_fail_says_why(self) -> InspectionResult:
        if self.result is Event.FAIL and not self.remarks:
            raise ValueError("a fail says why in its remarks")
        return self


class InspectionState(BaseModel):
    """``ordered_by`` is ``customs`` for those of its red channel."""

    inspection: str
    declaration: str
    shipment: str | None
    contract: str
    ordered_by: str
    reason: str
    state: State
    inspector: str | None
    remarks: str | None
    at: str
    ended_at: str | None


class FileDocument(Question):
    """A paper the office has seen. ``subject``: the declaration, contract or consignor (a member) whose goods
    it is for, or the device it calibrates. Its days are both included; ``sha256`` of its file, in hex."""

    document: InspectionId
    kind: Person
    number: Person
    issuer: Person
    subject: Id
    valid_from: Day
    valid_until: Day
    sha256: Sha256

    @model_validator(mode="after")
    def _ends_behind_its_start(self) -> FileDocument:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class DocumentState(BaseModel):
    document: str
    kind: str
    number: str
    issuer: str
    subject: str
    valid_from: str
    valid_until: str
    sha256: str
    at: str
