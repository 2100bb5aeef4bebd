"""MQTT meters as a source of readings: the only module that knows paho.

Always true: paho's thread only hands messages over; the queue between it and us is bounded and drops the
oldest, counting; a meter whose last will arrives, and every meter when the broker is lost, shows once as
stale with every value unknown. It connects, and connects again, by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradelane.meter import dialect as dialects
from tradelane.meter.dialect import Dialect
from tradelane.meter.reading import BadAnswer, MeterError, Reading, Role, Unreachable, lost

if TYPE_CHECKING:
    from paho.mqtt.client import Client

QOS = 1
QUEUE = 10_000
RECONNECT_S = (1, 30)

Now = Callable[[], int]
Failure = Callable[[str, MeterError], None]
"""Told of each message or connection that failed: the topic or broker, and why."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens, and as whom to log in."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MqttMeter:
    """A topic (wildcards allowed) and its dialect. ``meter`` None: the name is taken from the topic."""

    topic: str
    dialect: Dialect
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes
    retained: bool
    at: int


@dataclass(frozen=True, slots=True)
class _Lost:
    why: str
    at: int


class MqttSource:
    """Endless readings from one broker. ``dropped`` counts messages the full queue gave up."""

    def __init__(
        self,
        broker: Broker,
        meters: Sequence[MqttMeter],
        *,
        now: Now,
        queue: int = QUEUE,
        failed: Failure = lambda subject, error: None,
    ) -> None:
        self.dropped = 0
        self.connected = False
        self._broker, self._meters, self._now, self._failed = broker, meters, now, failed
        self._waiting: deque[_Message | _Lost] = deque()
        self._most = queue
        self._arrived = asyncio.Event()
        self._last: dict[tuple[str, Role], Reading] = {}
        self._client: Client | None = None

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Endless; closing the iterator or cancelling its task disconnects."""
        async with aclosing(self.messages()) as messages:
            async for readings in messages:
                for reading in readings:
                    yield reading

    async def messages(self) -> AsyncGenerator[list[Reading], None]:
        """The same, with the readings of one message (one a role) together."""
        self._start(asyncio.get_running_loop())
        try:
            while True:
                await self._arrived.wait()
                while self._waiting:
                    if readings := self._understood(self._waiting.popleft()):
                        yield readings
                self._arrived.clear()
        finally:
            await self.close()

    async def close(self) -> None:
        """Safe to call at any time."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2)
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set()
        client.reconnect_delay_set(*RECONNECT_S)

        def hand_over(call: Callable[..., None], *arguments: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call, *arguments)

        def on_connect(_c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            if reason.is_failure:
                hand_over(self._refused, str(reason))
            else:
                client.subscribe([(topic, QOS) for topic in self._topics()])
                hand_over(self._greeted)

        def on_disconnect(_c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            hand_over(self._gone, str(reason))

        def on_message(_c: Client, _u: Any, message: Any) -> None:
            hand_over(self._take, message.topic, bytes(message.payload), bool(message.retain))

        client.on_connect, client.on_disconnect, client.on_message = on_connect, on_disconnect, on_message
        client.connect_async(self._broker.host, self._broker.port, keepalive=30)
        client.loop_start()
        self._client = client

    def _topics(self) -> list[str]:
        topics = [one.topic for one in self._meters]
        wills = [one.dialect.availability_of(one.topic) for one in self._meters]
        return [*topics, *(will for will in wills if will is not None)]

    def _greeted(self) -> None:
        self.connected = True

    def _refused(self, reason: str) -> None:
        self._failed(str(self._broker), Unreachable(f"{self._broker}: {reason}"))

    def _gone(self, reason: str) -> None:
        if self._client is None:  # we left ourselves
            return
        self.connected = False
        self._refused(reason)
        self._queue(_Lost(reason, self._now()))

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self._queue(_Message(topic, payload, retained, self._now()))

    def _queue(self, arrived: _Message | _Lost) -> None:
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(arrived)
        self._arrived.set()

    def _understood(self, arrived: _Message | _Lost) -> list[Reading]:
        if isinstance(arrived, _Lost):
            return self._all_lost(arrived.at, set(self._last))
        from paho.mqtt.client import topic_matches_sub

        for one in self._meters:
            if topic_matches_sub(one.topic, arrived.topic):
                return self._read(one, arrived)
            will = one.dialect.availability_of(one.topic)
            if will is not None and topic_matches_sub(will, arrived.topic):
                return self._heard_of(one, arrived)
        return []

    def _read(self, one: MqttMeter, message: _Message) -> list[Reading]:
        try:
            readings = dialects.read(
                one.dialect,
                message.topic,
                message.payload,
                message.at,
                meter=one.meter,
                retained=message.retained,
            )
        except BadAnswer as error:
            self._failed(message.topic, error)
            return []
        self._last.update({(reading.meter, reading.role): reading for reading in readings})
        return readings

    def _heard_of(self, one: MqttMeter, message: _Message) -> list[Reading]:
        """A last will: the meter's known roles become stale. Being online says nothing about values."""
        if message.payload.decode("utf-8", "replace") != one.dialect.offline:
            return []
        gone = {key for key in self._last if self._will_of(one, key[0]) == message.topic}
        return self._all_lost(message.at, gone)

    def _will_of(self, one: MqttMeter, meter: str) -> str | None:
        if one.meter is not None:
            return one.dialect.availability_of(one.topic) if one.meter == meter else None
        return one.dialect.availability_of(one.dialect.state.replace("{meter}", meter))

    def _all_lost(self, at: int, keys: set[tuple[str, Role]]) -> list[Reading]:
        return [lost(self._last.pop(key), at) for key in sorted(keys)]


async def read_once(
    broker: Broker, topic: str, dialect: Dialect, timeout_s: float, now: Now, *, meter: str | None = None
) -> list[Reading]:
    """The first message on ``topic``: one reading per role, stale when the broker had only kept it.

    Unreachable when none came in time; BadAnswer when it could not be understood.
    """
    failures: list[MeterError] = []
    source = MqttSource(
        broker,
        [MqttMeter(topic, dialect, meter)],
        now=now,
        failed=lambda _subject, error: failures.append(error),
    )
    try:
        async with asyncio.timeout(timeout_s), aclosing(source.messages()) as messages:
            return await anext(messages)
    except TimeoutError:
        if failures:
            raise failures[-1] from None
        why = f"no message on {topic} within {timeout_s:g} s" if source.connected else "no connection"
        raise Unreachable(f"{broker}: {why}") from None
