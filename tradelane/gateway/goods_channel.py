"""One zone's feed of one goods product, as events for those who listen: a snapshot, then every message.

Always true: a listener gets a snapshot and after it the messages numbered above it, without a gap; who comes
back with the number of the last one it had gets those after it, or a snapshot when they are no longer kept.
A listener holds no queue: one that is too slow gets a snapshot again. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Any, NamedTuple

from tradelane.market.depth import Depth
from tradelane.market.feed import Feed, LevelChange, Message, Printed, Turned
from tradelane.market.ladder import DepthLevel
from tradelane.market.outcome import Event
from tradelane.market.product import Product
from tradelane.market.session import Phase

KEPT = 2_000
"""Messages kept for listeners that were away."""


class Told(NamedTuple):
    """An event by its name, with the number of the feed's last message that it holds, as JSON text."""

    number: int
    name: str
    text: str


class Channel:
    """The feed of one zone; prices and quantities are told as decimal text."""

    def __init__(self, product: Product, zone: str, depth: Depth, phase: Phase) -> None:
        self._product = product
        self._zone = zone
        self._feed = Feed(zone, depth, phase)
        self._kept: deque[Told] = deque(maxlen=KEPT)
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def number(self) -> int:
        """Of the last message."""
        return self._feed.number

    def snapshot(self) -> dict[str, Any]:
        """All that the messages so far make."""
        feed = self._feed
        return {
            "product": self._product.id,
            "zone": self._zone,
            "number": feed.number,
            "phase": feed.phase.value,
            "last": None if feed.last is None else self._product.price_text(feed.last),
            "sells": [self._level(level) for level in feed.depth.sells],
            "buys": [self._level(level) for level in feed.depth.buys],
        }

    def publish(self, events: Iterable[Event], depth: Depth, phase: Phase) -> None:
        """Tell what happened and where it led."""
        for message in self._feed.publish(events, depth, phase):
            name, body = self._told(message)
            self._kept.append(Told(message.number, name, _text({"number": message.number} | body)))
        self._wake()

    def close(self) -> None:
        """End every subscription, now and later."""
        self._closed = True
        self._wake()

    async def subscribe(self, last: int | None = None) -> AsyncIterator[Told]:
        """What comes after the message ``last``."""
        seen = last
        while not self._closed:
            changed = self._changed
            if seen is None or not self._holds(seen):
                seen = self._feed.number
                yield Told(seen, "snapshot", _text(self.snapshot()))
                continue
            for told in self._after(seen):
                seen = told.number
                yield told
            if seen == self._feed.number:
                await changed.wait()

    def _holds(self, number: int) -> bool:
        """Whether all messages after ``number`` are still kept."""
        return self._feed.number - len(self._kept) <= number <= self._feed.number

    def _after(self, number: int) -> list[Told]:
        first = len(self._kept) - (self._feed.number - number)
        return list(islice(self._kept, first, None))

    def _told(self, message: Message) -> tuple[str, dict[str, Any]]:
        if isinstance(message, Turned):
            return "phase", {"phase": message.phase.value}
        if isinstance(message, Printed):
            price, quantity = self._amounts(message.price, message.quantity)
            return "trade", {"price": price, "quantity": quantity, "taker": message.taker.value}
        if isinstance(message, LevelChange):
            level = DepthLevel(message.price, message.quantity, message.orders)
            return "level", {"side": message.side.value} | self._level(level)
        best = (("sell", message.sell), ("buy", message.buy))
        return "top", {side: None if level is None else self._level(level) for side, level in best}

    def _level(self, level: DepthLevel) -> dict[str, Any]:
        price, quantity = self._amounts(level.price, level.quantity)
        return {"price": price, "quantity": quantity, "orders": level.orders}

    def _amounts(self, price: int, quantity: int) -> tuple[str, str]:
        return self._product.price_text(price), self._product.quantity_text(quantity)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
