"""One key, one effect: repeated, changed, crowded and in the middle of its work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from sqlalchemy import Connection

from tests.settlement.hubs import (
    ANA,
    NOW,
    TOKEN,
    Hub,
    assert_problem,
    eur,
    reservation,
    run,
    running,
    serving,
    settlement,
)
from tradelane.gateway.store import Store, StoreBusy, StoreError
from tradelane.settlement.ehub.client import Backoff, HubClient
from tradelane.settlement.ehub.server.app import create_app

T = TypeVar("T")


def test_a_repeated_command_gets_its_first_answer(market: Hub) -> None:
    first = market.post("/reservations", reservation(), "k")
    again = market.post("/reservations", reservation(), "k")
    assert (again.status_code, again.content) == (first.status_code, first.content) != (409, b"")
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert market.balances()[ANA] == ("100", "12")


def test_the_same_request_in_other_words_is_the_same_request(market: Hub) -> None:
    market.post("/reservations", reservation(value="12"), "k")
    backwards = dict(reversed(reservation(value="12.000").items()))
    assert market.post("/reservations", backwards, "k").status_code == 201
    assert market.balances()[ANA] == ("100", "12")


def test_a_refused_retry_stays_refused(market: Hub) -> None:
    first = market.post("/reservations", reservation(value="150"), "k")
    deposit = {"account": ANA, "amount": {"currency": "EUR", "value": "100"}}
    assert market.post("/deposits", deposit, "more").status_code == 201
    again = market.post("/reservations", reservation(value="150"), "k")
    assert (again.status_code, again.content) == (402, first.content)
    assert_problem(again, 402, "insufficient-funds", "amount")
    assert market.post("/reservations", reservation(value="150"), "k2").status_code == 201


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hub: hub.post("/reservations", reservation(value="-1"), "k"),
        lambda hub: httpx2.post(
            hub.url + "/api/v1/reservations", json=reservation(), headers={"Idempotency-Key": "k"}
        ),
    ],
)
def test_what_was_no_command_uses_up_no_key(market: Hub, spoil: Callable[[Hub], httpx2.Response]) -> None:
    assert spoil(market).status_code in (401, 422)
    assert market.post("/reservations", reservation(), "k").status_code == 201


def test_a_key_means_one_request(market: Hub) -> None:
    market.post("/reservations", reservation(), "k")
    for path, body in (
        ("/reservations", reservation(value="13")),
        ("/settlements", settlement()),
        ("/reservations/r1/release", None),
    ):
        assert_problem(market.post(path, body, "k"), 422, "idempotency-key-reused", "Idempotency-Key")
    assert market.balances()[ANA] == ("100", "12")


@pytest.mark.parametrize("key", [None, "", "k" * 201])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/reservations", reservation()),
        ("/settlements", settlement()),
        ("/reservations/r1/release", None),
        ("/accounts", {}),
        ("/deposits", {}),
        ("/declarations", {}),
        ("/shipments", {}),
        ("/shipments/p1/events", {}),
    ],
)
def test_every_post_needs_a_key(keyless: Hub, path: str, body: Any, key: str | None) -> None:
    assert_problem(keyless.post(path, body, key), 400, "idempotency-key-missing", "Idempotency-Key")


@pytest.fixture(scope="module")
def keyless(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running(furnished, tmp_path_factory.mktemp("keyless")) as hub:
        yield hub


class Gated:
    """A store whose works wait for ``gate``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.gate, self.entered = threading.Event(), threading.Event()

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        def slowly(connection: Connection) -> T:
            self.entered.set()
            self.gate.wait()
            return work(connection)

        return await self._store(slowly)


def test_a_key_in_progress_is_told_to_wait_and_the_client_does(store: Store) -> None:
    gated = Gated(store)
    body = {"account": "issuer:EUR", "owner": "hub", "currency": "EUR", "limit": None}
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k"}

    async def opens_the_gate(_seconds: float) -> None:
        gated.gate.set()
        await asyncio.sleep(0.01)

    with serving(create_app(gated, lambda: NOW, TOKEN, store.read)) as url, ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx2.post, url + "/api/v1/accounts", json=body, headers=headers)
        gated.entered.wait()
        second = httpx2.post(url + "/api/v1/accounts", json=body, headers=headers)
        assert_problem(second, 409, "idempotency-in-progress", "Idempotency-Key")
        assert second.headers["retry-after"] == "1"
        client = HubClient(url, TOKEN, sleep=opens_the_gate, backoff=Backoff(attempts=100))
        opened = run(
            client,
            lambda c: c.open_account("k", account="issuer:EUR", owner="hub", currency="EUR", limit=None),
        )
        assert first.result().status_code == 201
        assert opened.model_dump() == first.result().json()


def test_a_hundred_copies_at_once_have_one_effect(market: Hub) -> None:
    async def crowd(client: HubClient) -> Any:
        copies = [
            client.reserve("k", reservation="r1", account=ANA, contract="c1", amount=eur("12"))
            for _ in range(100)
        ]
        return await asyncio.gather(*copies)

    patient = HubClient(market.url, TOKEN, backoff=Backoff(attempts=200, first_s=0.01, cap_s=0.05))
    answers = run(patient, crowd)
    assert len(answers) == 100
    assert all(answer == answers[0] for answer in answers)
    assert market.balances()[ANA] == ("100", "12")


def test_a_full_store_answers_503_and_keeps_no_key(store: Store) -> None:
    busy = True

    async def refuses(work: Callable[[Connection], T]) -> T:
        if busy:
            raise StoreBusy("too many writes are waiting")
        return await store(work)

    body = {"account": "issuer:EUR", "owner": "hub", "currency": "EUR", "limit": None}
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k"}
    with serving(create_app(refuses, lambda: NOW, TOKEN, store.read, (StoreError,))) as url:
        answer = httpx2.post(url + "/api/v1/accounts", json=body, headers=headers)
        assert_problem(answer, 503, "unavailable")
        busy = False
        assert httpx2.post(url + "/api/v1/accounts", json=body, headers=headers).status_code == 201


def test_an_unforeseen_error_is_a_problem_and_takes_all_back(store: Store) -> None:
    broken = True

    async def breaks(work: Callable[[Connection], T]) -> T:
        def fails_after(connection: Connection) -> T:
            answer = work(connection)
            if broken:
                raise ZeroDivisionError("a secret of ours")
            return answer

        return await store(fails_after)

    body = {"account": "issuer:EUR", "owner": "hub", "currency": "EUR", "limit": None}
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k"}
    with serving(create_app(breaks, lambda: NOW, TOKEN, store.read)) as url:
        answer = httpx2.post(url + "/api/v1/accounts", json=body, headers=headers)
        assert_problem(answer, 500, "internal")
        assert "secret" not in answer.text
        broken = False
        assert httpx2.post(url + "/api/v1/accounts", json=body, headers=headers).status_code == 201
