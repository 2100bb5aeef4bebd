"""Messages of the e-road: what operators and zones ask of their hub, and what it tells them.

Names are FSPIOP's where it has them (quote, transfer, condition, fulfilment, its states and error numbers);
amounts are as everywhere here, in nine decimals: energy payments have them, and four would leave dust.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tradelane.settlement.ehub.fields import Currency, Id, Instant, Text
from tradelane.settlement.ehub.wire import PositiveAmount, Question, Total
from tradelane.settlement.fspiop_states import TransferState
from tradelane.settlement.road import AmountType, QuoteState, Release
from tradelane.settlement.road_window import WindowState

HubName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
"""As FSPIOP's FspId, without a colon: it stands in account names."""
Base64Of32 = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""32 bytes as base64url without padding: a key, a thumbprint, a condition, a fulfilment."""
Place = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:>-]{0,63}$")]
RoadUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$", max_length=2000)]
SumValue = Annotated[str, Field(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,9})?$")]
"""A sum of amounts, which may be larger than any one message's."""
MOST_PLACES = 300
LONGEST_WINDOW_MS = 31 * 86_400_000


class Jwk(Question):
    """An Ed25519 public key (RFC 8037)."""

    kty: Annotated[str, Field(pattern="^OKP$")] = "OKP"
    crv: Annotated[str, Field(pattern="^Ed25519$")] = "Ed25519"
    x: Base64Of32


class HubDocument(Question):
    """Who a hub is. ``signature`` is its key's, over the canonical JSON of all other fields."""

    name: HubName
    key: Jwk
    road: RoadUrl
    currencies: Annotated[list[Currency], Field(max_length=200)]
    window_ms: Annotated[int, Field(ge=1, le=LONGEST_WINDOW_MS, strict=True)]
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]


class AddPeer(Question):
    """``fingerprint`` is the RFC 7638 thumbprint of the key the peer's document must be signed with.
    ``limits``: the most it may owe here, of each currency (none: nothing). To it goes what is declared for
    ``places``."""

    name: HubName
    url: RoadUrl
    fingerprint: Base64Of32
    limits: Annotated[tuple[PositiveAmount, ...], Field(max_length=200)] = ()
    places: Annotated[tuple[Place, ...], Field(max_length=MOST_PLACES)] = ()


class PeerState(BaseModel):
    """expected → known, or refused or broken with the ``reason``. ``sent`` messages of which it has
    ``acknowledged``, and ``received`` from it; windows ``closed`` here and there, null before any."""

    name: str
    url: str
    fingerprint: str
    state: str
    reason: str | None
    currencies: list[str]
    sent: int
    acknowledged: int
    received: int
    closed: int | None
    peer_closed: int | None


class AskQuote(Question):
    """``amount`` is what ``account`` sends (in its currency) or ``payee`` receives (in its own)."""

    quote: Id
    peer: HubName
    account: Id
    payee: Id
    amount: PositiveAmount
    amount_type: AmountType = AmountType.RECEIVE


class QuoteAnswer(BaseModel):
    """``send`` includes ``fee``; null until the peer has answered. ``error`` is FSPIOP's errorInformation."""

    quote: str
    peer: str
    account: str
    payee: str
    state: QuoteState
    send: Total | None
    fee: Total | None
    receive: Total | None
    spread_ppm: int | None
    expires_at: str | None
    error: dict[str, Any] | None
    at: str


class SendPayment(Question):
    """Pay as quoted. ``release``: whether the payee's hub fulfils at once, or when it is told to."""

    transfer: Id
    quote: Id
    expires_at: Instant
    release: Release = Release.AT_ONCE
    memo: Text = ""


class PaymentState(BaseModel):
    """At either hub: ``outgoing`` at the payer's; at the payee's ``transfer`` begins with the peer's name.
    ``account`` is this hub's member. ``window`` and ``number`` are those of the entry, once committed."""

    transfer: str
    peer: str
    outgoing: bool
    account: str
    state: TransferState
    send: Total
    fee: Total
    receive: Total
    condition: str
    fulfilment: str | None
    expires_at: str
    window: int | None
    number: int | None
    error: dict[str, Any] | None
    memo: str
    at: str
    completed_at: str | None


class EndPayment(Question):
    """The body of a fulfilment or a rejection: a reason, for a rejection."""

    reason: Text = ""


class Copy(BaseModel):
    """What a peer has recorded: a declaration, or a shipment with its events, as its own API shows it."""

    peer: str
    id: str
    at: str
    body: dict[str, Any]


class SumState(BaseModel):
    """``net``: what this hub (or the peer) owes the other for the window; ``owed``: for all so far, by its
    own account."""

    currency: Currency
    entries: Annotated[int, Field(ge=0)]
    net: SumValue
    owed: SumValue


class WindowReport(BaseModel):
    entries: Annotated[int, Field(ge=0)]
    head: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    sums: Annotated[list[SumState], Field(max_length=1000)]


class Moved(Question):
    """What the journal says was moved; nothing, where it has no such line."""

    currency: Currency
    value: SumValue


class EntryState(Question):
    by: HubName
    number: Annotated[int, Field(ge=1)]
    transfer: Id
    payer: HubName
    amount: Moved


class Difference(BaseModel):
    """The first entry that differs: its ``place`` in the window (from 0), and the two sides of it. A balance
    that differs though every entry is the same names its ``currency``."""

    place: int | None = None
    mine: EntryState | None = None
    theirs: EntryState | None = None
    currency: str | None = None


class WindowAnswer(BaseModel):
    peer: str
    window: int
    start: str
    end: str
    state: WindowState
    mine: WindowReport
    theirs: WindowReport | None
    difference: Difference | None


class Recheck(Question):
    peer: HubName
    window: Annotated[int, Field(ge=0, le=2**62)]
