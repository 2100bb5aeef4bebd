"""The facade's keys: none is 400, another body 422, in progress 409, and the same gets the same answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from tests.settlement.facade import Facade, nano, running_facade
from tests.settlement.hubs import assert_problem
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.openpayments.quotes import LIFE_MS

T = TypeVar("T")
CEM = "member:cem:EUR"
KEY = "Idempotency-Key"
AFTER_THE_NONCE = 1
"""The second work of a signed command is the command itself."""


@pytest.fixture
def hub(furnished: Path, tmp_path: Path) -> Iterator[Facade]:
    with running_facade(furnished, tmp_path) as hub:
        yield hub


def test_every_route_that_does_something_needs_a_key(hub: Facade) -> None:
    quote = hub.quoted("ana", CEM, debitAmount=nano("1"))
    bill = {"walletAddress": CEM}
    asked: list[tuple[str, str, Any]] = [
        ("ana", "/quotes", {"walletAddress": "member:ana:EUR", "receiver": CEM, "debitAmount": nano("1")}),
        ("ana", "/outgoing-payments", hub.order(quote)),
        ("cem", "/incoming-payments", bill),
        ("cem", "/incoming-payments/x/complete", {}),
        ("cem", "/webhooks", {"url": "https://a.example/"}),
    ]
    for member, path, body in asked:
        assert_problem(hub.post(member, path, body, ""), 400, "idempotency-key-missing", KEY)
    assert hub.balances()[CEM] == "0"


def test_the_same_again_has_one_effect_and_one_answer(hub: Facade) -> None:
    order = hub.order(hub.quoted("ana", CEM, debitAmount=nano("1")))
    first = hub.post("ana", "/outgoing-payments", order, "k")
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: hub.post("ana", "/outgoing-payments", order, "k"), range(8)))
    for answer in again:
        assert answer.status_code in (201, 409)
        assert answer.status_code == 409 or answer.content == first.content
    last = hub.post("ana", "/outgoing-payments", order, "k")
    assert (last.content, last.headers["idempotent-replayed"]) == (first.content, "true")
    assert hub.balances()[CEM] == "1"


def test_another_body_under_a_used_key_is_refused(hub: Facade) -> None:
    order = hub.order(hub.quoted("ana", CEM, debitAmount=nano("1")))
    hub.post("ana", "/outgoing-payments", order, "k")
    changed = {**order, "metadata": {"a": "b"}}
    assert_problem(hub.post("ana", "/outgoing-payments", changed, "k"), 422, "idempotency-key-reused", KEY)
    assert_problem(hub.post("ana", "/webhooks", {"url": "x"}, "k"), 422, "idempotency-key-reused", KEY)


def test_keys_are_each_member_s_own(hub: Facade) -> None:
    bills = {member: f"member:{member}:EUR" for member in ("ana", "cem")}
    made = [hub.post(m, "/incoming-payments", {"walletAddress": a}, "k") for m, a in bills.items()]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json()["id"] != made[1].json()["id"]


def test_an_expired_quote_stays_refused(hub: Facade) -> None:
    order = hub.order(hub.quoted("ana", CEM, debitAmount=nano("1")))
    hub.at += LIFE_MS
    first = hub.post("ana", "/outgoing-payments", order, "k")
    assert_problem(first, 409, "quote-expired", "quoteId")
    hub.at -= LIFE_MS
    again = hub.post("ana", "/outgoing-payments", order, "k")
    assert (again.status_code, again.content) == (409, first.content)
    assert hub.balances()[CEM] == "0"


def test_a_key_in_progress_is_told_to_wait(hub: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, entered, numbers = threading.Event(), threading.Event(), count()
    order = hub.order(hub.quoted("ana", CEM, debitAmount=nano("1")))
    whole = Store.__call__

    async def slowly(store: Store, work: Callable[[Connection], T]) -> T:
        if next(numbers) == AFTER_THE_NONCE:
            entered.set()
            await asyncio.to_thread(gate.wait)
        return await whole(store, work)

    monkeypatch.setattr(Store, "__call__", slowly)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(hub.post, "ana", "/outgoing-payments", order, "k")
        entered.wait()
        second = hub.post("ana", "/outgoing-payments", order, "k")
        gate.set()
        assert first.result().status_code == 201
    assert_problem(second, 409, "idempotency-in-progress", KEY)
