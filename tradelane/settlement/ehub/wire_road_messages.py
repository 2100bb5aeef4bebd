"""What hubs say to each other on the e-road: numbered messages in signed envelopes.

``kind`` names a message; its body is one of the models here. Unknown kinds and wrong bodies are refused by
number, in the answer; the messages after them still count.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tradelane.settlement.ehub.fields import Currency, Id, Instant, Text, Value
from tradelane.settlement.ehub.wire import PositiveAmount, Question
from tradelane.settlement.ehub.wire_road import Base64Of32, EntryState, HubName, SumValue, WindowReport
from tradelane.settlement.road import AmountType, Release

MOST_MESSAGES = 100
"""In one envelope."""
Number = Annotated[int, Field(ge=1, le=2**62, strict=True)]
Window = Annotated[int, Field(ge=0, le=2**62, strict=True)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Message(Question):
    number: Number
    kind: Annotated[str, Field(pattern="^[a-z-]{1,32}$")]
    body: dict[str, Any]


class Envelope(Question):
    """Messages of ``sender``, numbered without gaps. ``to`` keeps it from being played to another hub."""

    sender: HubName
    to: HubName
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]


class ErrorInformation(Question):
    """FSPIOP's, in our spelling."""

    error_code: Annotated[str, Field(pattern="^[1-9][0-9]{3}$")]
    error_description: Text


class RefusedMessage(BaseModel):
    number: Number
    error: ErrorInformation


class Receipt(BaseModel):
    """Durable up to ``received``; less than was sent means: go on after it. ``refused`` are those of the
    envelope that had no effect, the same however often they are sent."""

    received: Annotated[int, Field(ge=0, le=2**62)]
    refused: list[RefusedMessage] = []


class Hello(Question):
    """The first message: windows up to ``closed`` have no entries."""

    closed: Window


class Quote(Question):
    """``currency`` is the payer's."""

    quote: Id
    currency: Currency
    payee: Id
    amount: PositiveAmount
    amount_type: AmountType


class Quoted(Question):
    """The peer's price, good until ``expiration`` for one payment under ``condition``."""

    quote: Id
    send: PositiveAmount
    fee: Value
    receive: PositiveAmount
    spread_ppm: Annotated[int, Field(ge=0)]
    condition: Base64Of32
    expiration: Instant


class QuoteRefused(Question):
    quote: Id
    error: ErrorInformation


class Prepare(Question):
    transfer: Id
    quote: Id
    expiration: Instant
    release: Release
    memo: Text = ""


class Fulfil(Question):
    """Committed: entry ``number`` of what the sender committed, in its ``window``."""

    transfer: Id
    fulfilment: Base64Of32
    window: Window
    number: Number
    completed: Instant


class Abort(Question):
    """Nothing was moved, and nothing will be."""

    transfer: Id
    error: ErrorInformation


class Ask(Question):
    """How did it end? Asked when the payer's time is over."""

    transfer: Id


class CopyOf(Question):
    """A record of the sender's as it now is."""

    kind: Annotated[str, Field(pattern="^(declaration|shipment)$")]
    id: Id
    body: dict[str, Any]


class Close(Question):
    """Nothing more of the sender's is in a window up to ``through``."""

    through: Window


class Reported(Question):
    window: Window
    report: WindowReport


class Compare(Question):
    """Part of the sender's chain of a disputed window (``road_window.Probe``)."""

    window: Window
    start: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=1)]
    end: Annotated[int, Field(ge=0)]
    hashes: Annotated[list[Hash], Field(max_length=64)]


class Differs(Question):
    """The sender's side of the first different entry; null where its list has ended."""

    window: Window
    place: Annotated[int, Field(ge=0)]
    entry: EntryState | None


class Net(Question):
    """What the sender owes ``peer``, by both their word."""

    peer: HubName
    currency: Currency
    net: SumValue


class Positions(Question):
    """All that the sender owes or is owed within its netting group for a window."""

    window: Window
    group: Annotated[list[HubName], Field(min_length=2, max_length=64)]
    nets: Annotated[list[Net], Field(max_length=10_000)]
