"""Signed messages from members, checked at the door: orders, cancels and meter statements.

Pure: text and a member's key in, a checked value or a Problem that names the field out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tradelane.gateway import keys
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.order_terms import read_kind, read_price, read_terms, terms_body
from tradelane.gateway.preferences import check_wish, stated
from tradelane.gateway.refusals import refuse, steps
from tradelane.market.order import Order, Refusal, Side, check
from tradelane.market.product import Product
from tradelane.market.terms import PLAIN, Kind, Terms
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.market.wish import NO_WISH, Wish
from tradelane.settlement.problem import Problem

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:>-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=120)]
Energy = Annotated[int, Field(ge=0, le=10**12)]
"""Wh of one meter in one interval."""
Names = Annotated[tuple[Id, ...], Field(max_length=16)]
Wall = Annotated[int, Field(ge=0, lt=2**53)]
ASKED_WITHIN = 60 * MINUTE
"""Market ms between a question and its answer: a market in a hurry has few real seconds to the hour."""
MOST_LOTS = 10**10
"""Lots of one order (power: 10 GWh), so that no handful of orders reaches what an auction can add up."""


class Message(BaseModel):
    """A body signed over the fields sent but ``signature`` (Ed25519 over canonical JSON, base64url)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str

    def signed(self) -> dict[str, Any]:
        return self.model_dump(exclude={"signature"}, exclude_unset=True)


class MemberMessage(Message):
    """A member makes itself known; the signature proves that it holds the key."""

    id: Id
    name: Text
    zone: Id
    public_key: Text


class OrderMessage(Message):
    """``price`` in the zone's currency per unit, ``quantity`` in units, both decimal text.

    For goods: ``kind``; how much of it shows at a time (``display``, units); the instant ``until`` which it
    stands; the price (``trigger``) that has to be traded before it comes. ``read_wall`` is when (Unix ms) the
    meter reading behind the offer was taken. The rest is for power, and only says with whom to trade rather
    than with others: ``partners`` (members) and ``community``; a sell's ``origin``; the ``origins`` a buy
    prefers. Lists begin with the dearest.
    """

    id: Id
    member: Id
    product: Annotated[str, Field(max_length=120)]
    zone: Id
    side: str
    price: str | None = None
    quantity: str
    kind: str = Kind.LIMIT.value
    display: str | None = None
    until: str | None = None
    trigger: str | None = None
    read_wall: Wall | None = None
    community: Id | None = None
    partners: Names = ()
    origin: Id | None = None
    origins: Names = ()


class CancelMessage(Message):
    """Takes the member's own goods order ``id`` off its book."""

    id: Id
    member: Id


class AmendMessage(Message):
    """Gives the member's own goods order ``order`` another ``price`` and another whole ``quantity``, what was
    already filled included. ``id`` is the amendment's own."""

    id: Id
    order: Id
    member: Id
    price: str
    quantity: str


class StatementMessage(Message):
    """What a member's meter counted in one interval, in Wh. ``head`` is the hash of the meter's newest sealed
    reading, ``head_seq`` its number and ``head_signature`` the signature over it, hexadecimal; ``read_wall``
    when (Unix ms) the reading that closed the interval was taken. A correction is of the same form."""

    member: Id
    meter: Id
    start: str
    end: str
    import_wh: Energy
    export_wh: Energy
    quality: Annotated[str, Field(pattern="^(measured|estimated|unknown)$")]
    head: Annotated[str, Field(max_length=128)]
    head_seq: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    head_signature: Annotated[str, Field(pattern="^[0-9a-f]{128}$")] | None = None
    read_wall: Wall | None = None


class MineMessage(Message):
    """A member asks what only it may see; ``at`` is when, so that a question overheard is soon worthless."""

    member: Id
    at: str


def check_signature(message: Message, public_key: str) -> None:
    if not keys.verify(public_key, message.signed(), message.signature):
        refuse(Refusal.WRONG_SIGNATURE)


