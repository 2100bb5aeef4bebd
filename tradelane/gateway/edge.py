"""The edge role: reads the meters of a house or a street, closes intervals, and trades for its members.

source → reading log (sealed, stored) → closing → reporting: statements to the zone
                                      → forecast → offer, before each gate
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from sqlalchemy import Connection

from tradelane.gateway import forecasts, keys
from tradelane.gateway.choices import PRICES, Choices
from tradelane.gateway.clock import Clock
from tradelane.gateway.closing import Closing
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.homeassistant import home_link
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.meter_rules import rules_of
from tradelane.gateway.meter_views import MeterDoor, meter_router
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.offering import Offering
from tradelane.gateway.reading_log import ReadingLog, Work
from tradelane.gateway.reporting import Reporting
from tradelane.gateway.sections import Member
from tradelane.gateway.sources import sources
from tradelane.gateway.thinning import Thinning
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.live import Live
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.own_goods import OwnGoods
from tradelane.gateway.web.phone.own_zone import OwnZone
from tradelane.gateway.web.phone.routes import ENTRANCE, phone_router
from tradelane.gateway.web.sessions import Role
from tradelane.gateway.zone_client import ZoneClient, ZoneRefused, ZoneUnreachable
from tradelane.market.units import MINUTE, instant, iso
from tradelane.meter.reading import Source

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger(__name__)
LEAST_COMMIT_S = 0.2
"""Real seconds between commits at least, where market time is faster; less only if configured."""
CLOSING_S = 1.0
"""Market seconds between looks for intervals to close, which go through all meters, and writings of heads."""
RETRY_S = 1.0
PAGE_S = 2.0
"""Seconds between two looks of open pages."""
THIN_EVERY = 60 * MINUTE


class EdgeRole:
    """``[edge]`` of the configuration. Raises KeyFileError, UnknownProfile or BadProfile."""

    def __init__(
        self, config: Config, clock: Clock, zone_transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        assert config.edge is not None
        section = config.edge
        self._clock = clock
        self._commit_s = section.commit_ms / 1000
        self._units = MarketUnits()
        self._file = RoleFile(config.edge_db, PLACE, HEAD)
        self._members = {member.id: member for member in section.members}
        self._keys = {id: keys.load_or_create_key(config.key_file(id)) for id in self._members}
        meters = [meter.name for meter in section.meters]
        owners = {meter: owner for meter in meters if (owner := section.owner(meter))}
        sealing = {meter: keys.load_or_create_key(config.sealing_key_file(meter)) for meter in meters}
        self._log = ReadingLog(self._file, sealing, rules_of(section))
        self._closing = Closing(self._log, self._units, owners)
        self._thinning = Thinning(self._file, sealing, self._units, section.keep_readings_days)
        self._sources: list[Source] = list(sources(section, clock))
        self._zone = ZoneClient(section.zone_url or "http://zone", zone_transport)
        self._offering = Offering(section, self._closing.closed)
        zone = None if section.zone_url else config.zone
        limits = PRICES if zone is None else (zone.min_price, zone.max_price)
        self._choices = Choices(section.members, limits)
        self._home = home_link(section, self._choices, self._mine, self._file, clock)
        self._reporting = Reporting(self._file, self._log, self._zone, self._keys)
        self._works: list[Work] = []
        """What waits for the next commit."""
        self.router = APIRouter()
        secret = keys.load_or_create_token(config.edge_token_file)
        door = MeterDoor(Guard(self._file, Role.OWNER, clock, ENTRANCE), secret, owners)
        self.router.include_router(meter_router(self._file, self._log, self._closing, clock, door))
        self._live = Live(clock.wall())
        zone_seen = OwnZone(self._mine, self._zone.prices, self._money)
        goods = OwnGoods(self._zone, self._send, lambda: iso(clock.now()))
        household = Household(
            self._file, clock, self._choices, self._log, self._closing, zone_seen, goods, self._live
        )
        self.router.include_router(phone_router(household, secret))

    async def start(self) -> None:
        self._file.open()
        await self._file.read(self._restore)

    def _restore(self, conn: Connection) -> None:
        self._units.restore(conn)
        self._closing.restore(conn)
        self._log.restore(conn)
        self._choices.restore(conn)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._read(source))
            group.create_task(self._store())
            group.create_task(self._thin())
            if self._home is not None:
                group.create_task(self._home.run())
            group.create_task(self._beat())
            await self._register()
            group.create_task(self._trade())
            group.create_task(self._reporting.run())

    def drain(self) -> None:
        self._live.close()

    async def stop(self) -> None:
        for source in self._sources:
            await source.close()
        await self._zone.close()
        self._file.close()

    async def _read(self, source: Source) -> None:
        async for reading in source.readings():
            self._log.take(reading, self._clock.wall())
            if self._home is not None:
                self._home.heard(reading)

    async def _store(self) -> None:
        """A commit every ``commit_ms`` at most: what has come, and what it was found to close."""
        pause_s = max(min(LEAST_COMMIT_S, self._commit_s), self._commit_s / self._clock.speed)
        turns = max(1, round(CLOSING_S / self._clock.speed / pause_s))
        for turn in itertools.count(1):
            await asyncio.sleep(pause_s)
            whole = turn % turns == 0
            works, self._works = self._works, []
            closed = self._closing.due(self._clock.now()) if whole else []
            await self._log.flush([*works, *closed], keep_heads=whole)
            if closed:
                self._reporting.wake.set()

    async def _thin(self) -> None:
        while True:
            gone = await self._thinning.step(self._clock.now())
            if gone:
                log.info("old readings thinned", readings=gone)
            await self._clock.sleep(THIN_EVERY)

    async def _beat(self) -> None:
        """Open pages look again this often."""
        while True:
            self._live.publish({"now": iso(self._clock.now())})
            await asyncio.sleep(PAGE_S)

    # The zone

    async def _register(self) -> None:
        bodies = [
            {
                "id": member.id,
                "name": member.name,
                "zone": member.zone,
                "public_key": keys.public_key_text(self._keys[member.id]),
            }
            for member in self._members.values()
        ]
        await asyncio.gather(*(self._reporting.insist("members", body["id"], body) for body in bodies))

    async def _trade(self) -> None:
        """Before each gate, offer every member's surplus and bid for its use."""
        while True:
            try:
                products = await self._products()
            except (ZoneUnreachable, ZoneRefused, ValueError) as error:
                log.warning("no products from the zone", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            gate = next(instant(p["gate"]) for p in products if p["gate"])
            await self._clock.sleep_until(gate - max(MINUTE, self._clock.speed * 1000))
            drafts = [
                (member, body)
                for member in self._choices.members()
                for body in self._offering.bodies(member, products, gate, self._log.newest)
            ]
            self._works += [forecasts.keeping(self._offering.made, self._clock.now())]
            self._offering.made = []
            await asyncio.gather(*(self._order(member, body) for member, body in drafts))
            await self._clock.sleep_until(gate)

    async def _products(self) -> list[dict[str, Any]]:
        """What can be ordered now; how long its intervals are is heeded, and stored with the next commit."""
        products = await self._zone.products()
        changed = self._units.told(products)
        if changed is not None:
            log.info("the zone's market time unit", units=str(self._units))
            self._works.append(changed)
        return products

    async def _mine(self, member: str) -> dict[str, Any]:
        return await self._zone.mine(self._keys[member], member, self._clock.now())

    async def _money(self, member: str, after: str | None) -> dict[str, Any]:
        asked = {"member": member, "at": iso(self._clock.now())}
        more = {} if after is None else {"after": after}
        return await self._send(member, "mine/money", asked | more)

    async def _send(self, member: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._zone.send(what, self._keys[member], body)

    async def _order(self, member: Member, body: dict[str, Any]) -> None:
        try:
            await self._zone.send("orders", self._keys[member.id], body)
        except ZoneUnreachable as error:
            log.warning("order not sent", order=body["id"], reason=str(error))
        except ZoneRefused as refused:
            log.info("order refused", order=body["id"], reason=str(refused))
