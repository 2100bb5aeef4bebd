"""Readings on disk before they count; the same chain and the same energy after every restart."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.gateway import chains, heads, migrations
from tradelane.gateway.closing import Closing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.reading_log import AT_ONCE, ReadingLog
from tradelane.market.units import MINUTE, instant
from tradelane.meter.metering import MeteredInterval
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.seal import verify_chain

T = TypeVar("T")
START = instant("2026-06-21T10:00Z")
MTU = 15 * MINUTE
STEPS = st.tuples(st.integers(MINUTE, 4 * MINUTE), st.sampled_from([0, 20, 80, -1_000, 90_000]))
"""Milliseconds and watt-hours from one reading to the next, some of which no counter counts."""
KEY = Ed25519PrivateKey.from_private_bytes(b"." * 32)


def grid(at: int, wh: int, meter: str = "roof") -> Reading:
    values = {"import_wh": 100, "export_wh": wh, "power_w": -400.5}
    return Reading(meter, "sunspec", Role.GRID, at, None, Quality.GOOD, values)


def solar(at: int, wh: int) -> Reading:
    return Reading("roof", "sunspec", Role.SOLAR, at, None, Quality.GOOD, {"production_wh": wh})


def in_log(folder: Path, use: Callable[[ReadingLog, RoleFile], Coroutine[Any, Any, T]]) -> T:
    async def main() -> T:
        file = RoleFile(folder / "edge.sqlite", migrations.PLACE, migrations.HEAD)
        file.open()
        try:
            log = ReadingLog(file, {"roof": KEY})
            await file.read(log.restore)
            return await use(log, file)
        finally:
            file.close()

    return asyncio.run(main())


async def take(log: ReadingLog, *readings: Reading) -> None:
    for wall, reading in enumerate(readings):
        log.take(reading, wall)
    await log.flush()


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "edge.sqlite")) as connection:
        return connection.execute(query).fetchall()


def test_a_reading_counts_only_once_it_is_on_disk(tmp_path: Path) -> None:
    async def use(log: ReadingLog, file: RoleFile) -> None:
        log.take(grid(START, 5), 77)
        assert not log.histories["roof"].points and "roof" not in log.newest
        (stored,) = await log.flush()
        assert log.newest["roof"] == (stored, 77)
        assert log.histories["roof"].points["export_wh"]
        assert await log.flush() == []
        log.take(grid(START, 5, "someone else's"), 78)
        assert await log.flush() == []

    in_log(tmp_path, use)


def test_the_chain_goes_on_over_restarts_and_its_head_is_kept_beside_it(tmp_path: Path) -> None:
    for k in range(4):

        async def use(log: ReadingLog, file: RoleFile, k: int = k) -> None:
            assert log.heads["roof"].seq == 3 * k
            await take(log, *(grid(START + (3 * k + n) * MINUTE, 10 * k + n) for n in range(3)))
            chain = await file.read(lambda conn: list(chains.links(conn, "roof")))
            assert [record.seq for record in chain] == list(range(1, 3 * k + 4))
            assert [bool(record.signature) for record in chain] == [False, False, True] * (k + 1)
            assert verify_chain(chain, KEY.public_key(), known=[log.heads["roof"]]) is None
            (kept,) = heads.read(heads.beside(file.path))
            assert (kept.meter, kept.head, kept.signature) == ("roof", chain[-1].head, chain[-1].signature)

        in_log(tmp_path, use)


def test_heads_need_not_be_written_at_every_commit(tmp_path: Path) -> None:
    async def use(log: ReadingLog, file: RoleFile) -> None:
        for k in range(4):
            log.take(grid(START + k * MINUTE, k), k)
            await log.flush(keep_heads=k % 2 == 0)
            (kept,) = heads.read(heads.beside(file.path))
            assert kept.head.seq == (k + 1 if k % 2 == 0 else k) and log.heads["roof"].seq == k + 1

    in_log(tmp_path, use)


def test_a_whole_street_goes_into_one_commit(tmp_path: Path) -> None:
    """More readings than one statement takes, of more meters than are sealed at once."""
    meters = [f"roof-{n}" for n in range(chains.ROWS // 3 + AT_ONCE)]

    async def main() -> None:
        file = RoleFile(tmp_path / "edge.sqlite", migrations.PLACE, migrations.HEAD)
        file.open()
        log = ReadingLog(file, dict.fromkeys(meters, KEY))
        before = file.store.writer.commits
        await take(log, *(grid(START + k * MINUTE, k, meter) for k in range(3) for meter in meters))
        assert file.store.writer.commits == before + 1
        for meter in meters:
            chain = await file.read(lambda conn, meter=meter: list(chains.links(conn, meter)))  # type: ignore[misc]  # a default for the loop's sake
            assert len(chain) == 3
            assert verify_chain(chain, KEY.public_key(), known=[log.heads[meter]]) is None
        file.close()

    asyncio.run(main())


def test_one_commit_holds_the_readings_and_what_they_were_found_to_close(tmp_path: Path) -> None:
    async def use(log: ReadingLog, file: RoleFile) -> int:
        intervals = Closing(log, MarketUnits.of(MTU), {"roof": "rosa"})
        before = file.store.writer.commits
        for k in range(47):
            log.take(grid(START + k * MINUTE, 1_000 + 20 * k), 0)
            await log.flush(intervals.due(START + k * MINUTE))
        return file.store.writer.commits - before

    assert in_log(tmp_path, use) == 47
    closed = rows(tmp_path, "SELECT export_wh, quality, member, sent FROM metered")
    assert closed == [(300, "measured", "rosa", 0)] * 3
    assert rows(tmp_path, "SELECT meter, seq FROM meter_states") == [("roof", 46)]


def test_what_is_decided_about_a_counter_stands_on_disk_once(tmp_path: Path) -> None:
    shown = [(0, 90_000), (1, 90_010), (2, 0), (3, 0), (4, 0), (5, 7), (6, 12)]

    async def write(log: ReadingLog, file: RoleFile) -> None:
        for minute, wh in shown:
            await take(log, grid(START + minute * MINUTE, wh))

    async def look(log: ReadingLog, file: RoleFile) -> None:
        await log.flush([log.state("roof")])

    in_log(tmp_path, write)
    for _ in range(2):
        in_log(tmp_path, look)
        assert rows(tmp_path, "SELECT seq, what, seen, at, wh FROM meter_events ORDER BY seq") == [
            (3, "export_wh", "drop", START + 2 * MINUTE, 0),
            (5, "export_wh", "reset confirmed", START + 4 * MINUTE, 0),
        ]


@settings(max_examples=6)
@given(st.lists(STEPS, min_size=20, max_size=30), st.data())
def test_a_restart_anywhere_changes_no_energy(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The same readings, with and without a restart, close the same intervals to the watt-hour."""
    at, wh, readings = START, 100_000, []
    for k, (ms, more) in enumerate(steps):
        at, wh = at + ms, max(wh + more, 0)
        readings.append(grid(at, wh) if k % 2 else solar(at, wh * 2))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), min_size=1, max_size=3)))
    whole = energy(tmp_path_factory.mktemp("whole"), readings, [])
    parts = energy(tmp_path_factory.mktemp("parts"), readings, cuts)
    assert parts == whole


def energy(folder: Path, readings: list[Reading], cuts: list[int]) -> list[MeteredInterval]:
    """The intervals as an edge closes them, restarted at each of ``cuts``."""
    closed: list[MeteredInterval] = []
    for first, last in pairwise([0, *cuts, len(readings)]):

        async def use(log: ReadingLog, file: RoleFile, first: int = first, last: int = last) -> None:
            intervals = Closing(log, MarketUnits.of(MTU), {})
            await file.read(intervals.restore)
            for reading in readings[first:last]:
                works = intervals.due(reading.gateway_time)
                log.take(reading, 0)
                await log.flush(works)
            if last == len(readings):
                await log.flush(intervals.due(readings[-1].gateway_time + MTU))
            closed[:] = intervals.closed["roof"]

        in_log(folder, use)
    return closed
