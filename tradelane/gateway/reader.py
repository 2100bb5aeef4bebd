"""A zone's answers to readers: depth, trades, prices, and each clearing as files anyone can prove."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Select, Table, func, select

from tradelane.gateway import auctions, zone_heads
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clearing_files import case_of, result_of_case
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket
from tradelane.gateway.overviews import trade_view
from tradelane.gateway.preferences import wishes_of
from tradelane.gateway.refusals import refuse
from tradelane.gateway.tables import contracts, prices
from tradelane.market.order import Refusal
from tradelane.market.result import price_text
from tradelane.market.units import Interval, iso
from tradelane.settlement.problem import Problem

Json = dict[str, Any]
KEPT = 4
"""Clearings whose files are kept in memory."""


class Reader:
    def __init__(self, file: RoleFile, catalogue: Catalogue, clock: Clock, goods: GoodsMarket) -> None:
        self._file = file
        self._catalogue = catalogue
        self._clock = clock
        self._goods = goods
        self._results: dict[str, tuple[Json, Json]] = {}

    def products(self) -> list[Json]:
        now = self._clock.now()
        return [
            {
                "id": product.id,
                "unit": product.unit,
                "lot": str(product.lot),
                "tick": str(product.tick),
                "gate": None if product.gate is None else iso(product.gate),
                "hs_code": product.hs_code,
            }
            for product in (self._catalogue.next_power(now), *self._catalogue.open_goods(now))
        ]

    async def depth(self, name: str, zone: str, levels: int) -> Json:
        product = self._catalogue.find(name)
        if isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_PRODUCT)
        if not self._catalogue.is_open(product, self._clock.now()):
            refuse(Refusal.UNKNOWN_PRODUCT)
        if zone not in self._catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        found = await self._file(lambda conn: self._goods.exchange(conn, product).depth(zone, levels))
        return {
            side: [
                {"price": product.price_text(level.price), "quantity": product.quantity_text(level.quantity)}
                for level in rows
            ]
            for side, rows in (("sells", found.sells), ("buys", found.buys))
        }

    async def trades(self, after: int, limit: int) -> Json:
        """What one entry of the journal brought stays together, so a page may be longer than ``limit``."""
        query = _page(contracts, after, limit).order_by(contracts.c.seq, contracts.c.id)
        rows = await self._file.read(lambda conn: list(conn.execute(query).mappings()))
        return {"items": [{**trade_view(row), "seq": row["seq"]} for row in rows]}

    async def price_rows(self, after: int, limit: int) -> Json:
        """Paged as ``trades``."""
        query = _page(prices, after, limit).order_by(prices.c.seq, prices.c.zone)
        rows = await self._file.read(lambda conn: list(conn.execute(query)))
        found = []
        for row in rows:
            product = self._catalogue.power(Interval(row.interval_start, row.interval_end))
            price = None if row.price is None else price_text(product, row.price)
            found.append({"product": row.product, "zone": row.zone, "price": price, "seq": row.seq})
        return {"items": found}

    async def heads(self, member: str) -> Json:
        found = await self._file.read(lambda conn: list(zone_heads.kept(conn, member)))
        return {"items": [one.to_json() for one in found]}

    async def case(self, name: str) -> Json:
        """The case file of a power product that was cleared. Raises Problem 404."""
        product = self._catalogue.find(name)
        query = select(prices.c.seq).where(prices.c.product == name).limit(1)
        cleared = await self._file.read(lambda conn: conn.execute(query).scalar())
        if cleared is None or isinstance(product, Refusal):
            raise Problem.field(404, "no-clearing", "product", "no clearing of this product")
        called, wishes = await self._file.read(
            lambda conn: (auctions.called(conn, product, cleared), wishes_of(conn, product.id))
        )
        return case_of(self._catalogue, product, called.book, wishes, called.set_kw)

    async def clearing_files(self, name: str) -> tuple[Json, Json]:
        """A cleared power product's case and result; the newest asked for are kept. Raises Problem 404."""
        found = self._results.pop(name, None)
        if found is None:
            case = await self.case(name)
            found = case, await asyncio.to_thread(result_of_case, case)
        self._results[name] = found
        while len(self._results) > KEPT:
            del self._results[next(iter(self._results))]
        return found


def _page(table: Table, after: int, limit: int) -> Select[Any]:
    """Rows of whole journal entries above ``after``, of as many entries as ``limit`` rows reach into."""
    reached = select(table.c.seq).where(table.c.seq > after).order_by(table.c.seq).limit(limit).subquery()
    last = select(func.max(reached.c.seq)).scalar_subquery()
    return select(table).where(table.c.seq > after, table.c.seq <= last)
