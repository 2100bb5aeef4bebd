"""What an edge tells its zone of metered energy: statements and their corrections.

Always true: each meter's intervals are told in order, each once, however long the zone is away: what is not
yet answered stands on disk as not sent, and is sent again after a kill, to the same effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, select, update

from tradelane.gateway.file import RoleFile
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.tables import metered, metered_corrections
from tradelane.gateway.zone_client import ZoneClient, ZoneRefused, ZoneUnreachable
from tradelane.market.units import iso

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

log = structlog.get_logger(__name__)
RETRY_S = 1.0
STATEMENT, CORRECTION = 0, 1
Json = dict[str, Any]


class Reporting:
    """``keys`` are the members'. ``wake`` says that there may be something to tell."""

    def __init__(
        self, file: RoleFile, readings: ReadingLog, zone: ZoneClient, keys: Mapping[str, Ed25519PrivateKey]
    ) -> None:
        self._file = file
        self._readings = readings
        self._zone = zone
        self._keys = keys
        self.wake = asyncio.Event()

    async def run(self) -> None:
        while True:
            self.wake.clear()
            await self.step()
            await self.wake.wait()

    async def step(self) -> None:
        """Tell all that stands untold; meters side by side, each one's intervals in order."""
        rows = await self._file.read(_unsent)
        meters = [list(group) for _, group in groupby(rows, key=lambda row: row["meter"])]
        await asyncio.gather(*(self._in_order(group) for group in meters))

    async def _in_order(self, rows: list[Json]) -> None:
        for row in rows:
            correction = row["kind"] == CORRECTION
            what, table = ("corrections", metered_corrections) if correction else ("statements", metered)
            await self.insist(what, row["member"], self._body(row))
            told = (table.c.meter == row["meter"], table.c.interval_start == row["interval_start"])
            done = update(table).where(*told).values(sent=True)
            await self._file(lambda conn, done=done: conn.execute(done))  # type: ignore[misc]  # lambda default

    def _body(self, row: Json) -> Json:
        meter = row["meter"]
        body = {
            "member": row["member"],
            "meter": meter,
            "start": iso(row["interval_start"]),
            "end": iso(row["interval_end"]),
            "import_wh": row["import_wh"],
            "export_wh": row["export_wh"],
            "quality": row["quality"],
            "head": self._readings.heads[meter].hash.hex(),
        }
        signed = self._readings.signed.get(meter)
        if signed is not None:
            body |= {"head_seq": signed.head.seq, "head_signature": signed.signature.hex()}
        newest = self._readings.newest.get(meter)
        if newest is not None and row["kind"] == STATEMENT:
            body["read_wall"] = newest[1]
        return body

    async def insist(self, what: str, member: str, body: Json) -> bool:
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


def _unsent(conn: Connection) -> list[Json]:
    """By meter, and in the order in which they are to be told."""
    told = select(metered).where(metered.c.sent.is_(False))
    rows = [dict(row) | {"kind": STATEMENT} for row in conn.execute(told).mappings()]
    c = metered_corrections.c
    later = (
        select(metered_corrections, metered.c.interval_end, metered.c.member)
        .join(metered, (metered.c.meter == c.meter) & (metered.c.interval_start == c.interval_start))
        .where(c.sent.is_(False))
    )
    rows += [dict(row) | {"kind": CORRECTION} for row in conn.execute(later).mappings()]
    return sorted(rows, key=lambda row: (row["meter"], row["interval_start"], row["kind"]))
