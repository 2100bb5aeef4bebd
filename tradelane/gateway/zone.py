"""The zone role: takes orders, closes gates, clears, and sees every contract settled.

Always true: an order is journaled before it has effect, and once a gate's closing is on its way to the
journal no order for it is taken: the journal decides the order of all things.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from sqlalchemy import Connection, insert, select

from tradelane.gateway import auctions, journal, keys
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clearing_files import case_of, result_of_case
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket, Refused
from tradelane.gateway.hub_accounts import open_lane_accounts, open_member_account
from tradelane.gateway.intake import (
    CancelMessage,
    MemberMessage,
    OrderMessage,
    StatementMessage,
    check_order,
    check_signature,
    check_statement,
    refuse,
)
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.overview import Overview
from tradelane.gateway.overviews import overview, trade_view
from tradelane.gateway.schedule import next_gate
from tradelane.gateway.settling import Settler
from tradelane.gateway.tables import contracts, members, orders, prices, statements
from tradelane.gateway.web.live import Live
from tradelane.gateway.web.pages import page_router
from tradelane.gateway.zone_api import zone_router
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.market.result import price_text
from tradelane.market.units import Interval, iso
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.problem import Problem

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger(__name__)
Json = dict[str, Any]
IDLE_S = 0.25
"""Seconds between two looks at what can be settled when nothing wakes us."""
PAGE_S = 0.5
"""Seconds between two overviews sent to open pages."""


class ZoneRole:
    """``[zone]`` of the configuration."""

    def __init__(
        self, config: Config, clock: Clock, hub_transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        assert config.zone is not None
        self._clock = clock
        self.catalogue = Catalogue(config.zone)
        self._file = RoleFile(config.zone_db, PLACE, HEAD)
        self._goods = GoodsMarket(self.catalogue)
        self._keys: dict[str, str] = {}
        self._closed: set[str] = set()
        self._wake = asyncio.Event()
        token_file = config.zone.hub_token_file or config.hub_token_file
        self._secret = keys.load_or_create_token(token_file)
        self._hub = HubClient(config.zone.hub_url or "http://hub", self._secret, hub_transport)
        self._settler = Settler(self._file, self._hub, self.catalogue, clock, self._secret)
        self._live = Live(clock.wall())
        self.router = APIRouter()
        self.router.include_router(zone_router(self))
        self.router.include_router(page_router(self.overview, self._live))

    async def start(self) -> None:
        self._file.open()
        await self._file(lambda conn: self._goods.replay(conn, self._clock.now()))
        for row in await self._file.read(lambda conn: conn.execute(select(members)).all()):
            self._keys[row.id] = row.public_key

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._gates())
            group.create_task(self._settle())
            group.create_task(self._publish())

    def drain(self) -> None:
        self._live.close()

    async def stop(self) -> None:
        await self._hub.close()
        self._file.close()

    # Members, orders, statements

    async def register(self, message: MemberMessage) -> Json:
        if message.zone not in self.catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        check_signature(message, message.public_key)
        known = self._keys.get(message.id)
        if known is not None and known != message.public_key:
            raise Problem.field(409, "member-exists", "id", "another key is registered under this id")
        currency = self.catalogue.zones[message.zone].currency
        try:
            account = await open_member_account(self._hub, message.id, message.name, currency)
        except (HubUnreachable, HubRefused) as error:
            raise Problem(503, "hub-unreachable", "The e-hub cannot be reached", str(error)) from error
        if known is None:
            await self._file(lambda conn: self._add_member(conn, message))
            self._keys[message.id] = message.public_key
        return {"id": message.id, "zone": message.zone, "account": account}

    def _add_member(self, conn: Connection, message: MemberMessage) -> None:
        if conn.execute(select(members.c.id).where(members.c.id == message.id)).first():
            return
        now = self._clock.now()
        body = {
            "id": message.id,
            "name": message.name,
            "zone": message.zone,
            "public_key": message.public_key,
        }
        journal.append(conn, "member", body, now)
        conn.execute(insert(members).values(**body, registered_at=now))

    def _public_key(self, member: str) -> str:
        key = self._keys.get(member)
        if key is None:
            refuse(Refusal.UNKNOWN_MEMBER)
        return key

    def open_products(self) -> list[Json]:
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
            for product in (self.catalogue.next_power(now), *self.catalogue.open_goods(now))
        ]

    async def order(self, message: OrderMessage) -> Json:
        check_signature(message, self._public_key(message.member))
        earlier = await self._file.read(lambda conn: self._same_order(conn, message))
        if earlier is not None:
            return earlier
        now, wall = self._clock.now(), self._clock.wall()
        open_goods = {p.id for p in self.catalogue.open_goods(now)}
        order, product, kind = check_order(message, self.catalogue, open_goods, now)
        if product.id in self._closed:
            refuse(Refusal.GATE_CLOSED)
        if product.gate is None:
            try:
                seq, outcome = await self._file(
                    lambda conn: self._goods.submit(conn, order, product, kind, now, wall)
                )
            except Refused as refused:
                refuse(refused.refusal)
            self._wake.set()
            traded = sum(t.sent if order.side.sign > 0 else t.received for t in outcome.trades)
            return {"id": order.id, "seq": seq, "filled": product.quantity_text(traded)}
        row = {
            "id": order.id,
            "product": product.id,
            "zone": order.zone,
            "member": order.member,
            "side": order.side.value,
            "price": order.price,
            "quantity": order.quantity,
        }
        seq = await self._file(lambda conn: self._take_order(conn, row, message.read_wall, now, wall))
        return {"id": order.id, "seq": seq, "filled": "0"}

    def _same_order(self, conn: Connection, message: OrderMessage) -> Json | None:
        """The first answer to an order that was sent before; a changed one under its id is refused."""
        row = conn.execute(select(orders).where(orders.c.id == message.id)).first()
        if row is None:
            return None
        product = self.catalogue.find(row.product)
        assert isinstance(product, Product)
        first = (row.member, row.product, row.zone, row.side, product.price_text(row.price))
        try:
            again = (
                message.member,
                message.product,
                message.zone,
                message.side,
                product.price_text(product.ticks(message.price)),
            )
            same = first == again and product.lots(message.quantity) == row.quantity
        except ValueError:
            same = False
        if not same:
            refuse(Refusal.DUPLICATE_ID)
        return {"id": row.id, "seq": row.seq, "filled": product.quantity_text(row.filled)}

    def _take_order(self, conn: Connection, row: Json, read_wall: int | None, now: int, wall: int) -> int:
        existing = conn.execute(select(orders.c.seq).where(orders.c.id == row["id"])).scalar()
        if existing is not None:
            raise Problem.field(409, "in-progress", "id", "this order is being taken; ask again")
        seq = journal.append(conn, "order", row, now)
        conn.execute(
            insert(orders).values(
                **row, seq=seq, state="open", at=now, received_wall=wall, read_wall=read_wall
            )
        )
        return seq

    async def cancel(self, message: CancelMessage) -> Json:
        check_signature(message, self._public_key(message.member))
        query = select(orders.c.product).where(orders.c.id == message.id)
        name = await self._file.read(lambda conn: conn.execute(query).scalar())
        product = self.catalogue.find(name or "")
        if isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_ORDER)
        now = self._clock.now()
        try:
            outcome = await self._file(
                lambda conn: self._goods.cancel(conn, message.id, product, message.member, now)
            )
        except Refused as refused:
            refuse(refused.refusal)
        return {"id": message.id, "cancelled": product.quantity_text(outcome.cancelled)}

    async def statement(self, message: StatementMessage) -> Json:
        check_signature(message, self._public_key(message.member))
        interval = check_statement(message, self.catalogue.mtu, self._clock.now())
        seq = await self._file(lambda conn: self._take_statement(conn, message, interval))
        self._wake.set()
        return {"member": message.member, "start": message.start, "seq": seq}

    def _take_statement(self, conn: Connection, message: StatementMessage, interval: Interval) -> int:
        key = (statements.c.member == message.member, statements.c.interval_start == interval.start)
        row = conn.execute(select(statements).where(*key)).first()
        if row is not None:
            if (row.import_wh, row.export_wh) != (message.import_wh, message.export_wh):
                raise Problem.field(409, "statement-exists", "start", "this interval has another statement")
            return int(row.seq)
        seq = journal.append(conn, "statement", message.signed(), self._clock.now())
        conn.execute(
            insert(statements).values(
                member=message.member,
                interval_start=interval.start,
                interval_end=interval.end,
                import_wh=message.import_wh,
                export_wh=message.export_wh,
                quality=message.quality,
                signature=message.signature,
                read_wall=message.read_wall,
                seq=seq,
            )
        )
        return seq

    # Gates and settlement

    async def _gates(self) -> None:
        """Close every gate as it falls; first those that fell while this process was away."""
        for product in await self._file.read(self._unclosed):
            await self._close(product, self._clock.wall())
        while True:
            gate = next_gate(self._clock.now(), self.catalogue.mtu, self.catalogue.lead)
            await self._clock.sleep_until(gate.instant)
            await self._close(self.catalogue.power(gate.delivery), self._clock.wall())

    def _unclosed(self, conn: Connection) -> list[Product]:
        query = select(orders.c.product).where(orders.c.state == "open").distinct()
        products = [self.catalogue.find(name) for name in conn.execute(query).scalars()]
        now = self._clock.now()
        return [p for p in products if isinstance(p, Product) and p.gate is not None and p.gate <= now]

    async def _close(self, product: Product, wall: int) -> None:
        self._closed.add(product.id)
        await self._file(lambda conn: auctions.close_gate(conn, product, self._clock.now()))
        book = await self._file.read(lambda conn: auctions.orders_of(conn, product.id))
        clearing = await asyncio.to_thread(auctions.run, self.catalogue, product, book)
        if not clearing.coupled:
            log.error("coupled clearing did not prove; zones cleared on their own", product=product.id)
        made = await self._file(
            lambda conn: auctions.publish(conn, self.catalogue, clearing, book, self._clock.now(), wall)
        )
        log.info("cleared", product=product.id, orders=len(book), contracts=made)
        self._wake.set()

    async def _settle(self) -> None:
        while not await self._hub.healthy():
            await asyncio.sleep(IDLE_S)
        await open_lane_accounts(self._hub, self.catalogue)
        while True:
            self._wake.clear()
            if not await self._settler.step():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), IDLE_S)

    # What others see

    async def _publish(self) -> None:
        while True:
            self._live.publish(await self._file.read(lambda conn: self._overview(conn, None)))
            await asyncio.sleep(PAGE_S)

    def _overview(self, conn: Connection, member: str | None) -> Overview:
        return overview(conn, self.catalogue, self._clock, member)

    def overview(self, member: str | None) -> Overview:
        return self._file.store.read_now(lambda conn: self._overview(conn, member))

    async def depth(self, name: str, zone: str, levels: int) -> Json:
        product = self.catalogue.find(name)
        if isinstance(product, Refusal) or product.gate is not None:
            refuse(Refusal.UNKNOWN_PRODUCT)
        if zone not in self.catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        found = await self._file(lambda conn: self._goods.exchange(product).depth(zone, levels))
        return {
            side: [
                {"price": product.price_text(level.price), "quantity": product.quantity_text(level.quantity)}
                for level in rows
            ]
            for side, rows in (("sells", found.sells), ("buys", found.buys))
        }

    async def trades(self, after: int, limit: int) -> Json:
        query = select(contracts).where(contracts.c.seq > after).order_by(contracts.c.seq, contracts.c.id)
        rows = await self._file.read(lambda conn: list(conn.execute(query.limit(limit)).mappings()))
        return {"items": [{**trade_view(row, {}), "seq": row["seq"]} for row in rows]}

    async def price_rows(self, after: int, limit: int) -> Json:
        query = select(prices).where(prices.c.seq > after).order_by(prices.c.seq, prices.c.zone).limit(limit)
        rows = await self._file.read(lambda conn: list(conn.execute(query)))
        found = []
        for row in rows:
            product = self.catalogue.power(Interval(row.interval_start, row.interval_end))
            price = None if row.price is None else price_text(product, row.price)
            found.append({"product": row.product, "zone": row.zone, "price": price, "seq": row.seq})
        return {"items": found}

    async def clearing_files(self, name: str) -> tuple[Json, Json]:
        product = self.catalogue.find(name)
        if isinstance(product, Refusal) or product.gate is None or self._clock.now() < product.gate:
            raise Problem.field(404, "no-clearing", "product", "no clearing of this product yet")
        book = await self._file.read(lambda conn: auctions.orders_of(conn, product.id))
        case = case_of(self.catalogue, product, book)
        return case, await asyncio.to_thread(result_of_case, case)
