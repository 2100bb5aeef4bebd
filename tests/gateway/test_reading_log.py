"""Readings sealed, stored and counted, and taken up again after a restart as if there had been none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradelane.gateway.file import RoleFile
from tradelane.gateway.migrations import HEAD, PLACE
from tradelane.gateway.reading_log import ReadingLog, records
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.meter.metering import MeteredInterval, close_interval
from tradelane.meter.reading import Quality, Reading, Role, Value
from tradelane.meter.seal import verify_chain

NOON = Interval.at(instant("2026-06-21T12:00Z"), 15 * MINUTE)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def reading(at: int, role: Role, quality: Quality = Quality.GOOD, **values: Value) -> Reading:
    return Reading("roof", "sunspec", role, at, None, quality, values)


def polled(at: int, step: int) -> list[Reading]:
    """Both roles of one poll, the inverter's a moment after the meter's."""
    return [
        reading(at, Role.GRID, export_wh=5_000 + 20 * step, import_wh=900),
        reading(at + 700, Role.SOLAR, production_wh=8_000 + 30 * step),
    ]


REGULAR = [one for k in range(40) for one in polled(NOON.start - 5 * MINUTE + k * 45_000, k)]
BAD_AT_THE_BOUNDARY = [
    reading(one.gateway_time, one.role, Quality.STALE, **dict.fromkeys(one.values))
    if abs(one.gateway_time - NOON.start) < 3 * MINUTE
    else one
    for one in REGULAR
]


def metered(folder: Path, readings: Sequence[Reading], restart: bool) -> MeteredInterval | None:
    """The interval after NOON, metered by one log, or by a second one from what the first has stored."""

    async def run() -> MeteredInterval | None:
        file = RoleFile(folder / "edge.sqlite", PLACE, HEAD)
        file.open()
        try:
            log = ReadingLog(file, {"roof": KEY})
            later = [one for one in readings if one.gateway_time > NOON.start + 4 * MINUTE]
            for one in readings[: len(readings) - len(later)]:
                log.take(one, one.gateway_time)
            await log.flush()
            if restart:
                log = ReadingLog(file, {"roof": KEY})
                await file.read(lambda conn: log.restore(conn, {"roof": NOON.start}))
            for one in later:
                log.take(one, one.gateway_time)
            await log.flush()
            chain = await file.read(lambda conn: records(conn, "roof"))
            assert len(chain) == len(readings)
            assert verify_chain(chain, KEY.public_key()) is None
            return close_interval(log.histories["roof"], NOON)
        finally:
            file.close()

    return asyncio.run(run())


@pytest.mark.parametrize("readings", [REGULAR, BAD_AT_THE_BOUNDARY], ids=["regular", "bad at the boundary"])
def test_a_restart_within_an_interval_changes_no_watt_hour(readings: list[Reading], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    expected = metered(tmp_path / "one", readings, restart=False)
    assert expected is not None
    assert (expected.export_wh, expected.production_wh) == (400, 600)
    assert metered(tmp_path / "two", readings, restart=True) == expected


def test_what_is_not_ours_is_dropped(tmp_path: Path) -> None:
    async def run() -> None:
        file = RoleFile(tmp_path / "edge.sqlite", PLACE, HEAD)
        file.open()
        log = ReadingLog(file, {"barn": KEY})
        log.take(REGULAR[0], 0)
        assert await log.flush() == []
        file.close()

    asyncio.run(run())
