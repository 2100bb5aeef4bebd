"""The kitchen's bank: it pays over the e-road when there is little left, once, and only what was quoted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import httpx2
import pytest

from tradelane.gateway.clock import Clock
from tradelane.gateway.demo import far_bank, scene
from tradelane.settlement.ehub.client import HubClient

TOTAL = {"currency": "NOK", "value": "20000"}
AT = "2026-06-21T10:00Z"
QUOTE = {
    "quote": "q", "peer": scene.MARKET_HUB, "account": far_bank.ACCOUNT, "payee": far_bank.ACCOUNT,
    "send": TOTAL, "fee": None, "receive": TOTAL, "spread_ppm": 0, "expires_at": None, "error": None,
    "at": AT,
}  # fmt: skip
PAYMENT = {
    "transfer": "q", "peer": scene.MARKET_HUB, "outgoing": True, "account": far_bank.ACCOUNT, "send": TOTAL,
    "fee": TOTAL, "receive": TOTAL, "condition": "c", "fulfilment": None, "expires_at": "2026-06-21T12:00Z",
    "window": None, "number": None, "error": None, "memo": "", "at": AT, "completed_at": None,
}  # fmt: skip


@dataclass
class Hubs:
    """Both hubs' answers over HTTP: what is left, and how quotes and payments go on."""

    available: str
    quotes: list[str]
    payments: list[str]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.asked.append((request.method, path))
        if path.startswith("/accounts/"):
            state = {
                "account": far_bank.ACCOUNT,
                "owner": scene.KITCHEN_NAME,
                "currency": "NOK",
                "limit": None,
            }
            return httpx2.Response(
                200, json=state | dict.fromkeys(("posted", "held", "available"), self.available)
            )
        if path.startswith("/road/quotes"):
            return httpx2.Response(200, json=QUOTE | {"state": self.quotes.pop(0)})
        assert path.startswith("/road/transfers")
        if request.method == "POST":
            body = json.loads(request.content)
            assert body["transfer"] == body["quote"]
        return httpx2.Response(200, json=PAYMENT | {"state": self.payments.pop(0)})

    async def cover(self) -> list[tuple[str, str]]:
        home, market = (HubClient(f"http://{name}", "t", httpx2.MockTransport(self)) for name in ("b", "n"))
        try:
            await asyncio.wait_for(far_bank.cover(home, market, Clock()), 30)
        finally:
            await asyncio.gather(home.close(), market.close())
        return self.asked


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_bank, "LOOK_S", 0.0)


def test_nothing_is_sent_while_there_is_enough() -> None:
    hubs = Hubs(str(scene.KITCHEN_LOW), [], [])
    assert [method for method, _ in asyncio.run(hubs.cover())] == ["GET"]


def test_it_waits_for_the_quote_and_pays_it_once() -> None:
    hubs = Hubs("4999.99", ["asked", "asked", "quoted"], ["RESERVED", "RESERVED", "COMMITTED"])
    sent = [path for method, path in asyncio.run(hubs.cover()) if method == "POST"]
    assert sent == ["/road/quotes", "/road/transfers"]
    assert (hubs.quotes, hubs.payments) == ([], [])


def test_what_is_refused_is_not_paid() -> None:
    hubs = Hubs("0", ["asked", "refused"], [])
    assert ("POST", "/road/transfers") not in asyncio.run(hubs.cover())
