"""What moves the goods markets besides their members' messages: the clock, the operator, and who looks on.

Always true: only what was committed is told; numbers of a feed's messages begin anew with the process, whose
``epoch`` (wall ms) tells them apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket, Refused
from tradelane.gateway.goods_channel import Channel
from tradelane.gateway.refusals import refuse
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.market.session import Phase

LEVELS = 20
"""Levels of each side that a feed shows."""


@dataclass(slots=True)
class _Day:
    """A product's channels by zone, and the newest journal entry that they told of."""

    product: Product
    seq: int
    channels: dict[str, Channel]


class GoodsFloor:
    """``changed`` is called when something happened that may let a contract move."""

    def __init__(
        self, file: RoleFile, catalogue: Catalogue, clock: Clock, goods: GoodsMarket,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.epoch = clock.wall()
        self._file = file
        self._catalogue = catalogue
        self._clock = clock
        self._goods = goods
        self._changed = changed
        self._days: dict[str, _Day] = {}
        self._opening = asyncio.Lock()

    async def step(self) -> None:
        """Do what is due in today's markets, and tell what happened in those that someone looks at."""
        products = self._catalogue.open_goods(self._clock.now())
        if await self._file(lambda conn: self._advance(conn, products)):
            self._changed()
        open_now = {product.id for product in products}
        for day in list(self._days.values()):
            await self._publish(day)
            if day.product.id not in open_now:
                del self._days[day.product.id]
                for channel in day.channels.values():
                    channel.close()

    async def turn(self, name: str, phase: Phase) -> dict[str, Any]:
        """Bring a market into a phase, as its operator wants it; it may be there already."""
        product = self._open(name)
        now, wall = self._clock.now(), self._clock.wall()

        def work(conn: Connection) -> None:
            if self._goods.exchange(conn, product).phase is not phase:
                self._goods.turn(conn, product, phase, now, wall)

        try:
            await self._file(work)
        except Refused as refused:
            refuse(refused.refusal)
        self._changed()
        return {"product": product.id, "phase": phase.value}

    async def channel(self, name: str, zone: str) -> Channel:
        """What can be heard of a product in a zone."""
        product = self._open(name)
        if zone not in self._catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        async with self._opening:
            if product.id not in self._days:
                self._days[product.id] = await self._begun(product)
        return self._days[product.id].channels[zone]

    def close(self) -> None:
        for day in self._days.values():
            for channel in day.channels.values():
                channel.close()

    def _advance(self, conn: Connection, products: list[Product]) -> bool:
        now, wall = self._clock.now(), self._clock.wall()
        moved = [product for product in products if self._goods.advance(conn, product, now, wall)]
        return bool(moved)

    async def _begun(self, product: Product) -> _Day:
        news = await self._file(lambda conn: self._goods.news(conn, product, None, LEVELS))
        assert news is not None, "the first news are where the market stands"
        channels = {zone: Channel(product, zone, depth, news.phase) for zone, depth in news.depths.items()}
        return _Day(product, news.seq, channels)

    async def _publish(self, day: _Day) -> None:
        news = await self._file(lambda conn: self._goods.news(conn, day.product, day.seq, LEVELS))
        if news is not None:
            day.seq = news.seq
            for zone, channel in day.channels.items():
                channel.publish(news.events, news.depths[zone], news.phase)

    def _open(self, name: str) -> Product:
        product = self._catalogue.find(name)
        if isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_PRODUCT)
        if not self._catalogue.is_open(product, self._clock.now()):
            refuse(Refusal.UNKNOWN_PRODUCT)
        return product
