"""The newest overview, sent to every open page over SSE.

Always true: ids only increase; a subscriber holds no queue, so a slow one skips to the newest overview and
costs nothing; after close() every subscription ends. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tradelane.gateway.overview import Overview

RETRY_MS = 2000
"""How long a browser waits before it reconnects, in milliseconds."""


def overview_json(overview: Overview | Mapping[str, object]) -> str:
    """As compact JSON text."""
    return json.dumps(overview, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Event:
    """A published overview as JSON text, with its id."""

    id: int
    text: str


class Live:
    """One topic with a memory of one: the newest overview.

    ``first_id`` is the id before the first event. Give it the wall clock in ms so that ids keep increasing
    over a restart.
    """

    def __init__(self, first_id: int = 0) -> None:
        self.newest: Event | None = None
        self.closed = False
        self._last_id = first_id
        self._changed = asyncio.Event()

    def publish(self, overview: Overview | Mapping[str, object]) -> int:
        """Replace the newest overview, wake every subscriber, return the event's id."""
        self._last_id += 1
        self.newest = Event(self._last_id, overview_json(overview))
        self._wake()
        return self._last_id

    def close(self) -> None:
        """End every subscription, now and later."""
        self.closed = True
        self._wake()

    async def subscribe(self, last_id: int | None = None) -> AsyncIterator[Event]:
        """The newest event at once unless ``last_id`` is that one, then each newer one, until close()."""
        seen = last_id
        while not self.closed:
            changed, newest = self._changed, self.newest
            if newest is not None and newest.id != seen:
                seen = newest.id
                yield newest
            else:
                await changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def live_router(live: Live) -> APIRouter:
    """``GET /api/v1/events``: SSE events named ``overview``; FastAPI adds a heartbeat comment every 15 s."""
    router = APIRouter()

    @router.get("/api/v1/events", response_class=EventSourceResponse)
    async def events(
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        async for event in server_events(live, last_event_id):
            yield event

    return router


async def server_events(live: Live, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    """A subscription as browsers hear it, going on after the event that they heard last."""
    yield ServerSentEvent(retry=RETRY_MS, comment="tradelane")
    async for event in live.subscribe(_number(last_event_id)):
        yield ServerSentEvent(raw_data=event.text, event="overview", id=str(event.id))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
