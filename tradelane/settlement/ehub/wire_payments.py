"""Messages of the facade for gateways and phones, named after Open Payments 1.1 where it has a name.

Unlike the e-hub's other messages: names in camelCase, resources named by their URL, and amounts as whole
numbers of 10⁻⁹ of a currency (``assetScale`` 9), as text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from tradelane.market.units import NANO, Money
from tradelane.settlement.conversion import GREATEST_MID_NANO, MOST_SPREAD_PPM
from tradelane.settlement.ehub.fields import (
    GREATEST_AMOUNT,
    NO_CURRENCY,
    Currency,
    Instant,
    Name,
    PositiveValue,
    Text,
)

LONGEST_PLACE = 500
MOST_METADATA = 20
LONGEST_WAIT_S = 60
Scale = Annotated[Literal[9], Field(description="nano-units")]
Place = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$", max_length=LONGEST_PLACE)]
"""The URL of a resource of this hub, or what stands in it after the last slash."""
Metadata = Annotated[dict[Name, Text], Field(max_length=MOST_METADATA)]


def _whole(value: str) -> str:
    if int(value) > GREATEST_AMOUNT * NANO:
        raise ValueError(f"at most {GREATEST_AMOUNT * NANO}")
    return value


def _text(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("write it as text: the number of nano-units in digits")
    return value


def _mid(value: str) -> str:
    if Money.parse(value, NO_CURRENCY).nano > GREATEST_MID_NANO:
        raise ValueError(f"at most {GREATEST_MID_NANO // NANO}")
    return value


Nano = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[1-9][0-9]{0,18}$"), AfterValidator(_whole)]
Mid = Annotated[PositiveValue, AfterValidator(_mid)]
Ppm = Annotated[int, Field(ge=0, le=MOST_SPREAD_PPM, strict=True)]


class Camel(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        frozen=True,
    )


class Asked(Camel):
    model_config = ConfigDict(extra="forbid")


class Paid(Asked):
    """An amount in a question: above zero."""

    value: Nano
    asset_code: Currency
    asset_scale: Scale

    @property
    def money(self) -> Money:
        return Money(int(self.value), self.asset_code)


class Shown(Camel):
    """An amount in an answer."""

    value: str
    asset_code: str
    asset_scale: Scale = 9

    @classmethod
    def of(cls, nano: int, currency: str) -> Shown:
        return cls(value=str(nano), asset_code=currency)


class WalletAddress(Camel):
    """``authServer`` is left out: members sign their requests, nobody grants them anything."""

    id: str
    asset_code: str
    asset_scale: Scale = 9
    resource_server: str


class Wallet(WalletAddress):
    """As its owner sees it; below zero it owes."""

    balance: str
    available: str


class AskQuote(Asked):
    """Give one of the two amounts, or none where ``receiver`` is an incoming payment that says it."""

    wallet_address: Place
    receiver: Place
    debit_amount: Paid | None = None
    receive_amount: Paid | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> AskQuote:
        if self.debit_amount is not None and self.receive_amount is not None:
            raise ValueError("debitAmount or receiveAmount, not both")
        return self


class Conditions(Camel):
    """One unit of what is debited is ``mid`` of what is received; ``spread`` is what ``spreadPpm`` cost."""

    mid: str
    spread_ppm: int
    spread: Shown


class Quote(Camel):
    """``rate`` is null within one currency. The fee is part of ``debitAmount``."""

    id: str
    wallet_address: str
    receiver: str
    debit_amount: Shown
    receive_amount: Shown
    fee: Shown
    rate: Conditions | None
    created_at: str
    expires_at: str


class AskIncoming(Asked):
    """Without ``incomingAmount`` any amount; without ``expiresAt`` at any time."""

    wallet_address: Place
    incoming_amount: Paid | None = None
    expires_at: Instant | None = None
    metadata: Metadata = Field(default_factory=dict)


class Incoming(Camel):
    id: str
    wallet_address: str
    completed: bool
    incoming_amount: Shown | None
    received_amount: Shown
    expires_at: str | None
    metadata: dict[str, str]
    created_at: str
    completed_at: str | None


class Complete(Asked):
    """The body of a completion: empty."""


class AskOutgoing(Asked):
    wallet_address: Place
    quote_id: Place
    metadata: Metadata = Field(default_factory=dict)


class Outgoing(Camel):
    """A payment that was made: there are no others. ``receipts`` are the names of both sides' receipts."""

    id: str
    wallet_address: str
    quote_id: str
    failed: Literal[False] = False
    receiver: str
    debit_amount: Shown
    receive_amount: Shown
    sent_amount: Shown
    fee: Shown
    metadata: dict[str, str]
    created_at: str


class PostRate(Asked):
    """For one unit of ``sell`` the desk's middle rate is ``mid`` units of ``buy``."""

    sell: Currency
    buy: Currency
    mid: Mid
    spread_ppm: Ppm
    valid_until: Instant

    @model_validator(mode="after")
    def _two_currencies(self) -> PostRate:
        if self.sell == self.buy:
            raise ValueError("sell and buy are two currencies")
        return self


class RateState(Camel):
    sell: str
    buy: str
    mid: str
    spread_ppm: int
    valid_until: str
    created_at: str


class AskWebhook(Asked):
    url: Annotated[str, Field(min_length=1, max_length=2000)]


class Webhook(Camel):
    """``delivered`` is the number of the last event that was taken; ``disabledAt`` when the hub gave up, and
    ``reason`` why."""

    id: str
    url: str
    created_at: str
    delivered: int
    failing_since: str | None
    disabled_at: str | None
    reason: str | None


class NewWebhook(Webhook):
    """With the secret its signatures are made with, said only here."""

    secret: str


class Page(Camel):
    """``next``: ask again with ``after`` set to it; null at the end."""

    next: str | None


class Wallets(Camel):
    result: list[Wallet]


class Incomings(Page):
    result: list[Incoming]


class Outgoings(Page):
    result: list[Outgoing]


class Rates(Camel):
    result: list[RateState]


class Webhooks(Camel):
    result: list[Webhook]
