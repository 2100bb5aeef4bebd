"""A lane's page: prices at both ends, flow and capacity by interval, ranges, and how stale it is."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.desk_market import LATER, two_busy_gates
from tests.gateway.marketplace import FIRST, SECOND, Marketplace, in_market
from tests.gateway.pages import Reader
from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.store import open_engine
from tradelane.gateway.web.desk.lane import address, history_of, known_lane
from tradelane.gateway.web.desk.lane_picture import (
    EDGE,
    FLOWS,
    PRICES,
    WIDTH,
    Carried,
    by_hour,
    draw_lane,
)
from tradelane.market.units import MINUTE, Interval, iso

LANE = "/desk/lane/NL%3EGB"
HOUR = Interval(0, 60 * MINUTE)


def test_a_lane_s_history_is_what_the_open_tables_say(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        reader = Reader(market)
        assert "Nothing was cleared here yet." in (await reader.get(LANE)).text
        await two_busy_gates(market)
        assert market.config.zone is not None
        catalogue = Catalogue(market.config.zone)
        lane = known_lane(catalogue, "NL>GB")
        with open_engine(market.config.zone_db).connect() as conn:
            history = history_of(conn, catalogue, lane, Interval(market.now - DAY, market.now), None)
        assert [row.interval for row in history.rows] == [FIRST, SECOND]
        assert (history.shown.end, history.newest) == (SECOND.end, SECOND.end)
        told = {
            name: (await market.http.get(f"/api/v1/data/{name}")).json()["items"]
            for name in ("prices", "flows", "capacities")
        }
        for row in history.rows:
            at = {
                name: [one for one in rows if one["interval_start"] == iso(row.interval.start)]
                for name, rows in told.items()
            }
            price = {one["zone"]: Decimal(one["price"]) for one in at["prices"]}
            assert (row.source_price, row.target_price) == (price["NL"], price["GB"])
            (flow,) = [one for one in at["flows"] if one["lane"] == "NL>GB"]
            (capacity,) = [one for one in at["capacities"] if one["lane"] == "NL>GB"]
            assert (row.sent, row.received) == (flow["sent_wh"], flow["received_wh"])
            assert row.capacity == capacity["capacity_wh"]

        await the_page_has_ranges_files_and_says_how_old_it_is(market, reader)

    in_market(tmp_path, use)


async def the_page_has_ranges_files_and_says_how_old_it_is(market: Marketplace, reader: Reader) -> None:
    text = (await reader.get(LANE)).text
    assert "Cleared until 21/06/2026, 10:45 UTC." in text
    assert text.count('class="hover"') == 2
    assert "in EUR per MWh" in text
    assert "£" in text.partition("<tbody>")[2]
    assert "/api/v1/data/flows?format=csv&amp;limit=10000&amp;from=2026-06-20T10%3A45Z" in text
    assert address("NL>GB", "7") in text.replace("&amp;", "&")
    week = (await reader.get(f"{LANE}?days=7&to=2026-06-21T10:30Z")).text
    assert week.count('class="hover"') == 1
    assert "14/06/2026, 10:30 – 21/06/2026, 10:30" in week
    assert 'rel="next"' in week
    market.now = LATER + 60 * MINUTE
    assert "Stale: nothing was cleared for after 21/06/2026, 10:45 UTC." in (await reader.get(LANE)).text
    for path, status, field in (
        ("/desk/lane/NL%3EFR", 404, "lane"),
        (f"{LANE}?days=3", 422, "days"),
        (f"{LANE}?to=noon", 422, "to"),
    ):
        answer = await reader.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


PRICE = st.none() | st.integers(-500, 4000).map(Decimal)


@given(st.lists(st.tuples(st.booleans(), PRICE, PRICE, st.integers(0, 9), st.integers(0, 9)), max_size=4))
def test_a_picture_stays_in_its_frame_and_breaks_where_nothing_is_known(
    found: list[tuple[bool, Decimal | None, Decimal | None, int, int]],
) -> None:
    rows = [
        Carried(Interval(k * 15 * MINUTE, (k + 1) * 15 * MINUTE), here, there, sent, sent, sent + spare)
        for k, (known, here, there, sent, spare) in enumerate(found)
        if known
    ]
    picture = draw_lane(HOUR, rows)
    hours = by_hour(rows)
    assert len(hours) == min(1, len(rows))
    for hour in hours:
        assert (hour.sent, hour.capacity) == (sum(r.sent for r in rows), sum(r.capacity for r in rows))
        known = [row.source_price for row in rows if row.source_price is not None]
        assert hour.source_price == (sum(known, Decimal(0)) / len(known) if known else None)
    assert [column.at for column in picture.columns] == rows
    for path, (top, bottom), values in (
        (picture.source, PRICES, [row.source_price for row in rows]),
        (picture.target, PRICES, [row.target_price for row in rows]),
        (picture.capacity, FLOWS, [row.capacity for row in rows]),
    ):
        heights = [float(part.split("H")[0].split()[-1]) for part in path.replace("V", "M0 ").split("M")[1:]]
        assert len(heights) == sum(value is not None for value in values)
        assert all(top <= y <= bottom for y in heights)
        starts = [row.interval.start for row, value in zip(rows, values, strict=True) if value is not None]
        runs = sum(start - 15 * MINUTE not in starts for start in starts)
        assert path.count("M") == runs
    assert all(
        EDGE <= column.x <= column.x + column.width <= WIDTH - EDGE + 0.01 for column in picture.columns
    )
