"""An edge's metering as a process that may be killed at any instruction: read, seal, close, tell.

``python -m tests.gateway.mortal_edge FOLDER SEED`` goes on where the file stands, after a pause in which the
house went on, and ends with the simulated day. What it tells goes to FOLDER/told.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, select

from tests.meter.counters import QUARTER, START
from tests.meter.simulated import DAY_MINUTES, House
from tradelane.gateway import migrations
from tradelane.gateway.closing import Closing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.reporting import Reporting
from tradelane.gateway.tables import readings
from tradelane.gateway.zone_client import ZoneClient
from tradelane.market.units import MINUTE
from tradelane.meter.reading import Quality, Reading, Role

KEY = Ed25519PrivateKey.from_private_bytes(b"mortal".ljust(32, b"."))
HOUSE = House.seeded(7)
POLL = MINUTE
AT_ONCE = 3
"""Readings in one commit."""
DAY_END = DAY_MINUTES * MINUTE


class Told(ZoneClient):
    """Notes what is sent, before it answers: a kill in between has it sent again."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def send(self, what: str, key: Ed25519PrivateKey, body: dict[str, Any]) -> dict[str, Any]:
        with self._file.open("a") as file:
            file.write(json.dumps({"what": what} | body) + "\n")
        return {}


def reading(time: int) -> Reading:
    values = {"export_wh": HOUSE.wh(time), "voltage_l1_v": 230 + time // POLL % 37 / 10}
    return Reading("roof", "t", Role.GRID, START + time, None, Quality.GOOD, values)


def latest(conn: Connection) -> int | None:
    """When the last reading on disk was taken, ms into the day."""
    at = conn.execute(select(func.max(readings.c.at))).scalar()
    return None if at is None else int(at) - START


async def live(folder: Path, seed: int) -> None:
    file = RoleFile(folder / "edge.sqlite", migrations.PLACE, migrations.HEAD)
    file.open()
    log = ReadingLog(file, {"roof": KEY})
    closing = Closing(log, MarketUnits.of(QUARTER), {"roof": "rosa"})
    reporting = Reporting(file, log, Told(folder / "told"), {"rosa": KEY})
    await file.read(closing.restore)
    await file.read(log.restore)
    last = await file.read(latest)
    pause = random.Random(seed).randrange(0, 40) * POLL
    time = 0 if last is None else last + POLL + pause
    print("alive", flush=True)  # noqa: T201  # tells the test that it may be killed now
    await reporting.step()
    while time <= DAY_END + 2 * POLL:
        for _ in range(AT_ONCE):
            log.take(reading(min(time, DAY_END)), 0)
            time += POLL
        works = closing.due(START + time)
        await log.flush(works)
        if works:
            await reporting.step()
    await log.flush(closing.due(START + time))
    await reporting.step()
    file.close()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), int(sys.argv[2])))
