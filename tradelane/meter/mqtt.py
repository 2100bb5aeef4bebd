"""MQTT meters as a source of readings: what the broker sends, through a bounded inbox, to the router.

Always true: nothing here waits for the network; a full inbox gives up old messages and counts them; a meter
whose last will arrives, and every meter when the broker is lost, shows once as stale, all values unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

from tradelane.meter.inbox import Inbox, Message
from tradelane.meter.mqtt_link import Broker, MqttLink
from tradelane.meter.reading import MeterError, Reading, Unreachable
from tradelane.meter.router import MqttMeter, Router

__all__ = ["Broker", "MqttMeter", "MqttSource"]

QUEUE = 10_000
GATHER_S = 0.1
"""After one was read at once, how long others are gathered to be read together: waking up for each costs as
much as reading it."""
KEEPALIVE_S = 30.0

Now = Callable[[], int]
Failure = Callable[[str, MeterError], None]
"""Told of each connection that failed and each topic that cannot be read: broker or topic, and why."""


class MqttSource:
    """Endless readings from one broker.

    ``seed``: of the jitter between attempts to connect. ``dropped`` counts messages the full inbox gave up,
    ``malformed`` those that nobody could read. ``router`` stands in for the meters' own. Raises MeterError
    when files for TLS cannot be used.
    """

    def __init__(
        self,
        broker: Broker,
        meters: Sequence[MqttMeter],
        *,
        now: Now,
        seed: int = 0,
        queue: int = QUEUE,
        failed: Failure = lambda subject, error: None,
        router: Router | None = None,
    ) -> None:
        self.router = router or Router(meters)
        self._broker, self._now, self._failed = broker, now, failed
        self._link = MqttLink(broker, self, seed=seed)
        self._inbox = Inbox(queue)
        self._lost_at: int | None = None
        self._told_dropped = 0
        self._seen = False
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def dropped(self) -> int:
        return self._inbox.dropped

    @property
    def malformed(self) -> int:
        return self.router.malformed

    @property
    def seen(self) -> bool:
        """Whether the broker has let us in at least once."""
        return self._seen

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Endless; closing the iterator or cancelling its task disconnects."""
        async with aclosing(self.batches()) as batches:
            async for readings in batches:
                for reading in readings:
                    yield reading

    async def batches(self) -> AsyncGenerator[list[Reading], None]:
        """The same, with all that was heard together; empty where nothing of it was a reading."""
        self._loop = asyncio.get_running_loop()
        self._link.subscribe(self.router.topics())
        self._link.start(self._loop)
        asking = asyncio.create_task(self._ask_to_go_on())
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                yield self._understood()
                await asyncio.sleep(GATHER_S)
        finally:
            asking.cancel()
            await self.close()

    async def close(self) -> None:
        """Safe to call at any time."""
        await self._link.close()

    # The link's listener

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        """In paho's thread."""
        if self._inbox.put(Message(topic, payload, retained, self._now())) and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._arrived.set)

    def up(self) -> None:
        self._seen = True
        self._ask()

    def down(self, reason: str) -> None:
        self.refused(reason)
        self._lost_at = self._now()
        self._arrived.set()

    def refused(self, reason: str) -> None:
        self._failed(str(self._broker), Unreachable(f"{self._broker}: {reason}"))

    # Messages

    def _understood(self) -> list[Reading]:
        readings: list[Reading] = []
        wanted, asked = len(self.router.wanted), len(self.router.keepalives)
        for message in self._inbox.take():
            readings += self.router.hear(message)
        if self._lost_at is not None:
            readings += self.router.lose_all(self._lost_at)
            self._lost_at = None
        if len(self.router.wanted) > wanted:
            self._link.subscribe(self.router.topics())
        if len(self.router.keepalives) > asked:
            self._ask()
        self._tell_faults()
        return readings

    def _tell_faults(self) -> None:
        faults, self.router.faults = self.router.faults, []
        for topic, error in faults:
            self._failed(topic, error)
        if self.dropped >= max(1, 2 * self._told_dropped):
            self._told_dropped = self.dropped
            why = f"{self.dropped} messages given up so far: more came than could be read"
            self._failed(str(self._broker), MeterError(why))

    async def _ask_to_go_on(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_S)
            self._ask()

    def _ask(self) -> None:
        """Victron's devices fall silent unless they are asked: a request to read, all that is published."""
        for topic in sorted(self.router.keepalives):
            self._link.say(topic, "")
