"""The edge role: reads the meters of a house or a street, closes intervals, and trades for its members.

source → reading log (sealed, stored) → metered interval → statement to the zone
                                      → forecast → offer, before each gate
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from sqlalchemy import Connection, insert, select, update

from tradelane.gateway import keys
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.offering import Offering
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.sections import Member
from tradelane.gateway.sources import sources
from tradelane.gateway.tables import metered
from tradelane.gateway.zone_client import ZoneClient, ZoneRefused, ZoneUnreachable
from tradelane.market.units import MINUTE, Interval, instant, iso
from tradelane.meter.metering import Metered, MeteredInterval, close_interval
from tradelane.meter.reading import Source

if TYPE_CHECKING:
    import httpx2

log = structlog.get_logger(__name__)
FLUSH_S = 0.2
"""Seconds of readings in one commit."""
RETRY_S = 1.0
PATIENCE = 2
"""Market time units after its end at which an interval is closed with what is known."""
REMEMBERED = 96
"""Intervals the forecast looks back on."""


class EdgeRole:
    """``[edge]`` of the configuration. Raises KeyFileError, UnknownProfile or BadProfile."""

    def __init__(
        self, config: Config, clock: Clock, zone_transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        assert config.edge is not None
        self._section = config.edge
        self._clock = clock
        self._mtu = (config.zone.mtu_minutes if config.zone else 15) * MINUTE
        self._file = RoleFile(config.edge_db, PLACE, HEAD)
        self._members = {member.id: member for member in config.edge.members}
        self._keys = {id: keys.load_or_create_key(config.key_file(id)) for id in self._members}
        self._meters = {m.name: m for m in config.edge.meters}
        owners = {meter: config.edge.owner(meter) for meter in self._meters}
        self._owners = {meter: owner for meter, owner in owners.items() if owner}
        sealing = {m: keys.load_or_create_key(config.sealing_key_file(m)) for m in self._meters}
        self._log = ReadingLog(self._file, sealing)
        self._sources: list[Source] = list(sources(config.edge, clock))
        self._zone = ZoneClient(config.edge.zone_url or "http://zone", zone_transport)
        self._closed: dict[str, list[MeteredInterval]] = {meter: [] for meter in self._meters}
        self._offering = Offering(self._section, self._closed)
        self._statements = asyncio.Event()
        self.router = APIRouter()

    async def start(self) -> None:
        self._file.open()
        await self._file.read(self._restore)

    def _restore(self, conn: Connection) -> None:
        for row in conn.execute(select(metered).order_by(metered.c.interval_start)):
            if row.meter in self._closed:
                self._remember(
                    MeteredInterval(
                        row.meter,
                        Interval(row.interval_start, row.interval_end),
                        row.import_wh,
                        row.export_wh,
                        row.production_wh,
                        Metered(row.quality),
                    )
                )
        self._log.restore(
            conn, {meter: rows[-1].interval.end for meter, rows in self._closed.items() if rows}
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._read(source))
            group.create_task(self._store())
            await self._register()
            group.create_task(self._trade())
            group.create_task(self._report())

    async def stop(self) -> None:
        for source in self._sources:
            await source.close()
        await self._zone.close()
        self._file.close()

    # Readings and intervals

    async def _read(self, source: Source) -> None:
        async for reading in source.readings():
            self._log.take(reading, self._clock.wall())

    async def _store(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._log.flush()
            rows = [row for meter in self._meters for row in self._close(meter)]
            if rows:
                await self._file(partial(_add_metered, rows=rows))
                self._statements.set()

    def _close(self, meter: str) -> list[dict[str, Any]]:
        """Rows of the intervals of ``meter`` that are over and known, oldest first."""
        history, found = self._log.histories[meter], []
        interval = self._next_interval(meter)
        while interval is not None and self._clock.now() >= interval.end:
            late = self._clock.now() >= interval.end + PATIENCE * self._mtu
            if not (history.reaches(interval.end) or late):
                break
            closed = close_interval(history, interval)
            if closed is None or closed.export_wh is None:
                break
            self._remember(closed)
            found.append(self._row(closed))
            interval = interval.shifted(1)
            history.trim(interval.start)
        return found

    def _next_interval(self, meter: str) -> Interval | None:
        if self._closed[meter]:
            return self._closed[meter][-1].interval.shifted(1)
        points = [p for p in self._log.histories[meter].points.values() if p]
        if not points:
            return None
        return Interval.at(max(p[0].time for p in points) - 1, self._mtu).shifted(1)

    def _remember(self, closed: MeteredInterval) -> None:
        rows = self._closed[closed.meter]
        rows.append(closed)
        del rows[:-REMEMBERED]

    def _row(self, closed: MeteredInterval) -> dict[str, Any]:
        return {
            "meter": closed.meter,
            "interval_start": closed.interval.start,
            "interval_end": closed.interval.end,
            "member": self._owners.get(closed.meter),
            "import_wh": closed.import_wh or 0,
            "export_wh": closed.export_wh or 0,
            "production_wh": closed.production_wh,
            "quality": closed.quality.value,
            "sent": closed.meter not in self._owners,
        }

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
        await asyncio.gather(*(self._insist("members", body["id"], body) for body in bodies))

    async def _insist(self, what: str, member: str, body: dict[str, Any]) -> bool:
        """Send until the zone has answered; False when it refused."""
        while True:
            try:
                await self._zone.send(what, self._keys[member], body)
                return True
            except ZoneUnreachable as error:
                log.warning("zone not reached, will try again", reason=str(error))
                await asyncio.sleep(RETRY_S)
            except ZoneRefused as refused:
                log.warning("zone refused", what=what, member=member, reason=str(refused))
                return False

    async def _report(self) -> None:
        """Tell the zone what was metered, once per interval, however often it takes."""
        while True:
            self._statements.clear()
            rows = await self._file.read(_unsent)
            await asyncio.gather(*(self._state(row) for row in rows))
            await self._statements.wait()

    async def _state(self, row: dict[str, Any]) -> None:
        meter = row["meter"]
        newest = self._log.newest.get(meter)
        body = {
            "member": row["member"],
            "meter": meter,
            "start": iso(row["interval_start"]),
            "end": iso(row["interval_end"]),
            "import_wh": row["import_wh"],
            "export_wh": row["export_wh"],
            "quality": row["quality"],
            "head": self._log.heads[meter].hash.hex(),
        }
        if newest is not None:
            body["read_wall"] = newest[1]
        await self._insist("statements", row["member"], body)
        done = update(metered).where(
            metered.c.meter == meter, metered.c.interval_start == row["interval_start"]
        )
        await self._file(lambda conn: conn.execute(done.values(sent=True)))

    async def _trade(self) -> None:
        """Before each gate, offer every member's surplus and bid for its use."""
        while True:
            try:
                products = await self._zone.products()
            except (ZoneUnreachable, ZoneRefused) as error:
                log.warning("no products from the zone", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            gate = next(instant(p["gate"]) for p in products if p["gate"])
            await self._clock.sleep_until(gate - max(MINUTE, self._clock.speed * 1000))
            drafts = [
                (member, body)
                for member in self._members.values()
                for body in self._offering.bodies(member, products, gate, self._log.newest)
            ]
            await asyncio.gather(*(self._order(member, body) for member, body in drafts))
            await self._clock.sleep_until(gate)

    async def _order(self, member: Member, body: dict[str, Any]) -> None:
        try:
            await self._zone.send("orders", self._keys[member.id], body)
        except ZoneUnreachable as error:
            log.warning("order not sent", order=body["id"], reason=str(error))
        except ZoneRefused as refused:
            log.info("order refused", order=body["id"], reason=str(refused))


def _add_metered(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(insert(metered), rows)


def _unsent(conn: Connection) -> list[dict[str, Any]]:
    query = select(metered).where(metered.c.sent.is_(False)).order_by(metered.c.interval_start)
    return [dict(row) for row in conn.execute(query).mappings()]
