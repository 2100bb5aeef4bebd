"""One continuous limit order book: best price first, then the journal's sequence.

Always true: the book is never crossed; a fill is at the resting order's price; a refused command changes
nothing. Prices are integer ticks, quantities integer lots; there is no clock and no chance, so the same
commands always give the same ``state_hash``.

It cannot tell an id used again after its order left the book: that ids are used once is the journal's
rule. A member may trade with itself.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import NamedTuple, TypedDict

from tradelane.market.ladder import DepthLevel, Ladder, Resting
from tradelane.market.order import Order, Refusal, Side


class Kind(StrEnum):
    """What becomes of the part of an order that finds no counterpart at once."""

    LIMIT = "limit"
    """It rests until filled or cancelled (GTC)."""
    IOC = "ioc"
    """Immediate or cancel: it is cancelled."""
    FOK = "fok"
    """Fill or kill: there must be none, or the whole order is refused."""


# An enum member is looked up through its metaclass; a module name costs a third of that on every order.
_SELL, _LIMIT, _FOK = Side.SELL, Kind.LIMIT, Kind.FOK
# And a named tuple's own constructor costs three times the bare one.
_new = tuple.__new__


class Fill(NamedTuple):
    """``quantity`` lots of ``taker_id`` against the resting ``maker_id`` at its ``price`` in ticks."""

    maker_id: str
    taker_id: str
    price: int
    quantity: int
    maker_seq: int
    taker_seq: int


class Depth(NamedTuple):
    """Each side's levels, best first."""

    sells: list[DepthLevel]
    buys: list[DepthLevel]


class RestingState(TypedDict):
    """A resting order on file: its order, and ``left``, the lots still open."""

    id: str
    seq: int
    member: str
    price: int
    quantity: int
    left: int


class BookState(TypedDict):
    """Each side's resting orders in the order in which they would be filled."""

    sell: list[RestingState]
    buy: list[RestingState]


class Book:
    """One zone's book for one product.

    ``orders`` is the index of open orders by id; an exchange gives all its books the same one, so that an
    id is open only once.
    """

    __slots__ = ("buys", "orders", "sells")

    def __init__(self, orders: dict[str, Resting] | None = None) -> None:
        self.sells = Ladder(Side.SELL)
        self.buys = Ladder(Side.BUY)
        self.orders: dict[str, Resting] = {} if orders is None else orders

    def submit(self, order: Order, kind: Kind = Kind.LIMIT) -> list[Fill] | Refusal:
        """Match ``order``, then rest or cancel what is left of it; the fills in the order they were made."""
        if order.id in self.orders:
            return Refusal.DUPLICATE_ID
        left = order.quantity
        if left <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        if order.side is _SELL:
            own, facing, limit = self.sells, self.buys, order.price
        else:
            own, facing, limit = self.buys, self.sells, -order.price
        if kind is _FOK and facing.fillable(limit) < left:
            return Refusal.NOT_FILLABLE
        fills: list[Fill] = []
        keys = facing.keys
        if keys and keys[-1] >= limit:
            left = self._match(order, facing, limit, fills)
        if left and kind is _LIMIT:
            self.orders[order.id] = own.add(order, left, -limit)
        return fills

    def cancel(self, order_id: str, member: str) -> int | Refusal:
        """Take a member's own open order off the book; the lots that were still open."""
        resting = self.orders.get(order_id)
        if resting is None:
            return Refusal.UNKNOWN_ORDER
        order = resting.order
        if order.member != member:
            return Refusal.NOT_OWNER
        del self.orders[order_id]
        (self.sells if order.side is _SELL else self.buys).remove(resting)
        return resting.left

    def rest(self, order: Order, left: int) -> None:
        """Let ``left`` lots of an order stand in the book; the caller has matched what can be matched."""
        ladder = self._ladder(order.side)
        self.orders[order.id] = ladder.add(order, left, ladder.sign * order.price)

    def take(self, resting: Resting, lots: int) -> None:
        """Fill ``lots`` of an open order."""
        order = resting.order
        if lots < resting.left:
            self._ladder(order.side).reduce(resting, lots)
        else:
            assert lots == resting.left, "no order is filled beyond its quantity"
            del self.orders[order.id]
            self._ladder(order.side).remove(resting)

    def depth(self, levels: int) -> Depth:
        """The best ``levels`` levels of each side."""
        return Depth(self.sells.depth(levels), self.buys.depth(levels))

    def snapshot(self) -> BookState:
        """The whole state, fit for JSON."""
        return {"sell": [_state(r) for r in self.sells], "buy": [_state(r) for r in self.buys]}

    def restore(self, state: BookState, product: str, zone: str) -> None:
        """Lay a snapshot's orders into this empty book, each in the place in line it had."""
        assert not self.sells.keys and not self.buys.keys, "a book is restored before its first order"
        for side, rows in ((Side.SELL, state["sell"]), (Side.BUY, state["buy"])):
            for row in rows:
                name, seq, member = row["id"], row["seq"], row["member"]
                order = Order(name, seq, member, product, zone, side, row["price"], row["quantity"])
                self.rest(order, row["left"])

    def state_hash(self) -> str:
        """sha256 (hex) of the canonical JSON of the state: equal books have equal hashes."""
        return digest(self.snapshot())

    def _ladder(self, side: Side) -> Ladder:
        return self.sells if side is _SELL else self.buys

    def _match(self, order: Order, facing: Ladder, limit: int, fills: list[Fill]) -> int:
        keys, levels, orders = facing.keys, facing.levels, self.orders
        taker_id, taker_seq, left = order.id, order.seq, order.quantity
        while left and keys and keys[-1] >= limit:
            level = levels[keys[-1]]
            maker = level.head
            quoted, lots = maker.order, maker.left
            if lots > left:
                lots = left
                maker.left -= lots
                level.quantity -= lots
            else:
                del orders[quoted.id]
                facing.remove(maker)
            fills.append(_new(Fill, (quoted.id, taker_id, quoted.price, lots, quoted.seq, taker_seq)))
            left -= lots
        return left


def digest(state: object) -> str:
    """sha256 (hex) of a state's canonical JSON: sorted names, no blanks."""
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _state(resting: Resting) -> RestingState:
    order = resting.order
    return {
        "id": order.id,
        "seq": order.seq,
        "member": order.member,
        "price": order.price,
        "quantity": order.quantity,
        "left": resting.left,
    }
