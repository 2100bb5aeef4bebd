"""The zone role: takes orders, closes gates, clears, and sees every contract settled.

Always true: an order is journaled before it has effect, and once a gate's closing is on its way to the
journal no order for it is taken: the journal decides the order of all things.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from sqlalchemy import Connection, select

from tradelane.gateway import auctions, keys
from tradelane.gateway.approvals import Approvals
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.data_api import data_router
from tradelane.gateway.desk import Desk
from tradelane.gateway.disputes import Disputes
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket
from tradelane.gateway.goods_api import goods_router
from tradelane.gateway.goods_floor import GoodsFloor
from tradelane.gateway.hub_accounts import open_lane_accounts
from tradelane.gateway.landed_prices import LandedPrices, landed_router
from tradelane.gateway.metrics import metrics_router
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.nominating import Nominator
from tradelane.gateway.operations import Operations
from tradelane.gateway.operator_api import operator_router
from tradelane.gateway.overview import Overview
from tradelane.gateway.overviews import overview
from tradelane.gateway.own_orders_api import own_orders_router
from tradelane.gateway.power_customs import PowerCustoms
from tradelane.gateway.publications import publications_router
from tradelane.gateway.reader import Reader
from tradelane.gateway.schedule import next_gate
from tradelane.gateway.settling import Settler
from tradelane.gateway.tables import orders
from tradelane.gateway.web.desk.routes import DOOR, desk_router
from tradelane.gateway.web.live import Live
from tradelane.gateway.web.pages import page_router
from tradelane.gateway.web.sign_in import first_link
from tradelane.gateway.zone_api import zone_router
from tradelane.market.product import Product
from tradelane.settlement.ehub.client import HubClient, HubError

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger(__name__)
IDLE_S = 0.25
"""Seconds between two looks at what can be settled when nothing wakes us."""
RETRY_S = 1.0
PAGE_S = 0.5
"""Seconds between two overviews sent to open pages."""
FEED_S = 0.25
"""Seconds between two publications of the goods markets' feeds."""


