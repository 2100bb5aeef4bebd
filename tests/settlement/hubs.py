"""What the e-hub's tests share: a running hub, its furniture, and messages to send it."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx2
import uvicorn
from sqlalchemy import Connection
from starlette.types import ASGIApp

from tradelane.gateway.store import Store, StoreError, opened
from tradelane.market.units import Money
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ledger import Transfer

T = TypeVar("T")
TOKEN = "a token for tests"
NOW = 1_782_000_000_000
ANA, BEN = "member:ana:EUR", "member:ben:GBP"
ISSUERS = ("issuer", "fx", "rounding", "balancing")
CARRIERS = ("lane:ES>GB:tariff:EUR", "lane:ES>GB:rent:EUR", "customs:EUR")


@dataclass
class Hub:
    """A running e-hub: its address, its store, and raw HTTP with the token set."""

    url: str
    store: Store
    http: httpx2.Client

    def post(self, path: str, body: Any, key: str | None) -> httpx2.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post("/api/v1" + path, json=body, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get("/api/v1" + path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def balances(self) -> dict[str, tuple[str, str]]:
        """Posted and held of each account."""
        return {a["account"]: (a["posted"], a["held"]) for a in self.get("/accounts", limit=1000)["items"]}

    def code(self, shipment: str = "p1") -> str:
        """What the buyer of a shipment shows at the door."""
        return str(self.get(f"/shipments/{shipment}/proof-code")["proof_code"])

    def run(self, use: Callable[[HubClient], Coroutine[Any, Any, T]]) -> T:
        """Run ``use`` with a client, in an event loop of its own."""
        return run(HubClient(self.url, TOKEN), use)


def run(client: HubClient, use: Callable[[HubClient], Coroutine[Any, Any, T]]) -> T:
    async def main() -> T:
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(main())


async def furnish(client: HubClient) -> None:
    """The accounts of a trade from Britain to Spain: Ana in Spain has 100 EUR, Ben in Britain nothing."""
    for currency in ("EUR", "GBP"):
        for name in ISSUERS:
            account = f"{name}:{currency}"
            await client.open_account(account, account=account, owner="hub", currency=currency, limit=None)
    for account in CARRIERS:
        await client.open_account(account, account=account, owner="hub", currency="EUR", limit=eur("0"))
    await client.open_account("ana", account=ANA, owner="Ana", currency="EUR", limit=eur("0"))
    await client.open_account("ben", account=BEN, owner="Ben", currency="GBP", limit=gbp("0"))
    await client.deposit("seed", account=ANA, amount=eur("100"))


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The URL of ``app``, served by uvicorn over real HTTP on an ephemeral port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    socket.listen()  # who asks before the server has started waits, and is not refused
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join()


class Stand:
    """An application that is built and served once: to build one takes longer than most tests do. Its store
    is that of the test it is lent to."""

    free: ClassVar[list[Stand]] = []
    store: Store

    def __init__(self) -> None:
        until_the_end = ExitStack()
        app = create_app(self, lambda: NOW, TOKEN, self.read, (StoreError,))
        self.url = until_the_end.enter_context(serving(app))
        atexit.register(until_the_end.close)

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        return await self.store(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.store.read(work)

    @classmethod
    @contextmanager
    def lent(cls, store: Store, *, fresh: bool) -> Iterator[str]:
        """The URL of a hub on this store, nobody else's meanwhile; a ``fresh`` one was nobody's before."""
        stand = cls.free.pop() if cls.free and not fresh else cls()
        stand.store = store
        yield stand.url
        if not fresh:
            cls.free.append(stand)


@contextmanager
def running(template: Path, folder: Path, *, fresh: bool = False) -> Iterator[Hub]:
    """A hub over HTTP on its own copy of a database file. What an application keeps in memory (the official
    list) is of its first test, unless it is ``fresh``."""
    path = shutil.copy(template, folder / "hub.sqlite")
    with (
        opened(path, PLACE, HEAD) as store,
        Stand.lent(store, fresh=fresh) as url,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        yield Hub(url, store, http)


def assert_problem(answer: httpx2.Response, status: int, code: str, *fields: str) -> None:
    """The answer is RFC 9457 problem details with this code, and errors for exactly these fields."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), body
    assert body["type"] == f"urn:tradelane:problem:{code}", body
    assert [error["field"] for error in body["errors"]] == list(fields)
    assert body["title"] and body["detail"] and all(error["reason"] for error in body["errors"])
    assert "Traceback" not in answer.text


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def gbp(text: str) -> Money:
    return Money.parse(text, "GBP")


def trade(name: str) -> list[Transfer]:
    """Ana pays 10 EUR, Ben gets 7.5 GBP and gives 0.5 back for what he did not deliver."""
    moves = [
        (ANA, CARRIERS[0], eur("0.4"), "tariff"),
        (ANA, CARRIERS[1], eur("0.5"), "rent"),
        (ANA, "customs:EUR", eur("0.1"), "duty"),
        (ANA, "fx:EUR", eur("8.999999999"), "sale"),
        (ANA, "rounding:EUR", eur("0.000000001"), "rounding"),
        ("fx:GBP", BEN, gbp("7.5"), "sale"),
        (BEN, "balancing:GBP", gbp("0.5"), "imbalance"),
    ]
    return [Transfer(f"{name}/{n}", *move) for n, move in enumerate(moves)]


def reservation(
    name: str = "r1", value: str = "12", account: str = ANA, contract: str = "c1", currency: str = "EUR"
) -> dict[str, Any]:
    return {
        "reservation": name,
        "account": account,
        "contract": contract,
        "amount": {"currency": currency, "value": value},
    }


def settlement(
    name: str = "s1",
    reservation: str | None = "r1",
    contract: str = "c1",
    legs: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    paid = [leg(t.source, t.target, str(t.amount), t.amount.currency, t.kind) for t in trade(name)]
    return {
        "settlement": name,
        "reservation": reservation,
        "contract": contract,
        "transfers": paid if legs is None else legs,
    }


def leg(source: str, target: str, value: str, currency: str = "EUR", kind: str = "sale") -> dict[str, Any]:
    amount = {"currency": currency, "value": value}
    return {"source": source, "target": target, "kind": kind, "amount": amount}


def declaration(name: str = "d1", **changes: Any) -> dict[str, Any]:
    return {
        "declaration": name,
        "contract": "c1",
        "hs_code": "0901.21",
        "origin": "GB",
        "destination": "ES",
        "quantity": "12.5",
        "unit": "kg",
        "value": {"currency": "EUR", "value": "10"},
        "duty_ppm": 75_000,
        **changes,
    }


def shipment(name: str = "p1", **changes: Any) -> dict[str, Any]:
    return {
        "shipment": name,
        "contract": "c1",
        "declaration": "d1",
        "lane": "GB>ES",
        "quantity": "12.5",
        "unit": "kg",
        **changes,
    }
