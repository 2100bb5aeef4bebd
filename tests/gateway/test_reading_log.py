"""Readings on disk before they count; the same chain and the same energy after every restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.gateway import migrations
from tradelane.gateway.file import RoleFile
from tradelane.gateway.reading_log import LOOK_BACK, ReadingLog, records
from tradelane.market.units import MINUTE, Interval, instant
from tradelane.meter.metering import MeteredInterval, close_interval
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.seal import verify_chain

T = TypeVar("T")
START = instant("2026-06-21T10:00Z")
STEPS = st.tuples(st.integers(MINUTE, 4 * MINUTE), st.integers(0, 80))
"""Milliseconds and watt-hours from one reading to the next."""
KEY = Ed25519PrivateKey.from_private_bytes(b"." * 32)


def grid(at: int, wh: int, meter: str = "roof") -> Reading:
    values = {"import_wh": 100, "export_wh": wh, "power_w": -400.5}
    return Reading(meter, "sunspec", Role.GRID, at, None, Quality.GOOD, values)


def solar(at: int, wh: int) -> Reading:
    return Reading("roof", "sunspec", Role.SOLAR, at, None, Quality.GOOD, {"production_wh": wh})


def in_log(folder: Path, use: Callable[[ReadingLog, RoleFile], Coroutine[Any, Any, T]], since: int = 0) -> T:
    async def main() -> T:
        file = RoleFile(folder / "edge.sqlite", migrations.PLACE, migrations.HEAD)
        file.open()
        try:
            log = ReadingLog(file, {"roof": KEY})
            await file.read(lambda conn: log.restore(conn, {"roof": since}))
            return await use(log, file)
        finally:
            file.close()

    return asyncio.run(main())


async def take(log: ReadingLog, *readings: Reading) -> None:
    for wall, reading in enumerate(readings):
        log.take(reading, wall)
    await log.flush()


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


def test_the_chain_goes_on_over_restarts(tmp_path: Path) -> None:
    for k in range(4):

        async def use(log: ReadingLog, file: RoleFile, k: int = k) -> None:
            assert log.heads["roof"].seq == 3 * k
            await take(log, *(grid(START + (3 * k + n) * MINUTE, 10 * k + n) for n in range(3)))
            chain = await file.read(lambda conn: records(conn, "roof"))
            assert [record.seq for record in chain] == list(range(1, 3 * k + 4))
            assert verify_chain(chain, KEY.public_key(), expected_head=log.heads["roof"]) is None

        in_log(tmp_path, use)


def test_the_roles_of_a_meter_are_read_one_after_the_other(tmp_path: Path) -> None:
    """The last reading before the boundary is the panels'; the grid's counter stood a moment before it."""
    before, after = START + 15 * MINUTE - 500, START + 30 * MINUTE + 100
    readings = [grid(before - 200, 1000), solar(before, 5000), grid(after, 1400), solar(after + 200, 5600)]
    interval = Interval(START + 15 * MINUTE, START + 30 * MINUTE)

    async def write(log: ReadingLog, file: RoleFile) -> None:
        await take(log, *readings)

    in_log(tmp_path, write)

    async def close(log: ReadingLog, file: RoleFile) -> MeteredInterval | None:
        return close_interval(log.histories["roof"], interval)

    closed = in_log(tmp_path, close, interval.start)
    assert closed is not None and closed == in_log(tmp_path, close)
    assert closed.export_wh == 399 and closed.production_wh is not None


@settings(max_examples=15)
@given(st.lists(STEPS, min_size=20, max_size=60), st.data())
def test_a_restart_anywhere_changes_no_energy(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    """The same readings, with and without a restart, close the same intervals to the watt-hour."""
    at, wh, readings = START, 1000, []
    for k, (ms, more) in enumerate(steps):
        at, wh = at + ms, wh + more
        readings.append(grid(at, wh) if k % 2 else solar(at, wh * 2))
    cut = data.draw(st.integers(0, len(readings)))
    whole = energy(tmp_path_factory.mktemp("whole"), readings, [])
    parts = energy(tmp_path_factory.mktemp("parts"), readings, [cut])
    assert parts == whole


def energy(folder: Path, readings: list[Reading], cuts: list[int]) -> list[MeteredInterval]:
    """The intervals as an edge closes them: each once its end is reached, history trimmed behind it."""
    closed: list[MeteredInterval] = []
    edges = [0, *cuts, len(readings)]
    for first, last in pairwise(edges):

        async def use(log: ReadingLog, file: RoleFile, first: int = first, last: int = last) -> None:
            for reading in readings[first:last]:
                await take(log, reading)
                close_reached(log, closed)

        in_log(folder, use, closed[-1].interval.end if closed else 0)
    return closed


def close_reached(log: ReadingLog, closed: list[MeteredInterval]) -> None:
    history = log.histories["roof"]
    interval = closed[-1].interval.shifted(1) if closed else Interval(START, START + 15 * MINUTE).shifted(1)
    while len(history.points) == 3 and history.reaches(interval.end):
        found = close_interval(history, interval)
        if found is None:
            return
        closed.append(found)
        interval = interval.shifted(1)
        history.trim(interval.start)


def test_what_is_looked_back_on_covers_the_longest_gap_that_is_measured() -> None:
    assert LOOK_BACK >= 5 * MINUTE
