"""Who waits is told: by long-poll, by SSE, and what was missed is told again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from tests.settlement.facade import Facade, nano, running_facade
from tests.settlement.hubs import ANA, Hub, reservation, settlement
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.wire_payments import Shown

CEM = "member:cem:EUR"


@pytest.fixture
def hub(furnished: Path, tmp_path: Path) -> Iterator[Facade]:
    with running_facade(furnished, tmp_path) as hub:
        yield hub


def happened(member: str | None, number: int) -> Any:
    def write(conn: Connection) -> None:
        events.write(conn, [(member, "test", Shown.of(number, "EUR"))], number)

    return write


def blocks(stream: httpx2.Response) -> Iterator[dict[str, str]]:
    """What a stream says, block by block; the first is no event."""
    block: dict[str, str] = {}
    for line in stream.iter_lines():
        if not line:
            yield block
            block = {}
        else:
            name, _, value = line.partition(": ")
            block[name] = value


def told(stream: httpx2.Response, count: int) -> list[dict[str, str]]:
    """The first events of a stream."""
    return list(islice(blocks(stream), 1, 1 + count))


def listening(hub: Facade, client: httpx2.Client, after: int) -> Any:
    return client.stream("GET", f"{hub.base}/events", headers={"Last-Event-ID": str(after)})


def pay(hub: Facade, value: str, receiver: str = CEM) -> Any:
    return hub.ok(
        "ana", "/outgoing-payments", hub.order(hub.quoted("ana", receiver, debitAmount=nano(value)))
    )


def test_each_hears_its_own_and_what_it_missed(hub: Facade) -> None:
    bill = hub.ok("cem", "/incoming-payments", {"walletAddress": CEM, "incomingAmount": nano("1")})
    paid = pay(hub, "1", bill["id"])
    with listening(hub, hub.members["cem"], 0) as stream:
        receipt, full = told(stream, 2)
    assert (receipt["event"], full["event"]) == ("receipt.created", "incoming_payment.completed")
    assert json.loads(full["data"])["data"]["completed"]
    with listening(hub, hub.members["cem"], int(receipt["id"])) as stream:
        assert told(stream, 1) == [full]
    with listening(hub, hub.members["ana"], 0) as stream:
        _mine, done = told(stream, 2)
    assert json.loads(done["data"]) == {
        "type": "outgoing_payment.completed",
        "timestamp": paid["createdAt"],
        "data": paid,
    }
    with listening(hub, hub.operator, 0) as stream:
        assert [int(one["id"]) for one in told(stream, 4)] == [1, 2, 3, 4]


def test_an_open_stream_hears_what_happens(hub: Facade) -> None:
    with listening(hub, hub.members["cem"], 0) as stream, ThreadPoolExecutor(1) as pool:
        said = blocks(stream)
        assert "retry" in next(said)
        paying = pool.submit(pay, hub, "2")
        receipt = next(said)
        assert paying.result()
    assert json.loads(receipt["data"])["data"]["total"] == {"currency": "EUR", "value": "2"}


def test_a_long_poll_ends_when_the_money_is_there(hub: Facade) -> None:
    bill = hub.ok("cem", "/incoming-payments", {"walletAddress": CEM, "incomingAmount": nano("1")})
    assert not hub.get_path(hub.members["cem"], bill["id"], wait=0)["completed"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(hub.get_path, hub.members["cem"], bill["id"], wait=60)
        pay(hub, "1", bill["id"])
        assert waiting.result()["completed"]
    too_long = hub.members["cem"].get(bill["id"], params={"wait": 61})
    assert too_long.status_code == 422


def test_a_settlement_tells_the_members_it_touches(market: Hub) -> None:
    market.post("/reservations", reservation(), "r")
    assert market.post("/settlements", settlement(), "s").status_code == 201
    rows = market.store.read_now(lambda conn: events.after(conn, None, 0))
    assert [(row.member, row.type) for row in rows] == [("ana", events.RECEIPT), ("ben", events.RECEIPT)]
    receipt = json.loads(events.payload(rows[0]))["data"]
    assert receipt == market.get("/receipts", account=ANA)["items"][0]


def test_the_bell_wakes_those_concerned_and_the_operator(store: Store) -> None:
    async def main() -> None:
        bell = Bell(store.read)
        ana, operator = bell.next("ana"), bell.next(None)
        await bell.ring()
        assert ana.is_set() and operator.is_set()  # the first ring does not know what was before it
        ana, ben, operator = bell.next("ana"), bell.next("ben"), bell.next(None)
        await bell.ring()
        assert not ana.is_set()
        await store(happened("ana", 1))
        await bell.ring()
        assert (ana.is_set(), ben.is_set(), operator.is_set()) == (True, False, True)

    asyncio.run(main())


def test_waiting_ends_with_the_event_the_time_or_the_house(store: Store) -> None:
    async def main() -> None:
        bell = Bell(store.read)
        await bell.ring()

        async def look() -> int:
            return await store.read(events.newest)

        assert await bell.until(look, lambda seen: seen > 0, "ana", 0) == 0
        waiting = asyncio.create_task(bell.until(look, lambda seen: seen > 0, "ana", 60))
        listening = asyncio.create_task(listen(bell))
        await asyncio.sleep(0)
        await store(happened("ana", 1))
        await bell.ring()
        assert await waiting == 1
        endless = asyncio.create_task(bell.until(look, lambda seen: False, "ana", 60))
        await asyncio.sleep(0)
        bell.close()
        assert await endless == 1
        assert await listening == ["1"]

    async def listen(bell: Bell) -> list[str | None]:
        """Until the stream ends."""
        return [event.id async for event in bell.stream("ana", 0) if event.id]

    asyncio.run(main())
