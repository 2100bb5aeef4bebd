"""A zone's day: gates fall, contracts are made and paid, also when the process was away meanwhile.

The whole of tradelane.gateway.zone is tried here through its API, in one process with an e-hub.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FIRST,
    GATE,
    POTATOES,
    POWER,
    SECOND,
    Marketplace,
    in_market,
    kinds,
    sell_abroad,
)
from tests.settlement.hubs import assert_problem
from tradelane.market.units import iso


def test_two_gates_in_a_row_settle_and_money_is_conserved(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        prices = await market.priced()
        assert prices["NL"] == "50.000000", "Bram is filled in part, so his limit is the price"
        await market.settled("funded", "funded")
        await market.taken(BRAM, "sell", "30", "0.001", product=f"power/{SECOND}")
        await market.taken(BETH, "buy", "90", "0.002", product=f"power/{SECOND}")
        held = (await market.hub.account(BETH.account)).held
        assert held != "0"
        market.now = FIRST.end
        assert (await market.state(ANNA, 1000)).status_code == 201
        assert (await market.state(BRAM, 5000)).status_code == 201
        await market.settled("released", "released", "funded")
        market.now = SECOND.end
        await market.state(BRAM, 900, SECOND)
        await market.settled("released", "released", "released")
        trades = await market.trades()
        assert trades[2]["quantity"] == "0.9", "what was not metered is not paid for"
        assert await market.balance(ANNA.account) == "0.05"
        assert "0.05" in {t["seller_gets"]["value"] for t in trades[:2]}
        assert (await market.hub.account(BETH.account)).held == "0"
        assert await market.books_balance()
        assert (await market.hub.chain()).ok
        assert kinds(market).count("gate") == kinds(market).count("clearing") == 3, "10:10, 10:25 and 10:40"

    in_market(tmp_path, use)


def test_trades_and_prices_can_be_read_in_pages_of_one(tmp_path: Path) -> None:
    """A clearing's rows share one number of the journal: none is lost at the edge of a page."""

    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.settled("funded", "funded")
        for what, count in (("trades", 2), ("prices", 2)):
            seen: list[Any] = []
            after = 0
            while page := (await market.http.get(f"/api/v1/{what}?after={after}&limit=1")).json()["items"]:
                seen += page
                after = page[-1]["seq"]
            assert len(seen) == count
            assert seen == (await market.http.get(f"/api/v1/{what}")).json()["items"]

    in_market(tmp_path, use)


def test_gates_that_fell_while_the_process_was_away_are_cleared(tmp_path: Path) -> None:
    async def offer(market: Marketplace) -> None:
        await sell_abroad(market)
        await market.taken(BRAM, "sell", "30", "0.001", product=f"power/{SECOND}")
        await market.taken(BETH, "buy", "90", "0.002", product=f"power/{SECOND}")

    in_market(tmp_path, offer)

    async def late(market: Marketplace) -> None:
        await market.priced(f"power/{SECOND}")
        await market.settled("funded", "funded", "funded")
        assert_problem(await market.order(ANNA, "sell", "1", "0.001"), 422, "gate-closed", "product")
        assert kinds(market)[-4:] == ["gate", "clearing"] * 2

    in_market(tmp_path, late, SECOND.start)


def test_products_on_offer(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        items = (await market.http.get("/api/v1/products")).json()["items"]
        assert [item["id"] for item in items] == [POWER, POTATOES]
        assert items[0]["gate"] == iso(GATE) and items[1]["gate"] is None
        market.now = GATE
        items = (await market.http.get("/api/v1/products")).json()["items"]
        assert items[0]["id"] == f"power/{SECOND}"

    in_market(tmp_path, use)
