"""Wakes whoever waits for an event: phones on SSE and on long-polls.

Always true: nobody is told by the bell what happened; it only says that something has, and who waits looks it
up. So a bell rung too often costs a look, and a lost one is made good by the next. After close() nobody
waits any more. Everything here runs on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

from fastapi.sse import ServerSentEvent

from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.server.transact import Transact

RETRY_MS = 2000
"""How long a browser waits before it reconnects."""
T = TypeVar("T")


class Bell:
    """``read`` looks at the store the events are in."""

    def __init__(self, read: Transact) -> None:
        self.closed = False
        self._read = read
        self._last: int | None = None
        self._waiting: dict[str | None, asyncio.Event] = {}

    async def ring(self) -> None:
        """Wake those whom something has happened to since the last time, and the operator."""
        last = self._last
        if last is None:
            self._last = await self._read(events.newest)
            self._wake(list(self._waiting))
            return
        told = await self._read(lambda conn: events.concerned(conn, last))
        if told:
            self._last = max(self._last or 0, *told.values())
            self._wake([*told, None])

    def close(self) -> None:
        """Wake everyone for the last time."""
        self.closed = True
        self._wake(list(self._waiting))

    def next(self, member: str | None) -> asyncio.Event:
        """Set when something happens to the member after now; to anyone, for the operator (None)."""
        return self._waiting.setdefault(member, asyncio.Event())

    async def until(
        self, look: Callable[[], Awaitable[T]], done: Callable[[T], bool], member: str | None, wait_s: int
    ) -> T:
        """What ``look`` sees, once it is ``done`` or ``wait_s`` seconds are over."""
        end = asyncio.get_running_loop().time() + wait_s
        while True:
            changed = self.next(member)
            seen = await look()
            if done(seen) or self.closed:
                return seen
            try:
                async with asyncio.timeout_at(end):
                    await changed.wait()
            except TimeoutError:
                return seen

    async def stream(self, member: str | None, seen: int | None) -> AsyncIterator[ServerSentEvent]:
        """A member's events after number ``seen``, or after now, until close()."""
        if seen is None:
            seen = await self._read(events.newest)
        yield ServerSentEvent(retry=RETRY_MS, comment="tradelane")
        while not self.closed:
            changed = self.next(member)
            rows = await self._read(partial(events.after, member=member, seq=seen))
            for row in rows:
                yield ServerSentEvent(raw_data=events.payload(row), event=row.type, id=str(row.seq))
                seen = row.seq
            if not rows:
                await changed.wait()

    def _wake(self, members: list[str | None]) -> None:
        for member in members:
            waiting = self._waiting.pop(member, None)
            if waiting is not None:
                waiting.set()
