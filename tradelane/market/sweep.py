"""What an order would meet, near and over lanes: the one walk behind matching, fill-or-kill and depth.

Always true: the walk changes nothing. It goes by the taker's price in whole ticks of its own zone, then
the maker's sequence, then the lane's id, the taker's own zone before any lane; each zone's own book is met
in its own priority, never out of it. No step goes beyond the taker's limit or a lane's room.

An order too small for one lot of it to arrive is not seen over a lossy lane; the walk steps past it, in
time linear in such orders at the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tradelane.market.ladder import Ladder, Resting
from tradelane.market.landed import Landed

Rank = tuple[int, int]
EVERYTHING = 1 << 62
"""More lots than any market holds."""


class Road:
    """A lane in use: its arithmetic and ``room``, the lots that can still be sent over it."""

    __slots__ = ("id", "landed", "room")

    def __init__(self, lane_id: str, landed: Landed, room: int) -> None:
        self.id = lane_id
        self.landed = landed
        self.room = room


class Step(NamedTuple):
    """A possible match: ``price`` in the taker's ticks, ``sent`` and ``received`` in lots."""

    maker: Resting
    road: Road | None
    price: int
    sent: int
    received: int


class View:
    """One book's side as a taker sees it: in its own zone (no road), or at the other end of a lane."""

    __slots__ = ("ladder", "reach", "road", "seen")

    def __init__(self, ladder: Ladder, road: Road | None, selling: bool) -> None:
        self.ladder = ladder
        self.road = road
        self.seen: Callable[[int], int] = _same
        """The maker's price → the taker's ticks."""
        self.reach: Callable[[int], int] = _same
        """The taker's limit → the last price it meets, in the maker's ticks."""
        if road is not None:
            landed, netback = road.landed.landed, road.landed.netback
            self.seen, self.reach = (netback, landed) if selling else (landed, netback)

    def limit(self, price: int) -> int | None:
        """The last key within a taker's ``price``, or None when there is nothing within it."""
        keys = self.ladder.keys
        if not keys:
            return None
        limit = self.ladder.sign * self.reach(price)
        return limit if keys[-1] >= limit else None


class _Walk:
    """One view's place in a sweep: the order it stands on, the lots of room left, the taker's price."""

    __slots__ = ("index", "limit", "maker", "price", "rank", "room", "selling", "view")

    def __init__(self, view: View, limit: int, selling: bool) -> None:
        self.view = view
        self.limit = limit
        self.selling = selling
        self.room = 0 if view.road is None else view.road.room
        self.index = len(view.ladder.keys)
        self.maker: Resting | None = None
        self.price = 0
        self.rank: Rank = (0, 0)
        self.advance()

    def advance(self) -> None:
        """Stand on the next order in line; ``maker`` is None at the end."""
        if self.maker is not None:
            self.maker = self.maker.next
        if self.maker is None:
            ladder = self.view.ladder
            self.index -= 1
            if self.index < 0 or ladder.keys[self.index] < self.limit:
                return
            key = ladder.keys[self.index]
            self.maker = ladder.levels[key].head
            self.price = self.view.seen(ladder.sign * key)
        self.rank = (-self.price if self.selling else self.price, self.maker.order.seq)

    def load(self, open_lots: int, left: int) -> tuple[int, int]:
        """Lots (sent, received) when the maker has ``open_lots`` and the taker ``left``."""
        road = self.view.road
        if road is None:
            lots = open_lots if open_lots < left else left
            return lots, lots
        offered, wanted = (left, open_lots) if self.selling else (open_lots, left)
        return road.landed.load(offered if offered < self.room else self.room, wanted)


def sweep(views: Iterable[View], price: int, quantity: int, selling: bool) -> Iterator[Step]:
    """Steps of a taker's order of ``quantity`` lots at limit ``price``, best first.

    With ``EVERYTHING`` as quantity it is all that stands within the limit, a lane's room still counted.
    """
    walks = []
    for view in views:
        limit = view.limit(price)
        if limit is not None:
            walks.append(_Walk(view, limit, selling))
    taken: dict[Resting, int] = {}
    left = quantity
    while left and walks:
        ready = [walk for walk in walks if _settle(walk, left, taken)]
        if not ready:
            return
        best = min(ready, key=_rank) if len(ready) > 1 else ready[0]
        maker = best.maker
        assert maker is not None
        sent, received = best.load(maker.left - taken.get(maker, 0), left)
        yield Step(maker, best.view.road, best.price, sent, received)
        taken[maker] = taken.get(maker, 0) + (received if selling else sent)
        best.room -= sent
        left -= sent if selling else received


def _settle(walk: _Walk, left: int, taken: dict[Resting, int]) -> bool:
    """Move a walk on to the first order of which at least a lot would arrive; False when there is none."""
    far = walk.view.road is not None
    if far and walk.load(EVERYTHING, left)[1] == 0:
        return False
    while walk.maker is not None:
        open_lots = walk.maker.left - taken.get(walk.maker, 0)
        if open_lots and (not far or walk.load(open_lots, left)[1]):
            return True
        walk.advance()
    return False


def _rank(walk: _Walk) -> Rank:
    return walk.rank


def _same(price: int) -> int:
    return price
