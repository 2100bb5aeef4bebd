"""One side of a continuous book: price levels of orders in line, each operation in constant time but for
the bisection of a new or emptied level's key.

Always true: within a level orders stand in the sequence of their priority, and the level's quantity is the
sum of what they show; no level is empty; ``best`` is the last key. Links are cut as orders leave, so that
reference counting frees them and the cycle collector finds nothing to do.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from tradelane.market.limits import Account
from tradelane.market.order import Order, Side
from tradelane.market.terms import Kind, Terms

NONE = -(1 << 62)
"""A key below every limit: the ``best`` of a side on which nobody stands."""


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

    So an order with key k meets the other side's levels from ``best`` down to −k. ``orders`` is the index
    of open orders by id, shared by all ladders of a market.
    """

    __slots__ = ("best", "keys", "levels", "orders", "sign")

    def __init__(self, side: Side, orders: dict[str, Resting]) -> None:
        self.sign = -side.sign
        self.orders = orders
        self.best = NONE
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def stand(
        self, order: Order, kind: Kind, terms: Terms, account: Account, lots: int, seq: int, key: int
    ) -> Resting:  # fmt: skip
        """Put ``lots`` of an order at the end of the line of the level at ``key``."""
        account.orders += 1
        account.lots += lots
        self.orders[order.id] = resting = Resting()
        resting.order = order
        resting.kind = kind
        resting.terms = terms
        resting.account = account
        resting.left = lots
        resting.hidden = 0
        resting.seq = seq
        resting.next = None
        level = self.levels.get(key)
        if level is None:
            self._open(resting, key)
            return resting
        tail = level.tail
        tail.next = resting
        resting.prev = tail
        resting.level = level
        level.tail = resting
        level.quantity += lots
        level.orders += 1
        return resting

    def remove(self, resting: Resting) -> None:
        """Take an order off with all that is left of it, and its level with its last order."""
        account, level, left = resting.account, resting.level, resting.left
        account.orders -= 1
        account.lots -= left + resting.hidden
        del self.orders[resting.order.id]
        before, after = resting.prev, resting.next
        if before is not None:
            before.next = after
            if after is not None:
                after.prev = before
            else:
                level.tail = before
        elif after is not None:
            level.head = after
            after.prev = None
        else:
            self.close(level)
            return
        level.quantity -= left
        level.orders -= 1

    def _open(self, resting: Resting, key: int) -> None:
        """Begin the level at ``key`` with its first order."""
        resting.prev = None
        resting.level = self.levels[key] = level = Level()
        level.ladder = self
        level.key = key
        level.price = self.sign * key
        level.head = level.tail = resting
        level.quantity = resting.left
        level.orders = 1
        insort(self.keys, key)
        self.best = self.keys[-1]

    def close(self, level: Level) -> None:
        """Take a level off with its last order, which has been filled or taken off."""
        keys, key = self.keys, level.key
        del self.levels[key]
        del level.head.level  # level and order point at each other
        if key == self.best:
            keys.pop()
            self.best = keys[-1] if keys else NONE
        else:
            del keys[bisect_left(keys, key)]

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
