"""Messages about goods at the border: what a consignment will cost there, and its declaration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from tradelane.settlement.customs import Channel
from tradelane.settlement.declaration import Event, State
from tradelane.settlement.ehub.fields import (
    Country,
    Currency,
    HsCode,
    Id,
    Name,
    NotNegativeValue,
    PositiveValue,
    Quantity,
    Sha256,
    Text,
)
from tradelane.settlement.ehub.wire import Amount, PositiveAmount, Question, Total
from tradelane.settlement.landed import Incoterm

GREATEST_DUTY_PPM = 10_000_000
MOST_ITEMS = 1_000_000
DutyPpm = Annotated[int, Field(ge=0, le=GREATEST_DUTY_PPM, strict=True)]
DeclarationId = Annotated[Id, Field(max_length=160)]
"""Shorter than other ids: what is charged is named after it."""
Items = Annotated[int, Field(ge=1, le=MOST_ITEMS, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Freight(Amount):
    value: NotNegativeValue


class Facts(Question):
    """What duty and import tax hang on. ``value`` by the Incoterm; ``freight`` none: there is none, or the
    price holds it. ``rates``: worth of one unit of each currency in any common unit. ``duty_ppm`` is the
    lane's own duty, on ``value``: then no tariff table is followed, and nothing is charged here."""

    hs_code: HsCode
    origin: Country
    destination: Country
    value: PositiveAmount
    freight: Freight | None = None
    incoterm: Incoterm = Incoterm.FCA
    items: Items = 1
    preference: Flag = False
    business: Flag = False
    rates: dict[Currency, PositiveValue] = Field(default_factory=dict, max_length=20)
    duty_ppm: DutyPpm | None = None


class Assess(Facts):
    """A landed price, to be kept and referred to by its name ``assessment``."""

    assessment: Id


class Declare(Facts):
    """``payer`` is charged at release, out of ``reservation`` if there is one; without a payer nothing is.
    With an ``assessment`` the charge is what that said, or the declaration is refused."""

    declaration: DeclarationId
    contract: Id
    quantity: Quantity
    unit: Name
    weight_kg: Quantity | None = None
    consignor: Name | None = None
    consignee: Name | None = None
    payer: Id | None = None
    reservation: Id | None = None
    assessment: Id | None = None

    @model_validator(mode="after")
    def _a_reservation_has_its_payer(self) -> Declare:
        if self.reservation is not None and self.payer is None:
            raise ValueError("a reservation needs the payer whose money it holds")
        return self


class Amend(Question):
    """What is given replaces what was declared; ``reason`` is for people."""

    reason: Name
    hs_code: HsCode | None = None
    origin: Country | None = None
    value: PositiveAmount | None = None
    freight: Freight | None = None
    items: Items | None = None
    preference: Flag | None = None
    quantity: Quantity | None = None
    weight_kg: Quantity | None = None
    assessment: Id | None = None


class GiveDocument(Question):
    """A paper that customs asked for, by its ``name``; ``sha256`` of its file, in hex."""

    name: Name
    sha256: Sha256
    reference: Text = ""


class Decide(Question):
    """What the office has to say when it releases, holds or invalidates."""

    note: Text = ""


class AssessedLine(BaseModel):
    """``rate_ppm`` of ``base``; null when the amount is flat or nothing. ``collected``: at import, at sale,
    own return, or at settlement; only the first two are charged by customs."""

    kind: str
    amount: Total
    base: Total
    rate_ppm: int | None
    rule: str
    source: str
    verified: bool
    collected: str


class Figures(BaseModel):
    """All in the destination's currency; ``total`` is the sum. ``duty`` and ``tax`` are what is charged."""

    price: Total
    freight: Total
    lines: list[AssessedLine]
    total: Total
    duty: Total
    tax: Total


class AssessmentAnswer(Figures):
    assessment: str
    at: str
    expires_at: str


class DocumentAsked(BaseModel):
    """``sha256`` null: not given yet."""

    name: str
    sha256: str | None
    reference: str | None


class DeclarationStep(BaseModel):
    """``event`` null: it was lodged."""

    event: Event | None
    state: State
    note: str
    at: str


class DeclarationAnswer(BaseModel):
    """``duty`` and ``duty_ppm`` are as assessed, ``tax`` too; ``charged`` is what was taken so far. ``goods``
    is what the official list says of the code, where one was loaded."""

    declaration: str
    contract: str
    hs_code: str
    goods: str | None = None
    origin: str
    destination: str
    quantity: str
    unit: str
    weight_kg: str | None
    consignor: str | None
    consignee: str | None
    incoterm: Incoterm
    value: Total
    duty_ppm: int
    duty: Total
    tax: Total
    lines: list[AssessedLine]
    payer: str | None
    charged: Total
    assessment: str | None
    channel: Channel
    risk_rule: str
    documents: list[DocumentAsked]
    state: State
    version: int
    steps: list[DeclarationStep]
    at: str
