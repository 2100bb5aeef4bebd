"""A street at the edge: real Modbus meters over sockets, one of them dead, one restart, money at the end."""

from __future__ import annotations

import asyncio
import sqlite3
import struct
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

from tests.gateway.marketplace import CONFIG, FIRST, GATE, SECOND, START, Marketplace, open_market
from tests.meter.servers import bare, words_answer
from tests.shared import free_port
from tradelane.gateway import chains, heads, keys
from tradelane.gateway.store import open_engine
from tradelane.market.units import MINUTE, Money
from tradelane.meter.seal import verify_chain

SPEED = 50
"""Turns the poll of one market second into one of 20 ms."""
EDGE = """
[edge]
poll_seconds = 1
[[edge.members]]
id = "rosa"
name = "Rosa"
zone = "NL"
sells = true
min_price = "10"
meter = "roof-rosa"
[[edge.members]]
id = "pim"
name = "Pim"
zone = "NL"
sells = true
meter = "roof-pim"
[[edge.members]]
id = "mill"
name = "Mill"
zone = "GB"
buys = { kind = "steady", max_price = "100", max_wh = 2000 }
goods = [{ product = "potatoes", side = "buy", price = "0.30", quantity = "50" }]
"""
METER = """
[[edge.meters]]
name = "roof-%s"
transport = "modbus"
host = "127.0.0.1"
port = %d
profile = "eastron-sdm630"
"""


class Street:
    """Rosa's meter, an SDM630 that counts 100 W in and 4,000 W out on the market's clock; Pim's is dead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START

    def meter(self) -> AbstractAsyncContextManager[int]:
        async def answer(_unit: int, function: int, address: int, count: int) -> bytes:
            hours = (self.now - START) / 3_600_000
            kilowatt_hours = {72: 20 + 0.1 * hours, 74: 10 + 4 * hours}
            floats = [kilowatt_hours.get(at, 1.0) for at in range(0, 400, 2)]
            words = struct.unpack(">400H", struct.pack(">200f", *floats))
            return words_answer(function, list(words[address : address + count]))

        return bare(answer)

    async def trade(self, port: int, use: Callable[[Marketplace], Awaitable[None]]) -> None:
        """``use`` a market whose edge reads the street."""
        config = CONFIG + EDGE + METER % ("rosa", port) + METER % ("pim", free_port())
        async with open_market(self.folder, config, self.now, SPEED) as market:
            await use(market)
            assert (await market.http.get("/healthz")).status_code == 200

    async def walk(self, market: Marketplace, until: int) -> None:
        """Three minutes at a time, each time once the living meter was read."""
        while self.now < until:
            self.now = market.now = min(until, self.now + 3 * MINUTE)
            await self.seen(market, f"SELECT 1 FROM readings WHERE at >= {self.now}")

    async def seen(self, market: Marketplace, query: str, count: int = 1) -> None:
        """Wait until the edge's file has so many rows."""

        async def there() -> bool:
            return len(self.rows(query)) >= count

        await market.until(there)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "edge.sqlite")) as connection:
            return connection.execute(query).fetchall()


async def ordered(market: Marketplace, count: int) -> None:
    async def there() -> bool:
        return len(market.rows("SELECT 1 FROM orders")) >= count

    await market.until(there)


def test_a_roof_is_read_sold_and_paid_while_its_neighbour_is_dead(tmp_path: Path) -> None:
    street = Street(tmp_path)

    async def morning(market: Marketplace) -> None:
        await ordered_by_mill(market)
        await street.walk(market, GATE + 14 * MINUTE)
        await ordered(market, 5)
        offer = market.rows("SELECT product, price, quantity, read_wall > 0 FROM orders WHERE side = 'sell'")
        assert offer == [(f"power/{SECOND}", 1000, 700, 1)], "seven tenths of the only interval known"
        await street.walk(market, SECOND.start + 3 * MINUTE)
        await market.settled("funded")

    async def ordered_by_mill(market: Marketplace) -> None:
        await street.seen(market, "SELECT 1 FROM readings")
        await market.until(lambda: registered(market, "mill"))
        await market.hub.deposit("mill", account="member:mill:GBP", amount=Money.parse("9", "GBP"))
        await street.walk(market, GATE - MINUTE)
        await ordered(market, 2)

    async def noon(market: Marketplace) -> None:
        await street.walk(market, SECOND.end + MINUTE)
        await market.settled("released", "funded")
        trade, _ = await market.trades()
        assert (trade["seller_zone"], trade["buyer_zone"], trade["quantity"]) == ("NL", "GB", "0.7")
        assert await market.balance("member:rosa:EUR") == trade["seller_gets"]["value"] != "0"
        assert await market.books_balance()
        await street.seen(market, "SELECT 1 FROM metered WHERE sent", 3)

    async def day() -> None:
        async with street.meter() as port:
            await street.trade(port, morning)
            await street.trade(port, noon)

    asyncio.run(day())
    metered = street.rows("SELECT meter, import_wh, export_wh, quality FROM metered")
    assert metered == [("roof-rosa", 25, 1000, "measured")] * 3, "over the restart too"
    assert FIRST.start in [row[0] for row in street.rows("SELECT interval_start FROM metered")]
    assert street.rows("SELECT DISTINCT meter FROM readings") == [("roof-rosa",)]
    prove_readings(tmp_path)


async def registered(market: Marketplace, id: str) -> bool:
    return bool(market.rows(f"SELECT 1 FROM members WHERE id = '{id}'"))


def prove_readings(folder: Path) -> None:
    """One signed chain over the restart, by the member's own key, up to the head kept beside it."""
    key = keys.load_key(folder / "keys/rosa.pem").public_key()
    (known,) = heads.read(heads.beside(folder / "edge.sqlite"))
    engine = open_engine(folder / "edge.sqlite", "BEGIN", readonly=True)
    with engine.begin() as conn:
        chain = list(chains.links(conn, "roof-rosa"))
    engine.dispose()
    assert len(chain) > 16 and verify_chain(chain, key, known=[known.head]) is None
    assert known.head == chain[-1].head
