"""Webhooks as another maker's receiver reads them: in order, at least once, never into our own network."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.settlement.facade import Facade, nano, running_facade
from tests.settlement.hubs import assert_problem, serving
from tradelane.settlement.ehub.server.delivering import FIRST_WAIT_MS
from tradelane.settlement.ehub.server.openpayments import telling
from tradelane.settlement.ehub.server.openpayments.telling import GIVEN_UP_AFTER_MS, HOUR, Teller
from tradelane.settlement.ehub.server.openpayments.webhooks import MOST

CEM = "member:cem:EUR"


@dataclass
class Ear:
    """A receiver: answers what it is told to, keeps what it heard."""

    url: str = ""
    status: int = 204
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        self.heard.append((dict(request.headers), await request.body()))
        return Response(status_code=self.status)


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()
    with serving(Starlette(routes=[Route("/hook", ear.__call__, methods=["POST"])])) as url:
        ear.url = f"{url}/hook"
        yield ear


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


@pytest.fixture
def hub(furnished: Path, tmp_path: Path) -> Iterator[Facade]:
    """Its clock is the machine's, as the receiver's is."""
    with running_facade(furnished, tmp_path, private_webhooks=True) as hub:
        hub.at = int(time.time() * 1000)
        yield hub


def tell(hub: Facade, *, private: bool = True) -> None:
    """Everything that is due."""

    async def rounds() -> None:
        store = hub.hub.store
        teller = Teller(store, store.read, lambda: hub.at, private=private)
        while await teller.round():
            pass
        await teller.close()

    asyncio.run(rounds())


def pay(hub: Facade, value: str) -> None:
    hub.ok("ana", "/outgoing-payments", hub.order(hub.quoted("ana", CEM, debitAmount=nano(value))))


def hook(hub: Facade, url: str, member: str = "cem") -> Any:
    return hub.ok(member, "/webhooks", {"url": url})


def state(hub: Facade, member: str = "cem") -> Any:
    (one,) = hub.get(member, "/webhooks")["result"]
    return one


def test_each_event_once_in_order_and_signed(hub: Facade, ear: Ear) -> None:
    pay(hub, "9")
    made = hook(hub, ear.url)
    pay(hub, "1")
    pay(hub, "2")
    tell(hub)
    tell(hub)
    reader = Webhook(made["secret"])
    said: list[Any] = [reader.verify(body, head) for head, body in ear.heard]
    assert [one["type"] for one in said] == ["receipt.created"] * 2
    assert [one["data"]["total"]["value"] for one in said] == ["1", "2"]
    head, body = ear.heard[0]
    with pytest.raises(WebhookVerificationError):
        reader.verify(body + b" ", head)
    with pytest.raises(WebhookVerificationError):
        reader.verify(body, head | {"webhook-id": "evt_9"})
    assert "secret" not in state(hub) and state(hub)["failingSince"] is None


def test_who_does_not_take_it_is_asked_again_with_the_same(hub: Facade, ear: Ear) -> None:
    hook(hub, ear.url)
    pay(hub, "1")
    pay(hub, "2")
    ear.status = 500
    tell(hub)
    assert len(ear.heard) == 1 and state(hub)["failingSince"] is not None
    hub.at += FIRST_WAIT_MS - 1
    tell(hub)
    assert len(ear.heard) == 1
    ear.status, hub.at = 200, hub.at + 1
    tell(hub)
    ids = [head["webhook-id"] for head, _ in ear.heard]
    assert ids == [ids[0], ids[0], ids[2]] != [ids[0]] * 3
    assert ear.heard[0][1] == ear.heard[1][1]
    assert state(hub)["failingSince"] is None


def test_a_hub_that_forgot_it_told_tells_again(hub: Facade, ear: Ear) -> None:
    """Killed between the answer and the note of it."""
    hook(hub, ear.url)
    pay(hub, "1")
    (row,) = hub.hub.store.read_now(lambda conn: telling.due(conn, hub.at))
    teller = Teller(hub.hub.store, hub.hub.store.read, lambda: hub.at, private=True)
    asyncio.run(tried(teller, row))
    tell(hub)
    assert [head["webhook-id"] for head, _ in ear.heard] == [f"evt_{row.seq}"] * 2


async def tried(teller: Teller, row: Any) -> None:
    assert await teller.attempted(row) == 204
    await teller.close()


def test_after_a_week_nobody_is_asked_any_more(hub: Facade, ear: Ear) -> None:
    hook(hub, ear.url)
    pay(hub, "1")
    ear.status = 503
    tell(hub)
    hub.at += GIVEN_UP_AFTER_MS - 1
    tell(hub)
    assert state(hub)["disabledAt"] is None
    hub.at += HOUR
    tell(hub)
    assert state(hub)["reason"] == "failed for a week: status 503"
    hub.at += HOUR
    tell(hub)
    assert len(ear.heard) == 3


def test_gone_is_the_end(hub: Facade, ear: Ear) -> None:
    hook(hub, ear.url)
    pay(hub, "1")
    ear.status = 410
    tell(hub)
    assert (state(hub)["reason"], len(ear.heard)) == ("status 410", 1)


def test_the_operator_is_told_of_everyone_and_members_of_themselves(hub: Facade, ear: Ear) -> None:
    made = hub.operator_post("/webhooks", {"url": ear.url})
    assert made.status_code == 201
    hook(hub, ear.url, "ben")
    pay(hub, "1")
    tell(hub)
    types = [json.loads(body)["type"] for _, body in ear.heard]
    assert types == ["receipt.created", "receipt.created", "outgoing_payment.completed"]
    assert state(hub, "ben")["delivered"] == 0
    assert hub.get("ana", "/webhooks")["result"] == []
    theirs = state(hub, "ben")["id"]
    assert_problem(hub.members["ana"].delete(theirs), 404, "unknown-webhook", "id")
    assert hub.members["ben"].delete(theirs).status_code == 204
    assert hub.get("ben", "/webhooks")["result"] == []


def test_a_member_has_only_so_many(hub: Facade, ear: Ear) -> None:
    for _ in range(MOST):
        hook(hub, ear.url)
    assert_problem(hub.post("cem", "/webhooks", {"url": ear.url}), 409, "too-many-webhooks", "url")
    hook(hub, ear.url, "ana")


def test_the_secret_is_said_again_to_who_repeats_the_key(hub: Facade, ear: Ear) -> None:
    answers = [hub.post("cem", "/webhooks", {"url": ear.url}, "k") for _ in range(2)]
    assert answers[0].json()["secret"] == answers[1].json()["secret"]
    assert answers[1].headers["idempotent-replayed"] == "true"


FORBIDDEN = [
    "http://a.example/",
    "https://10.1.2.3/",
    "https://[::1]/",
    "https://u@a.example/",
    "ftp://a/",
    "x",
]


def test_a_private_address_is_refused(furnished: Path, tmp_path: Path) -> None:
    with running_facade(furnished, tmp_path) as hub:
        for url in FORBIDDEN:
            assert_problem(hub.post("cem", "/webhooks", {"url": url}), 422, "wrong-url", "url")


def test_a_name_is_looked_up_at_each_delivery(hub: Facade, ear: Ear) -> None:
    hook(hub, ear.url.replace("127.0.0.1", "localhost"))
    pay(hub, "1")
    tell(hub, private=False)
    assert ear.heard == [] and state(hub)["failingSince"] is not None
    hub.at += FIRST_WAIT_MS
    tell(hub)
    assert len(ear.heard) == 1