class ZoneRole:
    """``[zone]`` of the configuration."""

    def __init__(
        self, config: Config, clock: Clock, hub_transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        assert config.zone is not None
        self._clock = clock
        self.catalogue = Catalogue(config.zone)
        self._file = RoleFile(config.zone_db, PLACE, HEAD)
        self._wake = asyncio.Event()
        token_file = config.zone.hub_token_file or config.hub_token_file
        token = keys.load_or_create_token(token_file)
        self._hub = HubClient(config.zone.hub_url or "http://hub", token, hub_transport)
        self._approvals = Approvals(self._file, clock, config.zone, hub_transport)
        self._settler = Settler(self._file, self._hub, self.catalogue, clock)
        self._power_customs = PowerCustoms(self._file, self._hub, self.catalogue, clock)
        self._nominator = Nominator(self._file, self._hub, self.catalogue, clock)
        self._cleared = asyncio.Event()
        self._live = Live(clock.wall())
        goods = GoodsMarket(self.catalogue)
        self.desk = Desk(self._file, self.catalogue, clock, self._hub, goods, self._wake.set)
        self.reader = Reader(self._file, self.catalogue, clock, goods)
        self._floor = GoodsFloor(self._file, self.catalogue, clock, goods, self._wake.set)
        operations = Operations(self._file, self.catalogue, clock, goods, self._wake.set)
        operator = keys.load_or_create_token(config.operator_token_file)
        self.router = APIRouter()
        self.router.include_router(zone_router(self.desk, self.reader))
        prices = LandedPrices(self._file, self.catalogue, clock, goods)
        self.router.include_router(landed_router(prices))
        disputes = Disputes(self._file, clock, self._wake.set)
        self.router.include_router(
            own_orders_router(self.desk, self._file, self.catalogue, self._hub, disputes, operator)
        )
        self.router.include_router(goods_router(self._floor, operator))
        self.router.include_router(operator_router(operations, operator))
        self.router.include_router(metrics_router(operations))
        self.router.include_router(data_router(self._file, self.catalogue, clock))
        self.router.include_router(publications_router(self._file, self.catalogue, clock))
        self.router.include_router(desk_router(operations, self.reader, disputes, self._approvals, operator))
        self.router.include_router(page_router(self.overview, self._live))

    async def start(self) -> None:
        self._file.open()
        await self.desk.restore()
        link = await first_link(self._file, DOOR, self._clock, "operator")
        if link is not None:
            log.info("the desk's operator may sign in once", link=link)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._gates())
            group.create_task(self._settle())
            group.create_task(self._nominate())
            group.create_task(self._publish())
            group.create_task(self._trade_goods())

    def drain(self) -> None:
        self._floor.close()
        self._live.close()

    async def stop(self) -> None:
        await self._hub.close()
        await self._approvals.close()
        self._file.close()

    async def _gates(self) -> None:
        """Close every gate as it falls, and those that fell while this process was away or busy closing.

        The next gate is looked up first: one that falls while the others are closed is not missed.
        """
        while True:
            gate = next_gate(self._clock.now(), self.catalogue.mtu, self.catalogue.lead)
            for product in await self._file.read(self._unclosed):
                await self._close(product, self._clock.wall())
            await self._clock.sleep_until(gate.instant)
            await self._close(self.catalogue.power(gate.delivery), self._clock.wall())

    def _unclosed(self, conn: Connection) -> list[Product]:
        query = select(orders.c.product).where(orders.c.state == "open").distinct()
        products = [self.catalogue.find(name) for name in conn.execute(query).scalars()]
        now = self._clock.now()
        return [p for p in products if isinstance(p, Product) and p.gate is not None and p.gate <= now]

    async def _close(self, product: Product, wall: int) -> None:
        self.desk.close(product.id)
        gate = await self._file(lambda conn: auctions.close_gate(conn, product, self._clock.now()))
        book, set_kw, halt = await self._file.read(lambda conn: auctions.called(conn, product, gate))
        try:
            if halt is not None:
                raise auctions.NotCleared(halt.words())
            clearing = await asyncio.to_thread(auctions.run, self.catalogue, product, book, set_kw)
        except auctions.NotCleared as error:
            reason = str(error)
            log.error("not cleared: its orders stay unfilled", product=product.id, reason=reason)
            await self._file(lambda conn: auctions.give_up(conn, product, reason, self._clock.now()))
            return
        if not clearing.coupled:
            log.error("coupled clearing did not prove; zones cleared on their own", product=product.id)
        made = await self._file(
            lambda conn: auctions.publish(conn, self.catalogue, clearing, book, self._clock.now(), wall)
        )
        log.info("cleared", product=product.id, orders=len(book), contracts=made)
        self._wake.set()
        self._cleared.set()

    async def _settle(self) -> None:
        await self._open_lane_accounts()
        while True:
            self._wake.clear()
            if not await self._settler.step():
                await self._power_customs.step()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), IDLE_S)

    async def _nominate(self) -> None:
        while True:
            self._cleared.clear()
            if await self._nominator.step():
                await self._cleared.wait()
            else:
                await asyncio.sleep(RETRY_S)

    async def _open_lane_accounts(self) -> None:
        """However often it takes: a market trades on while its e-hub is away."""
        while True:
            try:
                await open_lane_accounts(self._hub, self.catalogue)
                return
            except HubError as error:
                log.warning("lane accounts not opened, will try again", reason=str(error))
                await asyncio.sleep(RETRY_S)

    async def _publish(self) -> None:
        while True:
            self._live.publish(await self._file.read(self._overview))
            await asyncio.sleep(PAGE_S)

    async def _trade_goods(self) -> None:
        while self.catalogue.goods:
            await self._floor.step()
            await asyncio.sleep(FEED_S)

    def _overview(self, conn: Connection) -> Overview:
        return overview(conn, self.catalogue, self._clock)

    def overview(self) -> Overview:
        return self._file.store.read_now(self._overview)
