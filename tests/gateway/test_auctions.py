"""From a gate to a clearing that anyone can prove, and no further than what can be proven.

Their files (tradelane.gateway.clearing_files) are asked for over the API and proven.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.marketplace import (
    BETH,
    BRAM,
    CONFIG,
    GATE,
    POTATOES,
    POWER,
    SECOND,
    START,
    Marketplace,
    forget,
    in_market,
    kinds,
    sell_abroad,
)
from tests.settlement.hubs import assert_problem
from tradelane.gateway import auctions
from tradelane.gateway.casefile import result_text
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.config import load
from tradelane.market.case import read_case
from tradelane.market.order import Order, Side
from tradelane.market.product import Product
from tradelane.market.proof import verify
from tradelane.market.units import MINUTE


def test_every_clearing_is_published_as_files_that_prove_it(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        early = await market.http.get(f"/api/v1/clearings/{POWER}/case")
        assert_problem(early, 404, "no-clearing", "product")
        market.now = GATE
        published = await market.priced()
        case = (await market.http.get(f"/api/v1/clearings/{POWER}/case")).json()
        result = (await market.http.get(f"/api/v1/clearings/{POWER}/result")).json()
        read = read_case(json.dumps(case), lambda name: ())
        assert verify(read, json.loads(result_text(result))) == []
        assert {row["zone"]: row["price"] for row in result["prices"]} == published
        assert "anna" not in json.dumps(case), "no names leave the zone"
        result["prices"][0]["price"] = "49.999000"
        assert verify(read, result)
        for name in ("power/2020-06-21T10:15Z/PT15M", "power/then", POTATOES):
            answer = await market.http.get(f"/api/v1/clearings/{name}/result")
            assert_problem(answer, 404, "no-clearing", "product")

    in_market(tmp_path, use)


def test_what_lanes_share_is_kept_and_published(tmp_path: Path) -> None:
    """A limit narrower than the lane: it binds, it has a price, and the files prove it."""

    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.priced()
        case = (await market.http.get(f"/api/v1/clearings/{POWER}/case")).json()
        result = (await market.http.get(f"/api/v1/clearings/{POWER}/result")).json()
        (narrow,) = result["constraints"]
        assert narrow["constraint"] == "narrow" and narrow["use"] == narrow["room"] == "0.00025"
        assert float(narrow["price"]) > 0
        read = read_case(json.dumps(case), lambda name: ())
        assert verify(read, json.loads(result_text(result))) == []

    limit = '\n[[zone.lane_sets]]\nid = "narrow"\nlanes = ["NL>GB"]\ncapacity_kw = 1\n'
    in_market(tmp_path, use, config=CONFIG + limit)


def test_a_gate_without_its_clearing_is_cleared_to_the_same_digest(tmp_path: Path) -> None:
    async def clear(market: Marketplace) -> tuple[list[Any], list[Any]]:
        if "order" not in kinds(market):
            await sell_abroad(market)
        market.now = GATE
        await market.priced()
        bodies = [
            json.loads(row[0]) for row in market.rows("SELECT body FROM journal WHERE kind = 'clearing'")
        ]
        contracts = market.rows(
            "SELECT seller, buyer, sent, received, seller_price, buyer_price FROM contracts"
        )
        return bodies, contracts

    first = in_market(tmp_path, clear)
    for table in ("prices", "flows", "contracts"):
        forget(tmp_path, f"DELETE FROM {table}")
    forget(tmp_path, "DELETE FROM journal WHERE seq > (SELECT max(seq) FROM journal WHERE kind = 'gate')")
    forget(tmp_path, "UPDATE orders SET state = 'open', filled = 0")
    again = in_market(tmp_path, clear, GATE)
    assert again == first and again[0][0]["digest"].startswith("sha256:")


async def journaled(market: Marketplace, kind: str) -> bool:
    return kind in kinds(market)


def test_what_cannot_be_cleared_harms_no_other_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = auctions.run

    def broken(catalogue: Catalogue, product: Product, book: Sequence[Order], set_kw: Any) -> Any:
        if product.id == POWER:
            raise auctions.NotCleared("zone NL: fill outside its limit")
        return real(catalogue, product, book, set_kw)

    monkeypatch.setattr(auctions, "run", broken)

    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        await market.taken(BRAM, "sell", "30", "0.001", product=f"power/{SECOND}")
        await market.taken(BETH, "buy", "90", "0.002", product=f"power/{SECOND}")
        market.now = GATE
        await market.until(lambda: journaled(market, "uncleared"))
        market.now = GATE + 15 * MINUTE
        await market.priced(f"power/{SECOND}")
        await market.settled("funded")
        assert market.rows(f"SELECT DISTINCT state, filled FROM orders WHERE product = '{POWER}'") == [
            ("closed", 0)
        ]

    in_market(tmp_path, use)


def test_orders_too_many_to_add_up_are_a_fault_of_their_product(tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(CONFIG)
    section = load(tmp_path / "market.toml").zone
    assert section is not None
    catalogue = Catalogue(section)
    product = catalogue.next_power(START)
    sides = [Side.SELL, Side.SELL, Side.BUY]
    book = [Order(f"o{k}", k, "m", product.id, "NL", side, 5000, 2**52) for k, side in enumerate(sides, 1)]
    with pytest.raises(auctions.NotCleared, match=r"2\*\*53"):
        auctions.run(catalogue, product, book)
