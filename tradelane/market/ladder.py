"""One side of a continuous book: price levels of orders in line, each operation in constant time but for
the bisection of a new or emptied level's key.

Always true: within a level orders stand in the sequence of their priority, and the level's quantity is the
sum of what they show; no level is empty. Links are cut as orders leave, so that reference counting frees
them and the cycle collector finds nothing to do.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from tradelane.market.limits import Account
from tradelane.market.order import Order, Side
from tradelane.market.terms import Kind, Terms


class DepthLevel(NamedTuple):
    """``quantity`` lots in ``orders`` orders at ``price`` ticks."""

    price: int
    quantity: int
    orders: int


class Resting:
    """An open order in its level's line: ``left`` lots show, ``hidden`` lots wait behind them.

    ``seq`` is its priority: the sequence number at which it took its place. Made bare and filled in by
    ``Book.rest``: a constructor's call is a tenth of an order's whole cost.
    """

    __slots__ = ("account", "hidden", "kind", "left", "level", "next", "order", "prev", "seq", "terms")
    order: Order
    kind: Kind
    terms: Terms
    account: Account
    left: int
    hidden: int
    seq: int
    level: Level
    prev: Resting | None
    next: Resting | None


class Level:
    """All resting orders of one side at one price, the first in line at the head."""

    __slots__ = ("head", "key", "ladder", "orders", "price", "quantity", "tail")
    ladder: Ladder
    key: int
    price: int
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

    def add(self, resting: Resting, key: int) -> None:
        """Put an order at the end of the line of the level at its ``key``."""
        resting.next = None
        level = self.levels.get(key)
        if level is None:
            resting.prev = None
            resting.level = self.levels[key] = level = Level()
            level.ladder = self
            level.key = key
            level.price = self.sign * key
            level.head = level.tail = resting
            level.quantity = resting.left
            level.orders = 1
            insort(self.keys, key)
        else:
            tail = level.tail
            assert tail.seq <= resting.seq, "orders come in the journal's sequence"
            tail.next = resting
            resting.prev = tail
            resting.level = level
            level.tail = resting
            level.quantity += resting.left
            level.orders += 1

    def remove(self, resting: Resting) -> None:
        """Take an order off with all that is left of it, and its level with its last order."""
        level = resting.level
        before, after = resting.prev, resting.next
        if before is None:
            if after is None:
                keys, key = self.keys, level.key
                del self.levels[key]
                if keys[-1] == key:
                    keys.pop()
                else:
                    del keys[bisect_left(keys, key)]
                del resting.level  # level and order point at each other
                return
            level.head = after
            after.prev = None
        elif after is None:
            level.tail = before
            before.next = None
        else:
            before.next = after
            after.prev = before
        level.quantity -= resting.left
        level.orders -= 1

    def depth(self, levels: int) -> list[DepthLevel]:
        """The best ``levels`` levels, best first."""
        best = self.keys[-levels:][::-1] if levels > 0 else []
        rows = (self.levels[key] for key in best)
        return [DepthLevel(level.price, level.quantity, level.orders) for level in rows]

    def __iter__(self) -> Iterator[Resting]:
        """Every open order, in the order in which they would be filled."""
        for key in reversed(self.keys):
            resting: Resting | None = self.levels[key].head
            while resting is not None:
                yield resting
                resting = resting.next


def renew(resting: Resting, seq: int) -> None:
    """Show the next part of an iceberg of which nothing shows any more, at the end of its level's line."""
    level = resting.level
    lots = min(resting.terms.display, resting.hidden)
    resting.left = lots
    resting.hidden -= lots
    resting.seq = seq
    level.quantity += lots
    before, after = resting.prev, resting.next
    if after is None:
        return
    after.prev = before
    if before is None:
        level.head = after
    else:
        before.next = after
    level.tail.next = resting
    resting.prev = level.tail
    resting.next = None
    level.tail = resting
