"""One limit order, and the reasons to refuse it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, StrEnum

from tradelane.market.product import Product


class Side(StrEnum):
    """Which way an order trades; ``sign`` is σ of the certificate: +1 sell, −1 buy."""

    SELL = "sell"
    BUY = "buy"

    @property
    def sign(self) -> int:
        return 1 if self is Side.SELL else -1

    @property
    def other(self) -> Side:
        return Side.BUY if self is Side.SELL else Side.SELL


@dataclass(slots=True)
class Order:
    """A limit order. ``price`` in ticks of the zone's currency per unit, ``quantity`` in lots.

    ``seq`` is the journal's sequence number and decides every tie.
    """

    id: str
    seq: int
    member: str
    product: str
    zone: str
    side: Side
    price: int
    quantity: int


class Refusal(Enum):
    """Why an order is refused: the field at fault and a sentence for the person who sent it."""

    UNKNOWN_PRODUCT = ("product", "no such product")
    UNKNOWN_ZONE = ("zone", "no such zone in this market")
    UNKNOWN_SIDE = ("side", "side is sell or buy")
    QUANTITY_NOT_POSITIVE = ("quantity", "quantity must be greater than zero")
    OFF_LOT = ("quantity", "quantity is not a whole number of lots")
    OFF_TICK = ("price", "price is not a whole number of ticks")
    PRICE_OUT_OF_RANGE = ("price", "price is outside the product's price limits")
    GATE_CLOSED = ("product", "the gate of this product is closed")
    DUPLICATE_ID = ("id", "an order with this id was already accepted")
    UNKNOWN_MEMBER = ("member", "no such member")
    WRONG_SIGNATURE = ("signature", "the signature does not match the member's key")
    NOT_FILLABLE = ("quantity", "fill-or-kill: the book cannot fill the whole quantity")
    UNKNOWN_ORDER = ("id", "no open order with this id")
    NOT_OWNER = ("member", "the order belongs to another member")
    NOT_IN_THIS_PHASE = ("phase", "the market does not take this in its present phase")
    NO_SUCH_TURN = ("phase", "the market does not go from its present phase to this one")
    OUTSIDE_COLLAR = ("price", "price is too far from the last trade")
    WOULD_TRADE = ("kind", "post-only: the order would trade at once")
    DISPLAY_NEGATIVE = ("display", "display is 0 or more lots")
    DOES_NOT_REST = ("kind", "only an order that can rest has a display or an expiry")
    ALREADY_EXPIRED = ("until", "the order's expiry has passed")
    TRIGGER_OUT_OF_RANGE = ("trigger", "trigger is outside the product's price limits")
    ORDER_TOO_LARGE = ("quantity", "quantity is more than one order may have")
    TOO_MANY_OPEN_ORDERS = ("member", "the member has as many open orders as it may")
    TOO_MANY_OPEN_LOTS = ("quantity", "the member's open orders would hold more lots than they may")
    ALREADY_DONE = ("quantity", "as much of the order was already filled or taken off")

    @property
    def field(self) -> str:
        return str(self.value[0])

    @property
    def reason(self) -> str:
        return str(self.value[1])


def check(order: Order, product: Product, zones: Container[str], now: int) -> Refusal | None:
    """The first reason to refuse ``order`` at instant ``now`` (ms), or None."""
    if order.product != product.id:
        return Refusal.UNKNOWN_PRODUCT
    if order.zone not in zones:
        return Refusal.UNKNOWN_ZONE
    if order.quantity <= 0:
        return Refusal.QUANTITY_NOT_POSITIVE
    if not product.min_price <= order.price <= product.max_price:
        return Refusal.PRICE_OUT_OF_RANGE
    if product.gate is not None and now >= product.gate:
        return Refusal.GATE_CLOSED
    return None
