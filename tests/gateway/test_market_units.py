"""How long intervals are is the zone's to say: an edge follows it to another length, and while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.marketplace import CONFIG, START, Marketplace, open_market
from tests.gateway.test_edge import METER, SPEED, Street
from tests.gateway.test_reading_log import grid, in_log, rows
from tradelane.gateway.closing import Closing
from tradelane.gateway.config import load
from tradelane.gateway.edge import EdgeRole
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.schedule import delivery_of, product_id
from tradelane.market.units import MINUTE, Interval
from tradelane.meter.forecast import forecast
from tradelane.meter.metering import Metered, MeteredInterval

LENGTHS = [1, 5, 15, 30, 60]


def product(start: int, minutes: int) -> dict[str, str]:
    return {"id": product_id(Interval(start, start + minutes * MINUTE)), "gate": "2026-06-21T10:00Z"}


@given(st.integers(0, 10**6), st.sampled_from(LENGTHS))
def test_a_power_product_says_when_it_is_delivered(minute: int, minutes: int) -> None:
    delivery = Interval(minute * MINUTE, (minute + minutes) * MINUTE)
    assert delivery_of(product_id(delivery)) == delivery
    assert delivery_of("potatoes/2026-06-21") is None


@pytest.mark.parametrize(
    "id", ["power/2026-06-21T10:00Z", "power/noon/PT15M", "power/2026-06-21T10:00Z/PT0M"]
)
def test_a_power_product_that_does_not_say_it_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match=r"not a power product|isoformat"):
        delivery_of(id)


def test_nothing_is_known_before_the_zone_has_spoken() -> None:
    units = MarketUnits()
    assert (units.finest, units.holding(START), units.beginning(START)) == (None, None, None)
    assert units.told([{"id": "potatoes/2026-06-21"}]) is None and str(units) == "not told yet"
    assert units.told([product(START + 3 * MINUTE, 30)]) is not None
    assert units.told([product(START + 33 * MINUTE, 30)]) is None, "nothing new"
    assert units.holding(0) == Interval(0, 30 * MINUTE) and str(units) == "PT30M"


CHANGES = st.lists(st.tuples(st.integers(1, 40), st.sampled_from(LENGTHS)), min_size=1, max_size=6)


@given(CHANGES)
def test_intervals_follow_each_other_without_gap_over_any_changes(steps: list[tuple[int, int]]) -> None:
    """Each ends where the next begins; where a length holds, each of its units is one of them."""
    units, at, offered = MarketUnits(), 0, []
    for gap, minutes in steps:
        delivery = Interval.at(at + gap * 60 * MINUTE, minutes * MINUTE)
        units.told([product(delivery.start, minutes)])
        offered.append(delivery)
        at = delivery.end
    found = list(walked(units, 0, at))
    assert all(one.end == following.start for one, following in pairwise(found))
    assert set(offered) <= set(found), "what was offered is metered as it was offered"
    assert all(units.is_whole(one) for one in offered)


def walked(units: MarketUnits, start: int, until: int) -> Iterable[Interval]:
    while start < until:
        one = units.beginning(start)
        assert one is not None
        yield one
        start = one.end


def test_a_change_of_length_loses_no_watt_hour_and_its_rest_is_not_told(tmp_path: Path) -> None:
    """From quarters to hours at 11:00, told at 10:50 while the quarter from 10:45 on is open; then back."""

    async def use(log: ReadingLog, file: RoleFile) -> None:
        units = MarketUnits.of(15 * MINUTE)
        closing = Closing(log, units, {"roof": "rosa"})
        for minute in range(260):
            now = START + minute * MINUTE
            if minute == 53:
                units.told([product(START + 63 * MINUTE, 60)])
            if minute == 140:  # 12:17, hours so far: quarters again from 12:30 on
                units.told([product(START + 153 * MINUTE, 15)])
            log.take(grid(now, 1_000 + 7 * minute), 0)
            await log.flush(closing.due(now))

    in_log(tmp_path, use)
    found = rows(tmp_path, "SELECT interval_start, interval_end, export_wh, sent FROM metered")
    lengths = [(end - start) // MINUTE for start, end, _, _ in found]
    assert lengths == [15] * 4 + [60, 30] + [15] * 7
    assert [sent for *_, sent in found] == [0] * 5 + [1] + [0] * 7, "half an hour is no product"
    assert [wh for _, _, wh, _ in found] == [7 * minutes for minutes in lengths]
    assert all(one[1] == following[0] for one, following in pairwise(found))


def test_a_file_of_before_keeps_the_length_of_its_intervals(tmp_path: Path) -> None:
    async def close(log: ReadingLog, file: RoleFile) -> None:
        closing = Closing(log, MarketUnits.of(5 * MINUTE), {})
        for minute in range(20):
            log.take(grid(START + minute * MINUTE, minute), 0)
            await log.flush(closing.due(START + minute * MINUTE))

    async def look(log: ReadingLog, file: RoleFile) -> str:
        units = MarketUnits()
        await file.read(units.restore)
        return str(units)

    in_log(tmp_path, close)
    assert in_log(tmp_path, look) == "PT5M"


def test_a_forecast_for_hours_from_quarters_is_in_hours() -> None:
    quarter = 15 * MINUTE
    past = [
        MeteredInterval("roof", Interval.at(START, quarter).shifted(k), 0, 100, None, Metered.MEASURED)
        for k in range(9)
    ]
    hour = Interval.at(START + 9 * quarter, 60 * MINUTE)
    assert forecast(past, hour, lambda at: 45.0).expected_wh == 400
    assert past[0].lasting(quarter) is past[0]


# At a zone elsewhere

ELSEWHERE = """
data_dir = "."
[edge]
zone_url = "http://market"
poll_seconds = 1
members = [{ id = "rosa", name = "Rosa", zone = "NL", sells = true, min_price = "10", meter = "roof-rosa" }]
"""


class Away(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route")


@asynccontextmanager
async def edge(
    folder: Path, port: int, market: Marketplace, transport: httpx2.AsyncBaseTransport
) -> AsyncIterator[None]:
    (folder / "edge.toml").write_text(ELSEWHERE + METER % ("rosa", port))
    role = EdgeRole(load(folder / "edge.toml"), market.clock, transport)
    await role.start()
    running = asyncio.create_task(role.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await role.stop()


@pytest.mark.parametrize("minutes", [5, 60])
def test_an_edge_closes_intervals_as_long_as_its_zone_trades(tmp_path: Path, minutes: int) -> None:
    """Its zone stands elsewhere and says so; after a restart it is away, and the edge still knows."""
    street = Street(tmp_path / "edge")
    street.folder.mkdir()
    config = CONFIG.replace('id = "north-sea"', f'id = "north-sea"\nmtu_minutes = {minutes}')

    async def main() -> None:
        async with street.meter() as port, open_market(tmp_path, config, START, SPEED) as market:
            async with edge(street.folder, port, market, httpx2.ASGITransport(market.app)):
                await street.seen(market, "SELECT 1 FROM meta WHERE key = 'market units'")
                await street.walk(market, START + (minutes + 6) * MINUTE)
                await street.seen(market, "SELECT 1 FROM metered WHERE sent")
            async with edge(street.folder, port, market, Away()):
                already = len(street.rows("SELECT 1 FROM metered"))
                await street.walk(market, market.now + minutes * MINUTE)
                await street.seen(market, "SELECT 1 FROM metered", already + 1)
            stated = market.rows("SELECT interval_end - interval_start, export_wh FROM statements")
            assert set(stated) == {(minutes * MINUTE, 4000 * minutes // 60)}

    asyncio.run(main())
    closed = street.rows("SELECT interval_end - interval_start, interval_start FROM metered")
    assert {length for length, _ in closed} == {minutes * MINUTE}
    assert all(start % length == 0 for length, start in closed)
