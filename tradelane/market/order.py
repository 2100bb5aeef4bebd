"""One limit order, the reasons to refuse it, and many orders as numpy columns."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

import numpy as np
import numpy.typing as npt

from tradelane.market.product import Product

IntArray = npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Columns:
    """One side of one zone's orders as equal-length int64 columns, in sequence order.

    ``price`` in ticks, ``quantity`` in lots (total below 2⁵³), ``seq`` strictly increasing.
    """

    price: IntArray
    quantity: IntArray
    seq: IntArray

    def __len__(self) -> int:
        return len(self.price)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Columns:
        rows = sorted((o.seq, o.price, o.quantity) for o in orders)
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        return cls(table[:, 1].copy(), table[:, 2].copy(), table[:, 0].copy())


@dataclass(frozen=True, slots=True)
class OrderBatch:
    """The orders of one product in one zone, sells and buys apart."""

    sells: Columns
    buys: Columns

    @classmethod
    def of(cls, orders: Iterable[Order]) -> OrderBatch:
        rows = list(orders)
        return cls(
            Columns.of(o for o in rows if o.side is Side.SELL),
            Columns.of(o for o in rows if o.side is Side.BUY),
        )

    def side(self, side: Side) -> Columns:
        return self.sells if side is Side.SELL else self.buys
