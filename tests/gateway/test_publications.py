"""The open tables as market documents: the same numbers, linked from the desk; nothing without EIC codes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import create_engine

from tests.gateway.marketplace import CONFIG, GATE, Marketplace, in_market, sell_abroad
from tests.gateway.pages import Reader
from tests.gateway.test_nominating import CODES
from tests.settlement.border_flows import GB, NL
from tests.settlement.test_publication import N, read
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.config import load
from tradelane.gateway.publications import ENERGY, published
from tradelane.market.units import Interval, iso
from tradelane.settlement.problem import Problem
from tradelane.settlement.publication import KINDS, PRICES

DAY = "from=2026-06-21&to=2026-06-22"


def test_a_document_says_what_its_table_says(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.priced()
        for kind in KINDS.values():
            answer = await market.http.get(f"/api/v1/publications/{kind.name}")
            assert answer.headers["content-type"] == "application/xml"
            table = (await market.http.get(f"/api/v1/data/{kind.name}?{DAY}")).json()["items"]
            root = ElementTree.fromstring(answer.content)
            assert root.findtext("n:type", "", N) == kind.document
            found = {
                series.findtext("n:mRID", "", N): (series, read(series, kind.value))
                for series in root.findall("n:TimeSeries", N)
            }
            assert len(found) == len(table) == 2
            for row in table:
                series, values = found[row["zone" if kind.name == "prices" else "lane"]]
                ((interval, value),) = values.items()
                assert iso(interval.start) == row["interval_start"]
                if kind.name == "prices":
                    assert Decimal(value) == Decimal(row["price"])
                    assert series.findtext("n:currency_Unit.name", "", N) == row["currency"]
                else:
                    assert Decimal(value) * 250_000 == row[ENERGY[kind.name]]  # MW over a quarter, in Wh
        one = await market.http.get(f"/api/v1/publications/flows?place=NL>GB&{DAY}")
        (series,) = ElementTree.fromstring(one.content).findall("n:TimeSeries", N)
        domains = [series.findtext(f"n:{end}_Domain.mRID", "", N) for end in ("out", "in")]
        assert domains == [NL, GB]
        page = (await Reader(market).get("/desk/data/flows?place=NL%3EGB")).text
        assert 'href="/api/v1/publications/flows?place=NL%3EGB"' in page
        assert "/publications/" not in (await Reader(market).get("/desk/data/volumes")).text
        for path, status, field in (
            ("volumes", 404, "table"),
            ("prices?place=FR", 404, "place"),
            ("prices?from=2026-06-22&to=2026-06-21", 422, "to"),
            ("prices?from=noon", 422, "from"),
        ):
            refused = await market.http.get(f"/api/v1/publications/{path}")
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (status, field)

    in_market(tmp_path, use, config=CODES)


def test_without_codes_there_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "market.toml"
    path.write_text(CONFIG)
    section = load(path).zone
    assert section is not None
    with create_engine("sqlite://").connect() as conn, pytest.raises(Problem) as refused:
        published(conn, Catalogue(section), PRICES, Interval(0, 1), None, 0)
    assert (refused.value.status, refused.value.code) == (404, "no-eic")
