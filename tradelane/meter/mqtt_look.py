"""One look at an MQTT topic, and which dialect it speaks where nobody says.

Always true: a dialect is guessed only where it is the only one that finds a value in what was heard on topics
as it has them; json, whose keys name the unit, is understood on any topic and stands back for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from tradelane.meter import dialect as dialects
from tradelane.meter.dialect import Dialect
from tradelane.meter.inbox import Message
from tradelane.meter.mqtt import Broker, MqttSource, Now
from tradelane.meter.reading import BadAnswer, MeterError, Reading, Unreachable
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
        self._collect()

    def hear(self, message: Message) -> list[Reading]:
        self.heard = True
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


async def read_once(
    broker: Broker,
    topic: str,
    dialect: Dialect | None,
    timeout_s: float,
    now: Now,
    *,
    meter: str | None = None,
) -> list[Reading]:
    """One look at ``topic``: what its meters show, one reading per role, kept values apart as stale ones.

    One topic is read once; several until they fall silent for a moment. ``dialect`` None: guessed.
    Unreachable when nothing came in time; BadAnswer when it could not be understood.
    """
    refusals: list[MeterError] = []
    guess = Guess(topic, meter, candidates() if dialect is None else [dialect])
    source = MqttSource(
        broker, [], now=now, router=guess, failed=lambda _subject, error: refusals.append(error)
    )
    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s) as patience, aclosing(source.batches()) as batches:
            limit = loop.time() + timeout_s
            async for readings in batches:
                if is_exact(topic):
                    break
                if not readings:
                    continue
                limit = min(limit, loop.time() + LONGEST_S)
                patience.reschedule(min(limit, loop.time() + QUIET_S))
    if guess.heard:
        return guess.found()
    if refusals:
        raise refusals[-1]
    why = f"no message on {topic} within {timeout_s:g} s" if source.seen else "no connection"
    raise Unreachable(f"{broker}: {why}")
