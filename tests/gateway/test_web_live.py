"""The live topic on its own, and as SSE over a real server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import pytest

from tests.gateway.page_samples import busy
from tests.gateway.page_server import PageUnderTest
from tradelane.gateway.web.live import Live


@pytest.fixture
def served() -> Iterator[PageUnderTest]:
    page = PageUnderTest(busy)
    yield page
    page.stop()


def test_a_slow_subscriber_gets_only_the_newest() -> None:
    async def work() -> list[tuple[int, int]]:
        live = Live(first_id=40)
        heard = []
        for extra in (1, 2, 3):
            live.publish(busy(extra_wh=extra))
        async for event in live.subscribe():
            heard.append((event.id, json.loads(event.text)["totals"]["sold_abroad_wh"] - 184_230))
            if event.id == 45:
                live.close()
            else:
                live.publish(busy(extra_wh=4))
                live.publish(busy(extra_wh=5))
        return heard

    assert asyncio.run(work()) == [(43, 3), (45, 5)]


def test_a_closed_topic_ends_every_subscription() -> None:
    async def work() -> tuple[list[int], list[int]]:
        live = Live()
        heard: list[int] = []
        both_heard = asyncio.Event()

        async def listen() -> None:
            async for event in live.subscribe():
                heard.append(event.id)
                if len(heard) == 2:
                    both_heard.set()

        listeners = asyncio.gather(listen(), listen())
        live.publish(busy())
        await both_heard.wait()
        live.close()
        await listeners
        return heard, [event.id async for event in live.subscribe()]

    assert asyncio.run(work()) == ([1, 1], [])


class EventReader:
    """One SSE response over a plain socket: events as dicts of their fields, None at the end."""

    def __init__(self, port: int, last_event_id: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        resume = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id is not None else ""
        self._socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n{resume}\r\n".encode())
        self._file = self._socket.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode().lower()
        self._lines: list[str] = []

    def next(self) -> dict[str, str] | None:
        while True:
            event: dict[str, str] = {}
            while line := self._line():
                name, _, value = line.partition(": ")
                event[name] = value
            if line is None:
                return None
            if "data" in event:
                return event

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _line(self) -> str | None:
        while not self._lines:
            size = int(self._file.readline() or b"0", 16)
            if not size:
                return None
            chunk = self._file.read(size).decode()
            self._file.readline()
            self._lines = chunk.split("\n")[:-1]
        return self._lines.pop(0)


def test_events_over_a_real_server(served: PageUnderTest) -> None:
    reader = EventReader(served.port)
    assert "content-type: text/event-stream" in reader.head
    assert "content-security-policy" in reader.head
    served.publish()
    first = reader.next()
    assert first is not None
    assert (first["event"], first["id"]) == ("overview", "1")
    assert json.loads(first["data"]) == busy()
    served.source = lambda: busy(extra_wh=70)
    served.publish()
    second = reader.next()
    assert second is not None
    assert second["id"] == "2"
    assert json.loads(second["data"])["zones"][1]["net_wh"] == 3_470
    reader.close()


@pytest.mark.parametrize("last", ["1", "999", "", "abc", "²", "-1", "9" * 400])
def test_one_behind_gets_the_newest_at_once(served: PageUnderTest, last: str) -> None:
    served.publish()
    served.publish()
    reader = EventReader(served.port, last)
    event = reader.next()
    assert event is not None
    assert event["id"] == "2"
    reader.close()


def test_one_up_to_date_waits_for_the_next(served: PageUnderTest) -> None:
    served.publish()
    reader = EventReader(served.port, "1")
    ready = EventReader(served.port)
    assert ready.next() is not None
    served.publish()
    event = reader.next()
    assert event is not None
    assert event["id"] == "2"
    reader.close()
    ready.close()


def test_shutdown_ends_open_streams(served: PageUnderTest) -> None:
    readers = [EventReader(served.port) for _ in range(3)]
    served.publish()
    assert all(reader.next() for reader in readers)
    served.stop()
    assert [reader.next() for reader in readers] == [None, None, None]
    for reader in readers:
        reader.close()
