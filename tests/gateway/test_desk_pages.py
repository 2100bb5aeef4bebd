"""The desk's pages: the map at any interval, the open tables with their filters, pages and files."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    FIRST,
    GATE,
    POWER,
    SECOND,
    Marketplace,
    in_market,
    sell_abroad,
)
from tests.gateway.pages import Reader
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.market_data import TABLES
from tradelane.gateway.store import open_engine
from tradelane.gateway.web.desk import data_pages
from tradelane.gateway.web.desk.map import moment_at
from tradelane.gateway.web.words import words
from tradelane.market.units import iso


async def two_gates(market: Marketplace) -> None:
    await sell_abroad(market)
    market.now = GATE
    await market.priced()
    second = f"power/{SECOND}"
    await market.taken(ANNA, "sell", "20", "0.001", product=second)
    await market.taken(BETH, "buy", "90", "0.001", product=second)
    market.now = GATE + 15 * 60_000
    await market.priced(second)


def test_the_map_steps_through_what_was_cleared(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await two_gates(market)
        reader = Reader(market)
        first = (await reader.get(f"/desk?at={iso(FIRST.start)}")).text
        assert f'href="/desk?at={iso(SECOND.start)}" rel="next"' in first
        assert 'rel="prev"' not in first
        assert 'id="lane-NL&gt;GB"' in first
        second = (await reader.get(f"/desk?at={iso(SECOND.start)}")).text
        assert f'href="/desk?at={iso(FIRST.start)}" rel="prev"' in second
        now = (await reader.get("/desk")).text
        assert 'data-events="/api/v1/events"' in now
        assert 'data-events=""' in first
        assert "Stale" not in now
        market.now = SECOND.end
        assert "Stale: nothing was cleared for after" in (await reader.get("/desk")).text
        empty = await reader.get("/desk?at=2026-06-20T00:00Z")
        assert "no price yet" in empty.text
        wrong = await reader.get("/desk?at=noon")
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "at")

    in_market(tmp_path, use)


def test_a_moment_holds_its_whole_interval(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await two_gates(market)
        assert market.config.zone is not None
        with open_engine(market.config.zone_db).connect() as conn:
            catalogue = Catalogue(market.config.zone)
            inside = moment_at(conn, catalogue, market.now, FIRST.end - 1)
            shown = moment_at(conn, catalogue, market.now, None)
        assert (inside.interval, inside.before, inside.after) == (str(FIRST), None, iso(SECOND.start))
        assert (shown.interval, shown.first) == (str(FIRST), iso(FIRST.start))
        assert (shown.hours, shown.stale) == ([iso(FIRST.start)], None)

    in_market(tmp_path, use)


def test_each_table_has_a_page_with_its_rows_filters_and_files(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await two_gates(market)
        reader = Reader(market)
        for name in TABLES:
            text = (await reader.get(f"/desk/data/{name}")).text
            assert f'href="/api/v1/data/{name}?format=csv&amp;limit=10000"' in text
            assert all(member not in text for member in ("Anna", "Bram", "Beth"))
        prices = (await reader.get("/desk/data/prices?place=GB&from=2026-06-21")).text
        assert prices.count("<td>GB</td>") == 2
        assert "<td>NL</td>" not in prices
        assert prices.count("£") == 6
        assert "<option selected>GB</option>" in prices
        assert "format=csv&amp;limit=10000&amp;from=2026-06-21&amp;place=GB" in prices
        assert "Nothing here yet." in (await reader.get("/desk/data/prices?to=2026-06-20")).text
        assert (await reader.get("/desk/data/secrets")).status_code == 404
        assert (await reader.get("/desk/data/prices?from=x")).status_code == 422

    in_market(tmp_path, use)


def test_a_long_table_goes_on_where_it_ended(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await two_gates(market)
        reader = Reader(market)
        page = (await reader.get(f"/desk/data/prices?after={POWER}|NL")).text
        assert page.count('scope="col"') == len(TABLES["prices"].columns) - len(data_pages.HIDDEN)
        assert page.count("<tr>") == 3

    in_market(tmp_path, use)


def test_every_table_and_column_has_a_name_in_the_readers_words() -> None:
    said = data_pages.heads(words("de"))
    assert set(data_pages.titles(words("de"))) == set(TABLES)
    for table in TABLES.values():
        assert set(table.columns) - data_pages.HIDDEN <= set(said)
