"""One look at an MQTT topic, and which dialect it speaks where nobody says.

Always true: a dialect is guessed only where it is the only one that finds a value in what was heard on topics
as it has them; json, whose keys name the unit, is understood on any topic and stands back for the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from tradelane.meter import dialect as dialects
from tradelane.meter.dialect import Dialect
from tradelane.meter.inbox import Message
from tradelane.meter.mqtt import Broker, MqttSource, Now
from tradelane.meter.reading import BadAnswer, MeterError, Reading, Unreachable
from tradelane.meter.recording import MOST
from tradelane.meter.router import MqttMeter, Router
from tradelane.meter.topic import is_exact

QUIET_S, LONGEST_S = 0.5, 3.0
"""A look at several topics ends after so long without a reading, and so long after the first."""
TELLING = frozenset({"json"})
"""Dialects that are understood on any topic."""


class Guess(Router):
    """Hears with several routers at once, one a dialect."""

    def __init__(self, topic: str, meter: str | None, candidates: Sequence[Dialect]) -> None:
        super().__init__([MqttMeter(topic, candidates[0], meter)])
        self._candidates = {one.name: Router([MqttMeter(topic, one, meter)]) for one in candidates}
        self._topic = topic
        self.heard = False
        self.said: deque[Message] = deque(maxlen=MOST)
        self._collect()

    def hear(self, message: Message) -> list[Reading]:
        self.heard = True
        self.said.append(message)
        readings = [one for router in self._candidates.values() for one in router.hear(message)]
        self._collect()
        return readings

    def _collect(self) -> None:
        for router in self._candidates.values():
            self.wanted |= router.wanted
            self.keepalives |= router.keepalives

    def found(self) -> list[Reading]:
        """What the meters show, kept values apart. BadAnswer when no dialect, or more than one, knows."""
        shown = {name: list(_shown(router)) for name, router in self._candidates.items()}
        knowing = [name for name, readings in shown.items() if readings]
        knowing = [name for name in knowing if name not in TELLING] or knowing
        if len(knowing) == 1:
            return shown[knowing[0]]
        if knowing:
            raise BadAnswer(f"{self._topic}: may be {' or '.join(knowing)}: name one with --dialect")
        if len(self._candidates) > 1 and self.heard and not is_exact(self._topic):
            raise BadAnswer(f"{self._topic}: no dialect knows what was heard: name one with --dialect")
        faults = [error for router in self._candidates.values() for _, error in router.faults]
        if faults:
            raise faults[0]
        names = ", ".join(self._candidates)
        raise BadAnswer(f"{self._topic}: nothing that was heard is a value in dialect {names}")


def _shown(router: Router) -> Iterator[Reading]:
    for name in sorted(router.panels):
        yield from router.panels[name].readings()


def candidates() -> list[Dialect]:
    """All dialects that may be guessed, json first."""
    known = [dialects.load(name) for name in sorted(dialects.names(), key=lambda name: name != "json")]
    return [replace(one, anywhere=one.anywhere and one.name in TELLING) for one in known]


class Follower:
    """Looks at ``topic`` again and again over one connection, which the first look opens. ``dialect`` None:
    guessed. ``said``: the newest messages since it was last emptied."""

    def __init__(
        self, broker: Broker, topic: str, dialect: Dialect | None, now: Now, *, meter: str | None = None
    ) -> None:
        self._broker, self._topic = broker, topic
        self._guess = Guess(topic, meter, candidates() if dialect is None else [dialect])
        self.said = self._guess.said
        self._refusals: list[MeterError] = []
        self._source = MqttSource(broker, [], now=now, router=self._guess, failed=self._failed)
        self._listening: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._telling = self._away = False

    def _failed(self, subject: str, error: MeterError) -> None:
        self._refusals[:] = [error]
        if subject == str(self._broker) and not self._source.seen:
            self._away = True
            self._news.set()

    async def look(self, timeout_s: float) -> list[Reading]:
        """What its meters show once one has spoken since the last look: one reading per role, kept values
        apart as stale ones.

        One topic is read once; several until they fall silent for a moment. Unreachable when nothing came in
        time, and at once when the broker does not let us in; BadAnswer when it could not be understood.
        """
        self._away = False
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        try:
            await self._hear(timeout_s)
            return self._told(timeout_s)
        finally:
            self._guess.heard = self._telling = False

    async def _hear(self, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        limit = loop.time() + timeout_s
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s) as patience:
                while not (self._away or (self._guess.heard and is_exact(self._topic))):
                    if self._telling:
                        self._telling = False
                        limit = min(limit, loop.time() + LONGEST_S)
                        patience.reschedule(min(limit, loop.time() + QUIET_S))
                    await self._news.wait()
                    self._news.clear()

    def _told(self, timeout_s: float) -> list[Reading]:
        if self._guess.heard:
            self._refusals.clear()
            return self._guess.found()
        if self._refusals:
            raise self._refusals[-1]
        why = f"no message on {self._topic} within {timeout_s:g} s" if self._source.seen else "no connection"
        raise Unreachable(f"{self._broker}: {why}")

    async def _listen(self) -> None:
        async with aclosing(self._source.batches()) as batches:
            async for readings in batches:
                self._telling |= self._guess.heard and bool(readings)
                self._news.set()

    async def close(self) -> None:
        """Safe to call at any time."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening


async def read_once(
    broker: Broker,
    topic: str,
    dialect: Dialect | None,
    timeout_s: float,
    now: Now,
    *,
    meter: str | None = None,
) -> list[Reading]:
    """One look, as ``Follower.look``."""
    follower = Follower(broker, topic, dialect, now, meter=meter)
    try:
        return await follower.look(timeout_s)
    finally:
        await follower.close()
