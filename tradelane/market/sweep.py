"""What an order would meet next, near and over lanes.

Always true: looking changes nothing. The next match is the best by the taker's price in whole ticks of its
own zone, then the maker's priority, then the taker's own zone before any lane, then the lane's id; each
zone's own book is met in its own priority, never out of it. No match goes beyond the taker's limit or a
lane's room.

An order too small for one lot of it to arrive is not seen over a lossy lane; it is stepped past, in time
linear in such orders at the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tradelane.market.book import Book
from tradelane.market.ladder import Ladder, Resting
from tradelane.market.landed import Landed
from tradelane.market.limits import UNLIMITED, Account
from tradelane.market.order import Order, Side
from tradelane.market.outcome import Event, Fill

_new = tuple.__new__  # a named tuple's own constructor costs three times the bare one


class Road:
    """A lane in use: its arithmetic and ``room``, the lots that can still be sent over it."""

    __slots__ = ("id", "landed", "room")

    def __init__(self, lane_id: str, landed: Landed, room: int) -> None:
        self.id = lane_id
        self.landed = landed
        self.room = room


class Step(NamedTuple):
    """A possible match: ``price`` in the taker's ticks, ``sent`` and ``received`` in lots."""

    price: int
    maker: Resting
    view: View
    sent: int
    received: int


class View:
    """One book's side as a taker sees it: in its own zone (no road), or at the other end of a lane."""

    __slots__ = ("_key", "_price", "book", "ladder", "reach", "road", "seen", "selling")

    def __init__(self, book: Book, road: Road | None, selling: bool) -> None:
        self.book = book
        self.ladder: Ladder = book.buys if selling else book.sells
        self.road = road
        self.selling = selling
        self._key: int | None = None  # the level whose price was turned into the taker's last
        self._price = 0
        self.seen: Callable[[int], int] = _same
        """The maker's price → the taker's ticks."""
        self.reach: Callable[[int], int] = _same
        """The taker's limit → the last price it meets, in the maker's ticks."""
        if road is not None:
            landed, netback = road.landed.landed, road.landed.netback
            self.seen, self.reach = (netback, landed) if selling else (landed, netback)

    def reaches(self, price: int) -> bool:
        """Whether there is something within a taker's ``price``."""
        keys = self.ladder.keys
        if not keys or (self.road is not None and self.road.room <= 0):
            return False
        best = self.price(keys[-1])
        return best >= price if self.selling else best <= price

    def price(self, key: int) -> int:
        """A level's price in the taker's ticks."""
        if key != self._key:
            self._key, self._price = key, self.seen(self.ladder.sign * key)
        return self._price

    def limit(self, price: int) -> int:
        """The last key within a taker's ``price``."""
        return self.ladder.sign * self.reach(price)

    def step(self, limit: int, left: int) -> Step | None:
        """The first match with the orders down to the key ``limit`` for a taker with ``left`` lots."""
        road, ladder = self.road, self.ladder
        if road is not None and road.landed.loses:
            return self._lossy_step(road, limit, left)
        lots = left if road is None or left < road.room else road.room
        if lots <= 0 or not ladder.keys or ladder.keys[-1] < limit:
            return None
        key = ladder.keys[-1]
        maker = ladder.levels[key].head
        if lots > maker.left:
            lots = maker.left
        return _new(Step, (self.price(key), maker, self, lots, lots))

    def _lossy_step(self, road: Road, limit: int, left: int) -> Step | None:
        """The first of which at least a lot would arrive."""
        if self._load(road, UNLIMITED, left)[1] == 0:
            return None
        for key in reversed(self.ladder.keys):
            if key < limit:
                break
            maker: Resting | None = self.ladder.levels[key].head
            while maker is not None:
                sent, received = self._load(road, maker.left, left)
                if received:
                    return Step(self.price(key), maker, self, sent, received)
                maker = maker.next
        return None

    def _load(self, road: Road, shown: int, left: int) -> tuple[int, int]:
        """Lots (sent, received) when the maker shows so many and the taker has so many left."""
        offered, wanted = (left, shown) if self.selling else (shown, left)
        return road.landed.load(min(offered, road.room), wanted)


def reachable(views: Iterable[View], price: int) -> list[tuple[View, int]]:
    """The views in which there is something within a taker's ``price``, each with its last key."""
    return [(view, view.limit(price)) for view in views if view.reaches(price)]


def meet(views: Iterable[tuple[View, int]], left: int) -> Step | None:
    """What a taker with ``left`` lots meets first."""
    best: Step | None = None
    for view, limit in views:
        step = view.step(limit, left)
        if step is not None and (best is None or _before(step, best)):
            best = step
    return best


def match_over(
    views: Iterable[tuple[View, int]], home: Book, order: Order, account: Account, left: int, seq: int,
    events: list[Event],
) -> int:  # fmt: skip
    """Fill an order from its own zone's book and over lanes, each match taking the lane's room in the same
    step; the lots that are left."""
    selling = order.side is Side.SELL
    while left:
        step = meet(views, left)
        if step is None:
            break
        price, maker, view, sent, received = step
        if maker.account is account and home.guarded:
            left = view.book.prevent(maker, order, left, events)
            continue
        quoted, road = maker.order, view.road
        lane = None if road is None else road.id
        events.append(Fill(quoted, order, quoted.price, price, sent, received, lane))
        view.book.take(maker, received if selling else sent, seq)
        view.book.printed(quoted.price)
        if road is not None:
            road.room -= sent
            home.printed(price)
        left -= sent if selling else received
    return left


def _before(one: Step, other: Step) -> bool:
    """Whether ``one`` is met first, ``other`` being of a view that comes before it."""
    if one.price != other.price:
        return one.price > other.price if one.view.selling else one.price < other.price
    return one.maker.seq < other.maker.seq


def _same(price: int) -> int:
    return price