@dataclass(frozen=True, slots=True)
class Asked:
    """An order in lots and ticks. Its sequence number is 0 until the journal gives one."""

    order: Order
    product: Product
    kind: Kind
    read_wall: int | None
    wish: Wish = NO_WISH
    terms: Terms = PLAIN

    def body(self) -> dict[str, Any]:
        """What the journal keeps of it."""
        o = self.order
        return {
            "id": o.id,
            "member": o.member,
            "product": o.product,
            "zone": o.zone,
            "side": o.side.value,
            "price": o.price,
            "quantity": o.quantity,
            "kind": self.kind.value,
            **terms_body(self.terms),
            **stated(self.wish),
        }


@dataclass(frozen=True, slots=True)
class AskedAmendment:
    """An amendment in ticks and lots."""

    id: str
    order: str
    member: str
    product: Product
    price: int
    quantity: int

    def body(self) -> dict[str, Any]:
        """What the journal keeps of it."""
        names = ("id", "order", "member", "price", "quantity")
        return {"product": self.product.id} | {name: getattr(self, name) for name in names}


def read_order(message: OrderMessage, catalogue: Catalogue) -> Asked:
    """What the message asks for, whether or not it can be taken now."""
    product = catalogue.find(message.product)
    if isinstance(product, Refusal):
        refuse(product)
    if message.side not in set(Side):
        refuse(Refusal.UNKNOWN_SIDE)
    kind, terms = read_kind(message, product), read_terms(message, product)
    price, quantity = read_price(message, product), _quantity(message.quantity, product)
    order = Order(
        message.id, 0, message.member, product.id, message.zone, Side(message.side), price, quantity
    )
    wish = Wish(
        message.member, message.community or "", message.partners, message.origin or "", message.origins
    )
    check_wish(wish, order.side, auction=product.gate is not None)
    return Asked(order, product, kind, message.read_wall, wish, terms)


def read_amendment(message: AmendMessage, product: Product) -> AskedAmendment:
    """What the message asks for, whether or not it can be done now."""
    price = steps(message.price, "price", product.tick, Refusal.OFF_TICK)
    quantity = _quantity(message.quantity, product)
    return AskedAmendment(message.id, message.order, message.member, product, price, quantity)


def _quantity(text: str, product: Product) -> int:
    quantity = steps(text, "quantity", product.lot, Refusal.OFF_LOT)
    if quantity > MOST_LOTS:
        largest = product.quantity_text(MOST_LOTS)
        raise Problem.field(422, "quantity-too-large", "quantity", f"an order is for at most {largest}")
    return quantity


def check_order(asked: Asked, catalogue: Catalogue, now: int) -> None:
    """Refuse what cannot be taken at ``now``."""
    product = asked.product
    if product.gate is None and not catalogue.is_open(product, now):
        refuse(Refusal.UNKNOWN_PRODUCT)
    refusal = check(asked.order, product, catalogue.zones, now)
    refusal = refusal or asked.terms.refusal(asked.kind, product, now)
    if refusal is not None:
        refuse(refusal)


def check_statement(message: StatementMessage, mtu: int, now: int) -> Interval:
    """The market time unit a statement is about; it has to be over."""
    times = {}
    for field in ("start", "end"):
        try:
            times[field] = instant(getattr(message, field))
        except (ValueError, OverflowError):
            raise Problem.field(
                422, "not-an-instant", field, "is an ISO 8601 instant with an offset"
            ) from None
    interval = Interval.at(times["start"], mtu)
    if (interval.start, interval.end) != (times["start"], times["end"]):
        raise Problem.field(422, "not-an-interval", "end", "start and end are one market time unit")
    if interval.end > now:
        raise Problem.field(422, "not-over", "end", "the interval is not over yet")
    return interval


def check_asked_now(message: MineMessage, now: int) -> None:
    """Raises Problem 422 for a question of another time than ``now`` (market ms)."""
    try:
        asked = instant(message.at)
    except ValueError as error:
        raise Problem.field(422, "validation", "at", str(error)) from None
    if abs(now - asked) > ASKED_WITHIN:
        raise Problem.field(422, "not-now", "at", "this was asked at another time; ask with the present one")
