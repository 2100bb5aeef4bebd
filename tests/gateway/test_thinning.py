"""Old readings go, the chain stays proven, and no interval changes; the file stops growing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.gateway.test_reading_log import KEY, MTU, grid, rows, solar
from tradelane.gateway import chains, migrations, thinning
from tradelane.gateway.closing import Closing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.thinning import DAY, Thinning
from tradelane.market.units import MINUTE, instant
from tradelane.meter.seal import Thinned, verify_chain

T = TypeVar("T")
MIDNIGHT = instant("2026-06-21T00:00Z")


def in_file(folder: Path, use: Callable[[RoleFile], Coroutine[Any, Any, T]]) -> T:
    async def main() -> T:
        file = RoleFile(folder / "edge.sqlite", migrations.PLACE, migrations.HEAD)
        file.open()
        try:
            return await use(file)
        finally:
            file.close()

    return asyncio.run(main())


async def read_on(file: RoleFile, start: int, end: int) -> ReadingLog:
    """A reading of the grid and one of the panels each minute from ``start`` to ``end``."""
    log = ReadingLog(file, {"roof": KEY})
    closing = Closing(log, MarketUnits.of(MTU), {})
    await file.read(closing.restore)
    await file.read(log.restore)
    for at in range(start, end, 30 * MINUTE):
        for minute in range(at, min(at + 30 * MINUTE, end), MINUTE):
            log.take(grid(minute, 1_000 + (minute - MIDNIGHT) // MINUTE * 20), 0)
            log.take(solar(minute + 500, 5_000 + (minute - MIDNIGHT) // MINUTE * 30), 0)
        await log.flush(closing.due(at))
    await log.flush(closing.due(end))
    return log


def test_the_first_and_last_of_each_role_stay_and_the_chain_is_proven(tmp_path: Path) -> None:
    async def use(file: RoleFile) -> None:
        log = await read_on(file, MIDNIGHT, MIDNIGHT + DAY // 2)
        thin = Thinning(file, {"roof": KEY}, MarketUnits.of(MTU), keep_days=1)
        assert await thin.step(MIDNIGHT + DAY) == 0, "nothing is older than a day"
        gone = await thin.step(MIDNIGHT + DAY + 6 * 60 * MINUTE + 7 * MINUTE)
        assert gone == 24 * (30 - 4)
        assert await thin.step(MIDNIGHT + DAY + 6 * 60 * MINUTE + 7 * MINUTE) == 0
        links = await file.read(lambda conn: list(chains.links(conn, "roof")))
        assert verify_chain(links, KEY.public_key(), known=[log.heads["roof"]]) is None
        assert sum(one.last - one.first + 1 for one in links if isinstance(one, Thinned)) == gone
        assert await file.read(lambda conn: chains.count(conn, "roof")) == 2 * 720 - gone

    in_file(tmp_path, use)
    kept = [at for (at,) in rows(tmp_path, "SELECT at FROM readings ORDER BY seq LIMIT 8")]
    assert [at - MIDNIGHT for at in kept] == [
        *(0, 500, 14 * MINUTE, 14 * MINUTE + 500, 15 * MINUTE, 15 * MINUTE + 500),
        *(29 * MINUTE, 29 * MINUTE + 500),
    ]
    assert rows(tmp_path, "SELECT count(*) FROM readings WHERE length(signature) > 0")[0][0] >= 96


def test_it_goes_part_by_part_and_on_from_where_a_kill_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "AT_ONCE", 70)

    async def use(file: RoleFile) -> None:
        log = await read_on(file, MIDNIGHT, MIDNIGHT + 6 * 60 * MINUTE)
        until = MIDNIGHT + 4 * 60 * MINUTE
        parts = []
        while went := await file(lambda conn: thinning.thin_part(conn, "roof", KEY, MTU, until)):
            parts.append(went[0])
            links = await file.read(lambda conn: list(chains.links(conn, "roof")))
            assert verify_chain(links, KEY.public_key(), known=[log.heads["roof"]]) is None
        assert len(parts) > 4 and sum(parts) == 16 * 26

    in_file(tmp_path, use)


def test_much_later_only_the_ends_of_days_stay_and_a_restart_knows_its_head(tmp_path: Path) -> None:
    async def use(file: RoleFile) -> None:
        await read_on(file, MIDNIGHT, MIDNIGHT + 3 * 60 * MINUTE)
        log = await read_on(file, MIDNIGHT + DAY, MIDNIGHT + DAY + 60 * MINUTE)
        thin = Thinning(file, {"roof": KEY}, MarketUnits.of(MTU), keep_days=1)
        await thin.step(MIDNIGHT + 10 * DAY)
        assert await file.read(lambda conn: chains.count(conn, "roof")) == 12 * 4 + 4 * 4 + 1
        await thin.step(MIDNIGHT + 500 * DAY)
        links = await file.read(lambda conn: list(chains.links(conn, "roof")))
        assert len(links) <= 4 + 4 + 1 + 4, "four readings a day, digests between, and the chain's end"
        assert verify_chain(links, KEY.public_key(), known=[log.heads["roof"]]) is None
        again = ReadingLog(file, {"roof": KEY})
        await file.read(again.restore)
        assert again.heads == log.heads and again.signed == log.signed

    in_file(tmp_path, use)


def test_what_was_never_closed_is_not_thinned(tmp_path: Path) -> None:
    async def use(file: RoleFile) -> int:
        log = ReadingLog(file, {"roof": KEY})
        for minute in range(60):
            log.take(grid(MIDNIGHT + minute * MINUTE, minute), 0)
        await log.flush()
        return await Thinning(file, {"roof": KEY}, MarketUnits.of(MTU), keep_days=1).step(MIDNIGHT + 9 * DAY)

    assert in_file(tmp_path, use) == 0
