"""Signed messages from members, checked at the door: orders, cancels and meter statements.

Pure: text and a member's key in, a checked value or a Problem that names the field out.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from tradelane.gateway import keys
from tradelane.gateway.catalogue import Catalogue
from tradelane.market.book import Kind
from tradelane.market.order import Order, Refusal, Side, check
from tradelane.market.product import Product
from tradelane.market.units import Interval, decimal, instant, whole
from tradelane.settlement.problem import Problem

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:>-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=120)]


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

    ``kind`` is for goods: limit, ioc or fok. ``read_wall`` is when (Unix ms) the meter reading behind the
    offer was taken.
    """

    id: Id
    member: Id
    product: Annotated[str, Field(max_length=120)]
    zone: Id
    side: str
    price: str
    quantity: str
    kind: str = Kind.LIMIT.value
    read_wall: int | None = None


class CancelMessage(Message):
    """Takes the member's own goods order ``id`` off its book."""

    id: Id
    member: Id


class StatementMessage(Message):
    """What a member's meter counted in one interval, in Wh. ``head`` is the hash of the meter's newest sealed
    reading; ``read_wall`` when (Unix ms) the reading that closed the interval was taken."""

    member: Id
    meter: Id
    start: str
    end: str
    import_wh: Annotated[int, Field(ge=0)]
    export_wh: Annotated[int, Field(ge=0)]
    quality: Annotated[str, Field(pattern="^(measured|estimated)$")]
    head: Annotated[str, Field(max_length=128)]
    read_wall: int | None = None


def refuse(refusal: Refusal) -> NoReturn:
    status = 401 if refusal is Refusal.WRONG_SIGNATURE else 422
    code = refusal.name.lower().replace("_", "-")
    raise Problem.field(status, code, refusal.field, refusal.reason)


def check_signature(message: Message, public_key: str) -> None:
    if not keys.verify(public_key, message.signed(), message.signature):
        refuse(Refusal.WRONG_SIGNATURE)


def check_order(
    message: OrderMessage, catalogue: Catalogue, open_products: Container[str], now: int
) -> tuple[Order, Product, Kind]:
    """The order without its sequence number (0), which only the journal gives."""
    product = catalogue.find(message.product)
    if isinstance(product, Refusal):
        refuse(product)
    if product.gate is None and product.id not in open_products:
        refuse(Refusal.UNKNOWN_PRODUCT)
    if message.side not in set(Side):
        refuse(Refusal.UNKNOWN_SIDE)
    try:
        kind = Kind(message.kind)
    except ValueError:
        raise Problem.field(422, "unknown-kind", "kind", f"is one of {', '.join(Kind)}") from None
    price = _steps(message.price, "price", product.tick, Refusal.OFF_TICK)
    quantity = _steps(message.quantity, "quantity", product.lot, Refusal.OFF_LOT)
    order = Order(
        message.id, 0, message.member, product.id, message.zone, Side(message.side), price, quantity
    )
    refusal = check(order, product, catalogue.zones, now)
    if refusal is not None:
        refuse(refusal)
    return order, product, kind


def _steps(text: str, field: str, step: Any, off: Refusal) -> int:
    try:
        value = decimal(text)
    except ValueError as reason:
        raise Problem.field(422, "not-a-decimal", field, str(reason)) from None
    try:
        return whole(value, step)
    except ValueError:
        refuse(off)


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
