"""What everyone in a zone may know of its market as it changes: its phase, trades, levels (L2) and the best
prices (L1).

Always true: messages are numbered without a gap, in a publication the phase first, then trades, then levels,
then the top; a reader that starts from a feed's ``number`` and ``depth`` and applies every level after that
number has the depth of the latest publication. Names of members and orders, hidden lots and waiting stops
do not appear.

How often to publish is the caller's: what changed and changed back in between is not told, so that a feed
costs nothing to the market and a slow one tells fewer, newer things. Trades are all told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tradelane.market.depth import Depth
from tradelane.market.ladder import DepthLevel
from tradelane.market.order import Side
from tradelane.market.outcome import Event, Fill
from tradelane.market.session import Phase


class Turned(NamedTuple):
    """The market is in another phase."""

    number: int
    phase: Phase


class Printed(NamedTuple):
    """A trade at ``price`` (ticks) of ``quantity`` lots, as the zone saw it; ``taker`` is who came."""

    number: int
    price: int
    quantity: int
    taker: Side


class LevelChange(NamedTuple):
    """A level now has ``quantity`` lots in ``orders`` orders; 0 of both: it is not among those shown."""

    number: int
    side: Side
    price: int
    quantity: int
    orders: int


class Top(NamedTuple):
    """The best level of each side, None on an empty one."""

    number: int
    sell: DepthLevel | None
    buy: DepthLevel | None


Message = Turned | Printed | LevelChange | Top


class Feed:
    """One zone's feed. What was told so far: the ``number`` of the last message, and the ``depth``, ``phase``
    and ``last`` price traded (ticks) that all of them make.
    """

    def __init__(self, zone: str, depth: Depth, phase: Phase) -> None:
        self.number = 0
        self.depth = depth
        self.phase = phase
        self.last: int | None = None
        self._zone = zone

    def publish(self, events: Iterable[Event], depth: Depth, phase: Phase) -> list[Message]:
        """Messages for the ``events`` of all commands since the last publication, and where they led."""
        messages: list[Message] = []
        if phase is not self.phase:
            self.phase = phase
            messages.append(Turned(self._next(), phase))
        for event in events:
            if isinstance(event, Fill):
                seen = _seen(event, self._zone)
                if seen is not None:
                    self.last = seen[0]
                    messages.append(Printed(self._next(), *seen, event.taker.side))
        before, self.depth = self.depth, depth
        for side, old, new in (
            (Side.SELL, before.sells, depth.sells), (Side.BUY, before.buys, depth.buys),
        ):  # fmt: skip
            for level in _changes(old, new):
                messages.append(LevelChange(self._next(), side, *level))
        top = _top(depth)
        if top != _top(before):
            messages.append(Top(self._next(), *top))
        return messages

    def _next(self) -> int:
        self.number += 1
        return self.number


def _seen(fill: Fill, zone: str) -> tuple[int, int] | None:
    """Price and lots of a fill in a zone, or None when it was between others."""
    if fill.taker.zone == zone:
        order, price = fill.taker, fill.taker_price
    elif fill.maker.zone == zone:
        order, price = fill.maker, fill.maker_price
    else:
        return None
    return price, fill.sent if order.side is Side.SELL else fill.received


def _changes(old: list[DepthLevel], new: list[DepthLevel]) -> list[DepthLevel]:
    """The levels that are other than before, those that are gone with nothing in them, by rising price."""
    if old == new:
        return []
    now = {level.price: level for level in new}
    gone = [DepthLevel(level.price, 0, 0) for level in old if level.price not in now]
    return sorted(gone + [level for level in new if level not in old])


def _top(depth: Depth) -> tuple[DepthLevel | None, DepthLevel | None]:
    return (depth.sells[0] if depth.sells else None, depth.buys[0] if depth.buys else None)
