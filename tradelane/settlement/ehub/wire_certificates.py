"""Messages about certificates of origin, with EnergyTag's names. Quantities are Wh, one certificate each."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from tradelane.settlement.certificate import Action, EnergySource, Range, Status
from tradelane.settlement.ehub.fields import Country, Id, Instant, Name, Sha256
from tradelane.settlement.ehub.wire import Question
from tradelane.settlement.ehub.wire_members import MemberId

GREATEST = 10**15
DeviceId = Annotated[Id, Field(max_length=100)]
Number = Annotated[int, Field(ge=1, le=GREATEST, strict=True)]
Word = Annotated[Name, Field(max_length=40)]


class RegisterDevice(Question):
    """A meter of what its owner makes; ``capacity_w`` is the most power it can have."""

    device_id: DeviceId
    account_id: MemberId
    energy_source: EnergySource = EnergySource.SOLAR
    capacity_w: Annotated[int, Field(ge=1, le=10**10, strict=True)]
    country: Country


class DeviceState(BaseModel):
    device_id: str
    account_id: str
    energy_source: EnergySource
    capacity_w: int
    country: str
    issued: int
    """Certificates numbered so far."""
    at: str


class ReportProduction(Question):
    """An interval of a device, signed by its owner. ``head`` is the hash of the newest sealed reading,
    ``head_seq`` its number, ``head_signature`` the owner's key's over it, hexadecimal."""

    device_id: DeviceId
    production_starting_interval: Instant
    production_ending_interval: Instant
    quantity: Annotated[int, Field(ge=0, le=10**10, strict=True)]
    quality: Word
    head: Sha256
    head_seq: Annotated[int, Field(ge=1, le=2**62, strict=True)]
    head_signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class Issuance(BaseModel):
    """What was issued for an interval; the range is null where that is nothing."""

    issuance_id: str
    account_id: str
    device_id: str
    energy_source: EnergySource
    production_starting_interval: str
    production_ending_interval: str
    quantity: int
    bundle_id_range_start: int | None
    bundle_id_range_end: int | None
    issued_at: str
    corrected_at: str | None


class Wanted(Question):
    """Certificates of one issuance, by their numbers."""

    issuance_id: Id
    bundle_id_range_start: Number
    bundle_id_range_end: Number

    @model_validator(mode="after")
    def _ends_behind_its_start(self) -> Wanted:
        if self.bundle_id_range_end < self.bundle_id_range_start:
            raise ValueError("the range ends before it starts")
        return self

    @property
    def range(self) -> Range:
        return Range(self.bundle_id_range_start, self.bundle_id_range_end)


class TransferCertificates(Wanted):
    target_id: MemberId


class CancelCertificates(Wanted):
    """Used up, for good: ``beneficiary`` is who may say that it used this energy, ``purpose`` what for."""

    beneficiary: Annotated[Name, Field(max_length=120)]
    purpose: Annotated[Name, Field(max_length=200)]


class CertificateBundle(BaseModel):
    """``quantity`` = end − start + 1."""

    account_id: str
    device_id: str
    issuance_id: str
    certificate_status: Status
    energy_carrier: str = "electricity"
    energy_source: EnergySource
    country_of_issuance: str
    production_starting_interval: str
    production_ending_interval: str
    bundle_id_range_start: int
    bundle_id_range_end: int
    quantity: int
    beneficiary: str | None
    purpose: str | None
    cancelled_at: str | None


class CertificateAction(BaseModel):
    """What happened to certificates, and never changes: ``source_id`` null at an issue, ``target_id`` where
    nobody has them afterwards."""

    action_id: int
    action_type: Action
    issuance_id: str
    device_id: str
    bundle_id_range_start: int
    bundle_id_range_end: int
    quantity: int
    source_id: str | None
    target_id: str | None
    beneficiary: str | None
    purpose: str | None
    at: str
