"""A hub with its facade for members, who sign; its clock stands still until it is set."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from tests.settlement.hubs import NOW, TOKEN, Hub, serving
from tests.settlement.signed import KEYS, Signed, known, signer
from tradelane.gateway.store import StoreError, opened
from tradelane.market.units import MINUTE, Money, iso
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.server.openpayments.quotes import FeePpm, free
from tradelane.settlement.ehub.server.openpayments.routes import Settings

ACCOUNTS = {"member:cem:EUR": "EUR", "platform:EUR": "EUR"}


@dataclass
class Facade:
    """``members`` sign, the ``operator`` shows its token, ``nobody`` does neither."""

    hub: Hub
    at: int = NOW
    members: dict[str, httpx2.Client] = field(default_factory=dict)
    nobody: httpx2.Client = field(default_factory=lambda: httpx2.Client(verify=False))
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def base(self) -> str:
        return f"{self.hub.url}/api/v1/open-payments"

    @property
    def operator(self) -> httpx2.Client:
        return self.hub.http

    def wallet(self, account: str) -> str:
        return f"{self.base}/wallets/{account}"

    def post(self, member: str, path: str, body: Any, key: str | None = None) -> httpx2.Response:
        """With a key of its own, unless one is given; an empty one is none."""
        return self._post(self.members[member], path, body, key)

    def operator_post(self, path: str, body: Any) -> httpx2.Response:
        return self._post(self.operator, path, body, None)

    def _post(self, client: httpx2.Client, path: str, body: Any, key: str | None) -> httpx2.Response:
        key = f"key-{next(self.numbers)}" if key is None else key
        return client.post(self.base + path, json=body, headers={"Idempotency-Key": key} if key else {})

    def ok(self, member: str, path: str, body: Any, status: int = 201) -> Any:
        answer = self.post(member, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, member: str, path: str, **query: Any) -> Any:
        return self.get_path(self.members[member], self.base + path, **query)

    def get_path(self, client: httpx2.Client, url: str, **query: Any) -> Any:
        answer = client.get(url, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wish(self, receiver: str, **amount: Any) -> dict[str, Any]:
        place = receiver if "://" in receiver else self.wallet(receiver)
        return {"receiver": place, **amount}

    def ask(self, member: str, receiver: str, **amount: Any) -> httpx2.Response:
        """Ask for a quote of a payment out of the member's wallet in EUR."""
        wallet = self.wallet(f"member:{member}:EUR")
        return self.post(member, "/quotes", {"walletAddress": wallet, **self.wish(receiver, **amount)})

    def quoted(self, member: str, receiver: str, **amount: Any) -> Any:
        answer = self.ask(member, receiver, **amount)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def order(self, quote: Any, **more: Any) -> dict[str, Any]:
        return {"walletAddress": quote["walletAddress"], "quoteId": quote["id"], **more}

    def bill(self, account: str, **more: Any) -> dict[str, Any]:
        return {"walletAddress": self.wallet(account), **more}

    def rate(self, sell: str, buy: str, mid: str, spread_ppm: int, until: int | None = None) -> None:
        ends = self.at + 60 * MINUTE if until is None else until
        body = {"sell": sell, "buy": buy, "mid": mid, "spreadPpm": spread_ppm, "validUntil": iso(ends)}
        answer = self.operator_post("/rates", body)
        assert answer.status_code == 201, answer.text

    def balances(self) -> dict[str, str]:
        return {account: posted for account, (posted, _held) in self.hub.balances().items()}


def nano(value: str, currency: str = "EUR") -> dict[str, Any]:
    """An amount as the facade writes it."""
    return {"value": str(Money.parse(value, currency).nano), "assetCode": currency, "assetScale": 9}


@contextmanager
def running_facade(
    template: Path, folder: Path, *, fee: FeePpm = free, private_webhooks: bool = False
) -> Iterator[Facade]:
    """A hub with accounts and keys of Ana and Cem in EUR and Ben in GBP; Ana has 100 EUR."""
    path = shutil.copy(template, folder / "facade.sqlite")
    with opened(path, PLACE, HEAD) as store, ExitStack() as open_clients:
        bell, settings = Bell(store.read), Settings(known, fee, private_webhooks)
        app = create_app(
            store, lambda: facade.at, TOKEN, store.read, (StoreError,), bell=bell, facade=settings
        )
        facade = Facade(Hub("", store, httpx2.Client(verify=False)))
        with serving(app) as url:
            http = httpx2.Client(verify=False, base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
            facade.hub = Hub(url, store, open_clients.enter_context(http))
            for member in KEYS:
                client = httpx2.Client(verify=False, auth=Signed(signer(member, lambda: facade.at)))
                facade.members[member] = open_clients.enter_context(client)
            for account, currency in ACCOUNTS.items():
                question = {"account": account, "owner": account, "currency": currency}
                assert facade.hub.post("/accounts", question, account).status_code == 201
            yield facade
