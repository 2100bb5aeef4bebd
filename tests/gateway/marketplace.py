"""A whole market in this process: e-hub and zone on real files, reached over ASGI, its clock turned by hand.

Two zones: NL (EUR) and GB (GBP at 1.17 EUR), a lane each way (3 % loss, 0.50 EUR/MWh), and potatoes in lots
of 25 kg that may go from NL to GB (0.06 EUR/kg, 8 % duty, 40 lots a day).
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from tradelane.gateway import keys
from tradelane.gateway.app import build_roles, create_app
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config, load
from tradelane.gateway.roles import Role
from tradelane.market.units import MINUTE, Interval, Money, instant, iso
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.wire_inspection import FileDocument

T = TypeVar("T")
START = instant("2026-06-21T09:57Z")
FIRST = Interval.at(instant("2026-06-21T10:15Z"), 15 * MINUTE)
"""The first delivery interval whose gate falls."""
GATE = FIRST.start - 5 * MINUTE
SECOND = FIRST.shifted(1)
POWER = f"power/{FIRST}"
POTATOES = "potatoes/2026-06-21"
NEVER_S = 30
"""How long something that has to happen is waited for before the test fails."""
CONFIG = """
data_dir = "."
[zone]
id = "north-sea"
name = "North Sea neighbours"
numeraire = "EUR"
imbalance = { penalty_ppm = 100000 }
zones = [
    { id = "NL", name = "Netherlands", currency = "EUR" },
    { id = "GB", name = "Great Britain", currency = "GBP", fx = "1.17" },
]
lanes = [
    { id = "NL>GB", source = "NL", target = "GB", capacity_kw = 40, loss_ppm = 30000, tariff = "0.50" },
    { id = "GB>NL", source = "GB", target = "NL", capacity_kw = 40, loss_ppm = 30000, tariff = "0.50" },
]
[[zone.goods]]
id = "potatoes"
name = "Potatoes, fresh"
hs_code = "070190"
unit = "kg"
lot = "25"
tick = "0.01"
min_price = "0.05"
max_price = "5"
[[zone.goods_lanes]]
id = "NL>GB.road"
product = "potatoes"
source = "NL"
target = "GB"
capacity = 40
freight = "0.06"
duty_ppm = 80000
days = 1
[hub]
currencies = ["EUR", "GBP"]
"""


@dataclass(frozen=True)
class Member:
    id: str
    zone: str
    key: Ed25519PrivateKey

    @property
    def account(self) -> str:
        return f"member:{self.id}:{'EUR' if self.zone == 'NL' else 'GBP'}"


def member(id: str, zone: str) -> Member:
    """The same id has the same key each time."""
    return Member(id, zone, Ed25519PrivateKey.from_private_bytes(id.encode().ljust(32, b".")))


ANNA, BRAM, FARM = member("anna", "NL"), member("bram", "NL"), member("farm", "NL")
BETH, SHOP = member("beth", "GB"), member("shop", "GB")
DEPOSITS = {BRAM: "1000", BETH: "1000", SHOP: "1000"}


def phytosanitary(subject: str) -> FileDocument:
    """What potatoes need to go to Great Britain."""
    return FileDocument(
        document=f"phyto/{subject}", kind="phytosanitary certificate", number=subject, issuer="NVWA",
        subject=subject, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31), sha256="00" * 32,
    )  # fmt: skip


class Marketplace:
    """``now`` is the market's time in ms; set it and the market wakes up there."""

    def __init__(self, folder: Path, config: str = CONFIG, now: int = START, speed: int = 1) -> None:
        path = folder / "market.toml"
        path.write_text(config)
        self.folder = folder
        self.config: Config = load(path)
        self.now = now
        self.clock = Clock(speed, START, 0, wall=lambda: (self.now - START) // speed, nap=_short_nap)
        self.app: FastAPI = create_app(self.config, self._build)
        self._transport = httpx2.ASGITransport(self.app)
        self.http = httpx2.AsyncClient(transport=self._transport, base_url="http://market")
        self.hub = HubClient("http://hub", keys.load_token(self.config.hub_token_file), self._transport)
        self._ids = itertools.count()

    def _build(self, config: Config, _: Clock, app: FastAPI) -> dict[str, Role]:
        return build_roles(config, self.clock, app)

    async def start(self) -> None:
        await self.app.state.roles.start()

    async def stop(self) -> None:
        await self.http.aclose()
        await self.hub.close()
        await self.app.state.roles.stop()
        assert self.app.state.roles.failure is None

    async def send(self, sender: Member, what: str, body: dict[str, Any]) -> httpx2.Response:
        signed = {**body, "signature": keys.sign(sender.key, body)}
        return await self.http.post(f"/api/v1/{what}", json=signed)

    async def join(self, *members: Member) -> None:
        """Register members, and give those who buy their money."""
        for one in members:
            public = keys.public_key_text(one.key)
            body = {"id": one.id, "name": one.id.capitalize(), "zone": one.zone, "public_key": public}
            answer = await self.send(one, "members", body)
            assert answer.status_code == 201, answer.text
            if one in DEPOSITS:
                money = Money.parse(DEPOSITS[one], one.account[-3:])
                await self.hub.deposit(f"{one.id}/deposit", account=one.account, amount=money)
            if one.zone == "NL":
                await self.hub.inspection.file(f"{one.id}/paper", phytosanitary(one.id))

    def order_body(self, sender: Member, side: str, price: str, quantity: str, **more: Any) -> dict[str, Any]:
        return {
            "id": f"{sender.id}-{self.now}-{next(self._ids)}",
            "member": sender.id,
            "product": POWER,
            "zone": sender.zone,
            "side": side,
            "price": price,
            "quantity": quantity,
        } | more

    async def order(
        self, sender: Member, side: str, price: str, quantity: str, **more: Any
    ) -> httpx2.Response:
        return await self.send(sender, "orders", self.order_body(sender, side, price, quantity, **more))

    async def taken(
        self, sender: Member, side: str, price: str, quantity: str, **more: Any
    ) -> dict[str, Any]:
        """The answer to an order that has to be taken."""
        answer = await self.order(sender, side, price, quantity, **more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def state(self, sender: Member, export_wh: int, interval: Interval = FIRST) -> httpx2.Response:
        return await self.send(sender, "statements", statement(sender, export_wh, interval))

    async def trades(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/v1/trades", params={"limit": 1000})
        return list(answer.json()["items"])

    async def states(self) -> list[str]:
        return [trade["state"] for trade in await self.trades()]

    async def balance(self, account: str) -> str:
        return (await self.hub.account(account)).posted

    async def books_balance(self) -> bool:
        return (await self.hub.trial_balance()).balanced

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what has to come."""
        async with asyncio.timeout(NEVER_S):
            while not await holds():
                await asyncio.sleep(0.01)

    async def settled(self, *expected: str) -> None:
        """Wait until the contracts are in these states."""
        states: list[str] = []
        try:
            async with asyncio.timeout(NEVER_S):
                while (states := await self.states()) != list(expected):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"contracts are {states}, not {list(expected)}") from None

    async def priced(self, product: str = POWER) -> dict[str, str | None]:
        """Wait for the clearing of ``product``: its prices by zone."""
        found: dict[str, str | None] = {}

        async def there() -> bool:
            rows = (await self.http.get("/api/v1/prices", params={"limit": 1000})).json()["items"]
            found.update({row["zone"]: row["price"] for row in rows if row["product"] == product})
            return bool(found)

        await self.until(there)
        return found

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What stands in the zone's file."""
        with closing(sqlite3.connect(self.config.zone_db)) as connection:
            return connection.execute(query).fetchall()

    def footprint(self) -> list[tuple[Any, ...]]:
        """All that a message may change in the zone."""
        tables = ("journal", "members", "orders", "contracts", "statements", "prices")
        return [(name, *self.rows(f"SELECT count(*) FROM {name}")[0]) for name in tables]


def statement(sender: Member, export_wh: int, interval: Interval = FIRST, **more: Any) -> dict[str, Any]:
    return {
        "member": sender.id,
        "meter": f"roof-{sender.id}",
        "start": iso(interval.start),
        "end": iso(interval.end),
        "import_wh": 0,
        "export_wh": export_wh,
        "quality": "measured",
        "head": "00",
    } | more


async def _short_nap(_seconds: float) -> None:
    """Time is turned by hand, so look at it often."""
    await asyncio.sleep(0.005)


@asynccontextmanager
async def open_market(
    folder: Path, config: str = CONFIG, now: int = START, speed: int = 1
) -> AsyncIterator[Marketplace]:
    market = Marketplace(folder, config, now, speed)
    await market.start()
    try:
        yield market
    finally:
        await market.stop()


def in_market(
    folder: Path, use: Callable[[Marketplace], Coroutine[Any, Any, T]], now: int = START, config: str = CONFIG
) -> T:
    """Run ``use`` in a market on the files of ``folder``."""

    async def main() -> T:
        async with open_market(folder, config, now) as market:
            return await use(market)

    return asyncio.run(main())


async def sell_abroad(market: Marketplace) -> None:
    """Anna and Bram in NL, Beth in GB who pays well: the first gate has two contracts over the border."""
    await market.join(ANNA, BRAM, BETH)
    await market.taken(ANNA, "sell", "40", "0.001")
    await market.taken(BRAM, "sell", "50", "0.002")
    await market.taken(BETH, "buy", "100", "0.002", id="beth-buys")


def kinds(market: Marketplace) -> list[str]:
    return [row[0] for row in market.rows("SELECT kind FROM journal ORDER BY seq")]


def forget(folder: Path, statement: str) -> None:
    """What a kill between two commits leaves: the later one undone."""
    with closing(sqlite3.connect(folder / "zone.sqlite")) as connection, connection:
        connection.execute(statement)
