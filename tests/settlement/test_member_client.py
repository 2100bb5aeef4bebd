"""A gateway's client of the facade against a real hub: quote, pay, wait, and try again safely."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from tests.settlement.facade import Facade, running_facade
from tests.settlement.hubs import ANA, eur, gbp
from tests.settlement.signed import KEYS
from tradelane.settlement.ehub.asking import Asking, Backoff, HubRefused, HubUnreachable
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.signing import Signer

T = TypeVar("T")
CEM, BEN = "member:cem:EUR", "member:ben:GBP"


@pytest.fixture
def hub(furnished: Path, tmp_path: Path) -> Iterator[Facade]:
    with running_facade(furnished, tmp_path) as hub:
        yield hub


def client(hub: Facade, member: str, transport: httpx2.AsyncBaseTransport | None = None) -> MemberClient:
    by = Signer(member, KEYS[member], lambda: hub.at)
    return MemberClient(hub.hub.url, by, transport, backoff=Backoff(attempts=3, first_s=0))


def run(use: Callable[[MemberClient], Awaitable[T]], asking: MemberClient) -> T:
    async def main() -> T:
        try:
            return await use(asking)
        finally:
            await asking.close()

    return asyncio.run(main())


def test_a_bill_is_paid_across_currencies(hub: Facade) -> None:
    hub.rate("EUR", "GBP", "0.8", 1_000)

    async def bill(ben: MemberClient) -> str:
        return (await ben.expect("b", wallet=BEN, amount=gbp("4"), metadata={"for": "jam"})).id

    async def pays(ana: MemberClient) -> None:
        assert (await ana.wallet(BEN)).asset_code == "GBP"
        quote = await ana.quote("q", wallet=ANA, receiver=place)
        paid = await ana.pay("p", quote)
        assert paid.receive_amount.value == str(gbp("4").nano)
        assert await ana.pay("p", quote) == paid
        assert (await ana.wallets()).result[0].available == str(
            eur("100").nano - int(paid.debit_amount.value)
        )
        assert [one.mid for one in (await ana.rates()).result] == ["0.8"]

    async def waits(ben: MemberClient) -> None:
        assert (await ben.incoming(place, wait_s=1)).completed
        (receipt,) = (await ben.receipts()).items
        assert receipt.total.value == "4"

    place = run(bill, client(hub, "ben"))
    run(pays, client(hub, "ana"))
    run(waits, client(hub, "ben"))


def test_what_is_refused_says_why_and_what_cannot_be_sent_is_not(hub: Facade) -> None:
    async def asks(ana: MemberClient) -> None:
        with pytest.raises(HubRefused) as refused:
            await ana.quote("q", wallet=CEM, receiver=ANA, debit=eur("1"))
        assert (refused.value.status, refused.value.code) == (403, "not-your-wallet")
        with pytest.raises(ValueError, match="value"):
            await ana.quote("q", wallet=ANA, receiver=CEM, debit=eur("0"))

    run(asks, client(hub, "ana"))


class Lossy(httpx2.AsyncHTTPTransport):
    """Every second answer is lost on its way."""

    def __init__(self) -> None:
        super().__init__(verify=False)
        self.count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        self.count += 1
        if self.count % 2:
            raise httpx2.ReadError("lost")
        return answer


def test_a_lost_answer_is_asked_for_again_and_signed_anew(hub: Facade) -> None:
    async def pays(ana: MemberClient) -> None:
        quote = await ana.quote("q", wallet=ANA, receiver=CEM, receive=eur("3"))
        await ana.pay("p", quote)

    run(pays, client(hub, "ana", Lossy()))
    assert hub.balances()[CEM] == "3"


def test_a_hub_that_is_away_is_unreachable() -> None:
    asking = MemberClient("http://127.0.0.1:9", Signer("ana", KEYS["ana"], lambda: 0), backoff=Backoff(2, 0))
    assert isinstance(asking, Asking)
    with pytest.raises(HubUnreachable):
        run(lambda ana: ana.wallets(), asking)
