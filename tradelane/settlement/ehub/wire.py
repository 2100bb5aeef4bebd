"""The messages between an e-hub and its clients: what is sent, and what is answered.

Amounts are decimal strings with at most nine decimals, times ISO 8601 with an offset; both become integers
exactly or are refused, naming the field. Questions refuse unknown fields; answers may grow.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tradelane.market.units import Money, decimal
from tradelane.settlement.ehub.fields import (
    Currency,
    Id,
    Instant,
    Name,
    PositiveValue,
    Text,
    Value,
)
from tradelane.settlement.ledger import Transfer

MOST_TRANSFERS = 10_000
T = TypeVar("T")


class Amount(BaseModel):
    """Any amount; signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Currency
    value: Value

    @property
    def money(self) -> Money:
        return Money.parse(self.value, self.currency)


class PositiveAmount(Amount):
    value: PositiveValue


class Total(BaseModel):
    """A balance or sum in an answer: as Amount, but of any size."""

    currency: str
    value: str

    @classmethod
    def of(cls, nano: int, currency: str) -> Total:
        return cls(currency=currency, value=str(Money(nano, currency)))

    @property
    def money(self) -> Money:
        return Money.parse(self.value, self.currency)


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenAccount(Question):
    """``limit`` is the lowest balance allowed, zero or below; null means none (not for members)."""

    account: Id
    owner: Name
    currency: Currency
    limit: Value | None = "0"

    @field_validator("limit")
    @classmethod
    def _not_above_zero(cls, limit: str | None) -> str | None:
        if limit is not None and decimal(limit) > 0:
            raise ValueError("must be zero or below, or null for no limit")
        return limit


class Deposit(Question):
    """Test money from ``issuer:<currency>``."""

    account: Id
    amount: PositiveAmount


class Reserve(Question):
    """At ``expires_at`` the hub gives the money back by itself."""

    reservation: Id
    account: Id
    amount: PositiveAmount
    contract: Id
    expires_at: Instant | None = None


class Leg(Question):
    """One transfer of a settlement."""

    source: Id
    target: Id
    amount: PositiveAmount
    kind: Name
    memo: Text = ""

    def transfer(self, id: str) -> Transfer:
        return Transfer(id, self.source, self.target, self.amount.money, self.kind, self.memo)


class Settle(Question):
    """All transfers in one commit; what is left of the reservation is released."""

    settlement: Id
    reservation: Id | None
    contract: Id
    transfers: Annotated[list[Leg], Field(max_length=MOST_TRANSFERS)]


class Release(Question):
    """The body of a release: empty."""


class AccountState(BaseModel):
    account: str
    owner: str
    currency: str
    posted: str
    held: str
    available: str
    limit: str | None


class DepositState(BaseModel):
    deposit: str
    account: str
    amount: Total
    at: str


class ReservationStatus(StrEnum):
    """reserved, then either settled or released."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


class ReservationState(BaseModel):
    reservation: str
    account: str
    amount: Total
    contract: str
    state: ReservationStatus
    at: str
    expires_at: str | None
    closed_at: str | None


class SettlementState(BaseModel):
    """``drawn`` was taken from the reservation, ``released`` went back; ``receipts`` are their ids."""

    settlement: str
    contract: str
    reservation: str | None
    transfers: list[str]
    drawn: Total | None
    released: Total | None
    receipts: list[str]
    at: str


class TransferState(BaseModel):
    """A posted transfer; ``hash`` chains it to the one before."""

    seq: int
    transfer: str
    settlement: str | None
    contract: str | None
    source: str
    target: str
    amount: Total
    kind: str
    memo: str
    at: str
    hash: str


class ReceiptLine(BaseModel):
    """``amount`` is signed: received is positive, paid negative."""

    kind: str
    amount: Total
    counterparty: str
    memo: str


class Receipt(BaseModel):
    """What one settlement did to one member's account. ``policy``: which of the platform's rules applied to
    what it was paid. ``hash`` is over all fields but seq and itself, and those that are null."""

    seq: int
    receipt: str
    account: str
    settlement: str
    contract: str
    lines: list[ReceiptLine]
    total: Total
    policy: str | None = None
    at: str
    hash: str


class CurrencyBalance(BaseModel):
    """``sum`` of every account in the currency: "0", always."""

    currency: str
    sum: str
    held: str
    accounts: int


class TrialBalance(BaseModel):
    balanced: bool
    currencies: list[CurrencyBalance]
    transfers: int
    head: str


class ChainCheck(BaseModel):
    """``broken`` is the number of the first transfer that does not fit, ``reason`` why; null when all do."""

    ok: bool
    transfers: int
    head: str
    broken: int | None
    reason: str | None


class Page(BaseModel, Generic[T]):
    """Ask again with ``after=next`` for what follows; null at the end."""

    items: list[T]
    next: str | None
