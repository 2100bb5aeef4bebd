"""One side of a continuous book: price levels of orders in line, each operation in constant time but for
the bisection of a new or emptied level's key.

Always true: within a level orders stand in sequence order, and the level's quantity is their sum; no level
is empty. Links are cut as orders leave, so that reference counting frees them and the cycle collector
finds nothing to do.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from tradelane.market.order import Order, Side


class DepthLevel(NamedTuple):
    """``quantity`` lots in ``orders`` orders at ``price`` ticks."""

    price: int
    quantity: int
    orders: int


class Resting:
    """An open order in its level's line; ``left`` is what remains of ``order.quantity``, in lots.

    Made bare and filled in by ``Ladder.add``: a constructor's call is a tenth of an order's whole cost.
    """

    __slots__ = ("left", "next", "order", "prev")
    order: Order
    left: int
    prev: Resting | None
    next: Resting | None


class Level:
    """All resting orders of one side at one price, the first in line at the head."""

    __slots__ = ("head", "orders", "quantity", "tail")
    head: Resting
    tail: Resting
    quantity: int
    orders: int


class Ladder:
    """One side's levels by key, the best key last: ``key = price`` for buys, ``−price`` for sells.

    So an order with key k meets the other side's levels from the last key down to −k.
    """

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = -side.sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def add(self, order: Order, left: int, key: int) -> Resting:
        """Put ``left`` lots of an order at the end of the line of the level at its ``key``."""
        resting = Resting()
        resting.order = order
        resting.left = left
        resting.next = None
        level = self.levels.get(key)
        if level is None:
            resting.prev = None
            self.levels[key] = level = Level()
            level.head = level.tail = resting
            level.quantity = left
            level.orders = 1
            insort(self.keys, key)
        else:
            tail = level.tail
            assert tail.order.seq < order.seq, "orders come in the journal's sequence"
            tail.next = resting
            resting.prev = tail
            level.tail = resting
            level.quantity += left
            level.orders += 1
        return resting

    def remove(self, resting: Resting) -> None:
        """Take an order off with all that is left of it, and its level with its last order."""
        key = self.sign * resting.order.price
        before, after = resting.prev, resting.next
        if before is None and after is None:
            del self.levels[key]
            keys = self.keys
            if keys[-1] == key:
                keys.pop()
            else:
                del keys[bisect_left(keys, key)]
            return
        level = self.levels[key]
        level.quantity -= resting.left
        level.orders -= 1
        if before is not None:
            before.next = after
        elif after is not None:
            level.head = after
        if after is not None:
            after.prev = before
        elif before is not None:
            level.tail = before

    def reduce(self, resting: Resting, lots: int) -> None:
        """Take fewer ``lots`` off an order than are left of it; it keeps its place."""
        assert 0 < lots < resting.left, "a resting order has lots left"
        resting.left -= lots
        self.levels[self.sign * resting.order.price].quantity -= lots

    def fillable(self, limit: int) -> int:
        """Lots that stand at key ``limit`` or better."""
        total = 0
        for key in reversed(self.keys):
            if key < limit:
                break
            total += self.levels[key].quantity
        return total

    def depth(self, levels: int) -> list[DepthLevel]:
        """The best ``levels`` levels, best first."""
        best = self.keys[-levels:][::-1] if levels > 0 else []
        rows = ((self.sign * key, self.levels[key]) for key in best)
        return [DepthLevel(price, level.quantity, level.orders) for price, level in rows]

    def __iter__(self) -> Iterator[Resting]:
        """Every open order, in the order in which they would be filled."""
        for key in reversed(self.keys):
            resting: Resting | None = self.levels[key].head
            while resting is not None:
                yield resting
                resting = resting.next
