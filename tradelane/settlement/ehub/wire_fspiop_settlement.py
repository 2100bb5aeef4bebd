"""Messages of the switch's settlement windows and settlements (Mojaloop's Central Settlements 2.0)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from tradelane.settlement.ehub.fields import Currency, Instant, Name, Text

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Windows, settlements, participants and their accounts go by number here."""
WindowState = Literal["OPEN", "CLOSED", "PENDING_SETTLEMENT", "SETTLED", "ABORTED"]
AccountStep = Literal[
    "PENDING_SETTLEMENT",
    "PS_TRANSFERS_RECORDED",
    "PS_TRANSFERS_RESERVED",
    "PS_TRANSFERS_COMMITTED",
    "SETTLED",
]
State = Literal[AccountStep, "SETTLING", "ABORTED"]
Exact = Annotated[Decimal, WithJsonSchema({"type": "number"})]


class Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class CloseWindow(Asked):
    state: Literal["CLOSED"]
    reason: Name


class FindWindows(Asked):
    participant_id: Number | None = None
    state: WindowState | None = None
    currency: Currency | None = None
    from_date_time: Instant | None = None
    to_date_time: Instant | None = None


class WindowNumber(Asked):
    id: Number


class CreateSettlement(Asked):
    """``settlement_model``: what each owes or is owed in the end, in all currencies of the windows."""

    settlement_model: Literal["DEFERREDNET"]
    reason: Name
    settlement_windows: Annotated[list[WindowNumber], Field(min_length=1, max_length=1000)]


class FindSettlements(Asked):
    participant_id: Number | None = None
    account_id: Number | None = None
    settlement_window_id: Number | None = None
    state: State | None = None
    currency: Currency | None = None
    from_date_time: Instant | None = None
    to_date_time: Instant | None = None
    from_settlement_window_date_time: Instant | None = None
    to_settlement_window_date_time: Instant | None = None


class AccountUpdate(Asked):
    id: Number
    state: AccountStep
    reason: Text = ""
    external_reference: Text = ""


class ParticipantUpdate(Asked):
    id: Number
    accounts: Annotated[list[AccountUpdate], Field(min_length=1, max_length=200)]


class UpdateSettlement(Asked):
    """Either its accounts go on, or all of it is aborted."""

    state: Literal["ABORTED"] | None = None
    reason: Text = ""
    external_reference: Text = ""
    participants: Annotated[list[ParticipantUpdate], Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> UpdateSettlement:
        if (self.state is None) == (self.participants is None):
            raise ValueError("either participants, or the state ABORTED")
        return self


class WindowContent(Told):
    """The part of a window in one currency."""

    id: int
    state: WindowState
    ledger_account_type: Literal["POSITION"] = "POSITION"
    currency_id: str
    created_date: str
    changed_date: str | None = None
    settlement_id: int | None = None


class SwitchWindow(Told):
    id: int
    state: WindowState
    reason: str | None = None
    created_date: str
    changed_date: str | None = None
    content: list[WindowContent]


class NetAmount(Told):
    """What a participant owes in the end; below zero it is owed."""

    amount: Exact
    currency: str


class SettledAccount(Told):
    id: int
    state: State
    reason: str
    external_reference: str
    net_settlement_amount: NetAmount


class SettledParticipant(Told):
    """``name`` is the participant's in FSPIOP."""

    id: int
    name: str
    accounts: list[SettledAccount]


class SwitchSettlement(Told):
    id: int
    state: State
    reason: str
    created_date: str
    changed_date: str
    settlement_windows: list[SwitchWindow]
    participants: list[SettledParticipant]
