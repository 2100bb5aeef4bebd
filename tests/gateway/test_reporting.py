"""Eight hours without the zone's host: what was metered is told afterwards, in order, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
from sqlalchemy import Connection, insert, select

from tests.gateway.marketplace import ANNA, START, Marketplace, in_market, kinds
from tradelane.gateway import migrations
from tradelane.gateway.file import RoleFile
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.reporting import Reporting
from tradelane.gateway.tables import metered, metered_corrections
from tradelane.gateway.zone_client import ZoneClient
from tradelane.market.units import MINUTE, Interval, iso
from tradelane.meter.reading import Quality, Reading, Role

QUARTERS = [Interval.at(START, 15 * MINUTE).shifted(k) for k in range(32)]


class Cable(httpx2.AsyncBaseTransport):
    """The way to the zone; ``up`` or not. ``tried`` counts the requests."""

    def __init__(self, market: Marketplace) -> None:
        self._market = market
        self.up = False
        self.tried = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.tried += 1
        if not self.up:
            raise httpx2.ConnectError("no route to host")
        return await httpx2.ASGITransport(self._market.app).handle_async_request(request)


def row(interval: Interval, wh: int) -> dict[str, object]:
    return {
        "meter": "roof-anna", "interval_start": interval.start, "import_wh": 0, "export_wh": wh,
        "production_wh": None, "quality": "measured", "sent": False,
    }  # fmt: skip


def close(conn: Connection, interval: Interval, wh: int) -> None:
    more = {"interval_end": interval.end, "member": "anna"}
    conn.execute(insert(metered).values(row(interval, wh) | more))


@asynccontextmanager
async def reporting(folder: Path, cable: Cable) -> AsyncIterator[tuple[Reporting, RoleFile]]:
    """An edge that tells, until it is killed."""
    file = RoleFile(folder / "anna.sqlite", migrations.PLACE, migrations.HEAD)
    file.open()
    log = ReadingLog(file, {"roof-anna": ANNA.key})
    await file.read(log.restore)
    at = START + log.heads["roof-anna"].seq * MINUTE
    log.take(Reading("roof-anna", "t", Role.GRID, at, None, Quality.GOOD, {"export_wh": 5}), 77)
    await log.flush()
    found = Reporting(file, log, ZoneClient("http://zone", cable), {"anna": ANNA.key})
    task = asyncio.create_task(found.run())
    try:
        yield found, file
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        file.close()


async def untold(file: RoleFile) -> int:
    tables = (metered, metered_corrections)
    return sum([
        len(await file.read(lambda conn, t=t: conn.execute(select(t.c.meter).where(~t.c.sent)).all()))  # type: ignore[misc]  # lambda default
        for t in tables
    ])  # fmt: skip


def test_eight_hours_without_the_zone_lose_and_double_nothing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(ANNA)
        market.now = QUARTERS[-1].end + MINUTE
        cable = Cable(market)
        for part in (QUARTERS[:20], QUARTERS[20:]):
            async with reporting(tmp_path, cable) as (edge, file):
                tried = cable.tried
                for k, interval in enumerate(part):
                    await file(lambda conn, i=interval, k=k: close(conn, i, 100 + k))  # type: ignore[misc]  # lambda default
                    edge.wake.set()

                async def tried_again(tried: int = tried) -> bool:
                    return cable.tried > tried + 1

                await market.until(tried_again)
                correction = row(part[3], 333) | {"at": START}
                await file(lambda conn, c=correction: conn.execute(insert(metered_corrections).values(c)))  # type: ignore[misc]  # lambda default
        assert "statement" not in kinds(market)
        async with reporting(tmp_path, cable) as (edge, file):
            cable.up = True

            async def all_told() -> bool:
                return await untold(file) == 0

            await market.until(all_told)
            edge.wake.set()
            await edge.step()
        told = [
            (kind, json.loads(body))
            for kind, body in market.rows("SELECT kind, body FROM journal ORDER BY seq")
            if kind in ("statement", "correction")
        ]
        stated = [(body["start"], body["export_wh"]) for kind, body in told if kind == "statement"]
        energy = [100 + k for k in (*range(20), *range(12))]
        assert stated == [(iso(i.start), wh) for i, wh in zip(QUARTERS, energy, strict=True)]
        corrected = [k for k, (kind, _) in enumerate(told) if kind == "correction"]
        assert corrected == [24], "after its statement, before the next; hours later the other is refused"
        assert [body["head_seq"] for _, body in told] == [3] * 33
        assert market.rows("SELECT seq FROM heads") == [(3,)]

    in_market(tmp_path, use)
