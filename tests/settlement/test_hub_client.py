"""The client's patience: what it tries again, under which key, how often, and what it gives up on."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.settlement.hubs import ANA, Hub, eur, run
from tradelane.market.units import Money
from tradelane.settlement.ehub.client import Backoff, HubClient, HubRefused, HubUnreachable

OPENED = {
    "account": ANA,
    "owner": "Ana",
    "currency": "EUR",
    "posted": "0",
    "held": "0",
    "available": "0",
    "limit": "0",
    "a field of a later version": 1,
}
Answer = httpx2.Response | Exception


class Script:
    """Plays the hub: gives ``answers`` in turn, the last one for ever; remembers requests and waits."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.waits: list[float] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def client(self, **backoff: Any) -> HubClient:
        return HubClient(
            "http://hub",
            "secret",
            httpx2.MockTransport(self.answer),
            sleep=self.sleep,
            backoff=Backoff(**backoff),
        )

    def open(self, **backoff: Any) -> Any:
        return run(
            self.client(**backoff),
            lambda c: c.open_account("key", account=ANA, owner="Ana", currency="EUR", limit=eur("0")),
        )


def ok() -> httpx2.Response:
    return httpx2.Response(201, json=OPENED)


def problem(status: int, code: str) -> httpx2.Response:
    errors = [{"field": "amount", "reason": "too much"}]
    return httpx2.Response(
        status,
        json={
            "type": f"urn:tradelane:problem:{code}",
            "title": "No",
            "status": status,
            "detail": "no",
            "errors": errors,
        },
    )


@pytest.mark.parametrize(
    "failure",
    [
        lambda: httpx2.ConnectError("refused"),
        lambda: httpx2.ReadTimeout("slow"),
        lambda: httpx2.RemoteProtocolError("died"),
        lambda: problem(503, "unavailable"),
        lambda: problem(500, "internal"),
        lambda: httpx2.Response(502, text="<html>"),
        lambda: problem(409, "idempotency-in-progress"),
    ],
)
def test_it_tries_again_under_the_same_key(failure: Callable[[], Answer]) -> None:
    script = Script(failure(), failure(), ok())
    assert script.open().account == ANA
    assert len(script.requests) == 3
    assert {r.headers["idempotency-key"] for r in script.requests} == {"key"}
    assert {r.headers["authorization"] for r in script.requests} == {"Bearer secret"}
    assert len({r.content for r in script.requests}) == 1
    assert json.loads(script.requests[0].content) == {
        "account": ANA,
        "owner": "Ana",
        "currency": "EUR",
        "limit": "0",
    }


def test_it_waits_longer_each_time_up_to_the_cap_and_then_gives_up() -> None:
    script = Script(httpx2.ConnectError("refused"))
    with pytest.raises(HubUnreachable, match="/accounts: ConnectError: refused"):
        script.open(attempts=6, first_s=0.1, cap_s=0.5, jitter=lambda: 0.5)
    assert script.waits == [0.05, 0.1, 0.2, 0.25, 0.25]
    assert len(script.requests) == 6


@pytest.mark.parametrize(
    "answer",
    [
        problem(402, "insufficient-funds"),
        problem(409, "reservation-closed"),
        problem(422, "validation"),
        problem(401, "unauthorised"),
        problem(422, "idempotency-key-reused"),
    ],
)
def test_a_refusal_is_final_and_tells_why(answer: httpx2.Response) -> None:
    script = Script(answer)
    with pytest.raises(HubRefused, match="no") as caught:
        script.open()
    assert len(script.requests) == 1
    assert caught.value.status == answer.status_code
    assert caught.value.code == answer.json()["type"].rpartition(":")[2]
    assert caught.value.errors == [("amount", "too much")]


@pytest.mark.parametrize("answer", [httpx2.Response(404, text="lost"), httpx2.Response(404, json=["lost"])])
def test_a_refusal_that_is_no_problem_is_still_one(answer: httpx2.Response) -> None:
    with pytest.raises(HubRefused, match="status 404"):
        Script(answer).open()


@pytest.mark.parametrize("answer", [httpx2.Response(200, json={}), httpx2.Response(200, text="hello")])
def test_nonsense_is_not_an_answer(answer: httpx2.Response) -> None:
    with pytest.raises(HubUnreachable, match="not a AccountState"):
        Script(answer).open()


async def deposit(client: HubClient, amount: Money) -> object:
    return await client.deposit("k", account=ANA, amount=amount)


def test_what_the_wire_cannot_carry_is_not_sent() -> None:
    script = Script(ok())
    for amount in (eur("0"), eur("-1"), Money(10**18 + 1, "EUR"), Money(1, "euro")):
        with pytest.raises(ValueError, match=r"amount|currency|value"):
            run(script.client(), partial(deposit, amount=amount))
    assert script.requests == []


def test_a_hub_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(HubUnreachable):
            run(HubClient(url, "t", backoff=Backoff(attempts=2, first_s=0)), lambda c: c.trial_balance())
        assert run(HubClient(url, "t"), lambda c: c.healthy()) is False


def test_reads_of_a_real_hub(market: Hub) -> None:
    async def reads(client: HubClient) -> None:
        assert await client.healthy()
        accounts = await client.accounts(limit=5)
        assert (len(accounts.items), accounts.next) == (5, accounts.items[-1].account)
        assert len((await client.accounts(after=accounts.next)).items) == 8
        assert [one.transfer for one in (await client.transfers()).items] == ["deposit/seed"]
        assert (await client.receipts(account=ANA, contract="c1")).items == []
        assert (await client.shipments()).items == []
        assert (await client.trial_balance()).balanced
        assert (await client.chain()).ok
        with pytest.raises(HubRefused, match="no such account") as caught:
            await client.account("member:zoe:EUR")
        assert (caught.value.status, caught.value.code) == (404, "unknown-account")

    market.run(reads)
