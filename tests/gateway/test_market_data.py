"""The open tables: the same rows whole, by pages, as CSV and as columns; nobody's own trade in them."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import pytest

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    FIRST,
    GATE,
    POWER,
    SHOP,
    Marketplace,
    in_market,
    sell_abroad,
)
from tradelane.gateway.data_api import MEDIA, MOST_ROWS, render, table_named
from tradelane.gateway.market_data import FEWEST, TABLES, interval_of
from tradelane.market.units import iso
from tradelane.settlement.problem import Problem


async def cleared(market: Marketplace) -> None:
    """Three sellers in NL, one buyer in GB, one gate."""
    await sell_abroad(market)
    await market.join(FARM)
    await market.taken(FARM, "sell", "45", "0.001")
    market.now = GATE
    await market.priced()


async def items(market: Marketplace, table: str, query: str = "") -> list[dict[str, Any]]:
    answer = await market.http.get(f"/api/v1/data/{table}{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_prices_volumes_flows_and_capacities_of_a_clearing(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        prices = {row["zone"]: row for row in await items(market, "prices")}
        assert set(prices) == {"NL", "GB"}
        assert prices["NL"]["product"] == POWER
        assert prices["NL"]["currency"] == "EUR"
        assert prices["NL"]["interval_start"] == iso(FIRST.start)
        told = (await market.http.get("/api/v1/prices")).json()["items"]
        assert {zone: Decimal(row["price"]) for zone, row in prices.items()} == {
            row["zone"]: Decimal(row["price"]) for row in told
        }
        volumes = {row["zone"]: row for row in await items(market, "volumes")}
        flows = {row["lane"]: row for row in await items(market, "flows")}
        assert volumes["NL"]["members"] == FEWEST
        assert volumes["NL"]["sold_wh"] == flows["NL>GB"]["sent_wh"] > 0
        assert volumes["GB"] == {**volumes["GB"], "sold_wh": None, "bought_wh": None, "members": None}
        capacities = {row["lane"]: row for row in await items(market, "capacities")}
        assert capacities["NL>GB"]["capacity_wh"] == 10_000
        assert capacities["NL>GB"]["used_ppm"] == flows["NL>GB"]["sent_wh"] * 100

    in_market(tmp_path, use)


def test_pages_together_are_the_whole(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        whole, found, query = await items(market, "prices"), [], "?limit=1"
        while True:
            page = (await market.http.get(f"/api/v1/data/prices{query}")).json()
            found += page["items"]
            if page["next"] is None:
                break
            query = f"?limit=1&after={page['next']}"
        assert found == whole
        assert await items(market, "prices", "?place=GB") == [row for row in whole if row["zone"] == "GB"]
        assert await items(market, "prices", f"?from={iso(FIRST.end)}") == []
        assert await items(market, "prices", f"?from={iso(FIRST.start)}&to={iso(FIRST.end)}") == whole
        assert await items(market, "prices", "?to=2026-06-21") == []

    in_market(tmp_path, use)


def test_the_same_rows_open_as_csv_and_as_columns(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        for name in TABLES:
            rows = await items(market, name)
            text = (await market.http.get(f"/api/v1/data/{name}?format=csv")).text
            plain = [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]
            assert list(csv.DictReader(io.StringIO(text))) == plain
            answer = await market.http.get(f"/api/v1/data/{name}?format=parquet")
            frame = pandas.read_parquet(io.BytesIO(answer.content))
            assert list(frame.columns) == list(TABLES[name].columns)
            assert len(frame) == len(rows)
        frame = pandas.read_csv(io.StringIO((await market.http.get("/api/v1/data/flows?format=csv")).text))
        assert frame["sent_wh"].sum() == sum(row["sent_wh"] for row in await items(market, "flows"))

    in_market(tmp_path, use)


def test_an_answer_is_kept_until_the_market_has_moved(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        first = await market.http.get("/api/v1/data/prices")
        tag = {"If-None-Match": first.headers["etag"]}
        again = await market.http.get("/api/v1/data/prices", headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["cache-control"] == "public, max-age=60"
        past = await market.http.get("/api/v1/data/prices?to=2026-06-19")
        assert past.headers["cache-control"] == "public, max-age=86400"
        await market.join(SHOP)
        assert (await market.http.get("/api/v1/data/prices", headers=tag)).status_code == 200

    in_market(tmp_path, use)


def test_goods_of_few_are_not_told(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP, ANNA)
        await market.taken(FARM, "sell", "0.20", "50", product="potatoes/2026-06-21")
        await market.taken(SHOP, "buy", "0.60", "25", product="potatoes/2026-06-21")
        (few,) = await items(market, "goods")
        assert (few["quantity"], few["low"], few["unit"]) == (None, None, "kg")
        await market.join(BETH)
        await market.taken(BETH, "buy", "0.60", "25", product="potatoes/2026-06-21")
        (more,) = await items(market, "goods")
        assert (more["quantity"], more["zone"], more["day"]) == ("50", "NL", "2026-06-21")

    in_market(tmp_path, use)


BAD = [
    ("/nothing", 404, "table"),
    ("/prices?from=yesterday", 422, "from"),
    ("/prices?to=2026-13-01", 422, "to"),
    ("/prices?after=x", 422, "after"),
    ("/prices?limit=0", 422, "limit"),
    (f"/prices?limit={MOST_ROWS + 1}", 422, "limit"),
    ("/prices?format=xls", 422, "format"),
]


def test_bad_questions_name_their_field(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        for path, status, field in BAD:
            answer = await market.http.get(f"/api/v1/data{path}")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)

    in_market(tmp_path, use)


def test_the_tables_tell_their_columns_and_units(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        told = (await market.http.get("/api/v1/data")).json()
        assert {table["name"] for table in told["items"]} == set(TABLES)
        assert told["formats"] == list(MEDIA)

    in_market(tmp_path, use)


def test_an_empty_table_is_rendered_with_its_columns() -> None:
    assert render(table_named("flows"), [], "csv", 10).decode().startswith("product,interval_start")
    assert interval_of(POWER) == FIRST
    with pytest.raises(Problem):
        table_named("none")


def test_bram_is_nowhere(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await cleared(market)
        for name in TABLES:
            text = (await market.http.get(f"/api/v1/data/{name}?format=csv")).text
            assert BRAM.id not in text

    in_market(tmp_path, use)
