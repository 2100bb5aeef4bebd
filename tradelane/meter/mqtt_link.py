"""A connection to an MQTT broker that is made again for ever: with mqtt_client.py all that knows paho.

Always true: paho's thread only hands over; it connects, and connects again after growing, capped, jittered
pauses, and subscribes anew each time; the session is clean, so that nothing said while we were away is taken
for fresh. What is told (``tell``) is the newest state of its topic: while the broker is away, or slow to
read, an older state that was not sent is forgotten, and the newest is sent once it can be.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tradelane.meter.reading import MeterError

if TYPE_CHECKING:
    from paho.mqtt.client import Client

QOS = 1
AGAIN_BY_US = 0
"""The quality of service of what is told: all of it is told again after each connection. At QoS 1 paho would
itself repeat what was on its way when the last one broke, and could do so after the newest state."""
KEEPALIVE_S = 30
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
MOST_TOPICS_AT_ONCE = 500
"""Topics in one SUBSCRIBE: brokers bound the size of a packet."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens, as whom to log in, and whom to trust.

    ``tls`` without ``ca_file``: the system's authorities. ``cert_file`` with ``key_file``: our certificate.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """None without TLS. MeterError names the file that cannot be used."""
        if not (self.tls or self.ca_file or self.cert_file):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file and str(self.ca_file))
        except OSError as error:
            raise MeterError(f"{self.ca_file}: no authority's certificate: {_why(error)}") from None
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file)
            except OSError as error:
                raise MeterError(f"{self.cert_file}: no certificate with its key: {_why(error)}") from None
        return context


def _why(error: OSError) -> str:
    return error.strerror or str(error)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says of us once we are gone, kept for those who come later."""

    topic: str
    payload: str


class Listener(Protocol):
    """Who is told. ``arrived`` is called in paho's thread, all others in the event loop's."""

    def arrived(self, topic: str, payload: bytes, retained: bool) -> None: ...

    def up(self) -> None: ...

    def down(self, reason: str) -> None: ...

    def refused(self, reason: str) -> None:
        """A login or a subscription that the broker does not allow."""


@dataclass(slots=True)
class _Told:
    payload: str
    retain: bool
    sent: bool = False


@dataclass(slots=True)
class _Outbox:
    """The newest state of each topic, and which topics' last message has not left yet."""

    told: dict[str, _Told] = field(default_factory=dict)
    flying: dict[int, str] = field(default_factory=dict)


class MqttLink:
    """``seed``: of the jitter between attempts, so that gateways do not come back in step.

    Raises MeterError when the files for TLS cannot be used.
    """

    def __init__(self, broker: Broker, listener: Listener, *, seed: int, will: Will | None = None) -> None:
        self.connected = False
        self._broker, self._listener, self._will = broker, listener, will
        self._context = broker.context()
        self._chance = random.Random(seed)
        self._failures = 0
        self._topics: dict[str, None] = {}
        self._out = _Outbox()
        self._client: Client | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to connect, in a thread of its own."""
        from tradelane.meter.mqtt_client import BufferedClient

        self._client = client = BufferedClient()
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._context is not None:
            client.tls_set_context(self._context)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, QOS, retain=True)
        self._listen(client, loop)
        self._pause(client)
        client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S)
        client.loop_start()

    def _listen(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        def hand_over(call: Callable[..., None], *arguments: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(partial(call, *arguments))

        def on_connect(_c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            if reason.is_failure:
                hand_over(self._listener.refused, str(reason))
            else:
                self._failures = 0
                hand_over(self._up)

        def on_connect_fail(_c: Client, _u: Any) -> None:
            self._pause(client)
            hand_over(self._listener.refused, "no connection")

        def on_disconnect(_c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            self._pause(client)
            hand_over(self._down, str(reason))

        def on_subscribe(_c: Client, _u: Any, _m: int, reasons: list[Any], _p: Any) -> None:
            if any(reason.is_failure for reason in reasons):
                hand_over(self._listener.refused, "it does not allow every subscription")

        def on_message(_c: Client, _u: Any, message: Any) -> None:
            with suppress(UnicodeDecodeError):  # no topic, and nobody to tell
                self._listener.arrived(message.topic, message.payload, message.retain)

        client.on_connect, client.on_disconnect, client.on_message = on_connect, on_disconnect, on_message
        client.on_subscribe = on_subscribe
        client.on_connect_fail = on_connect_fail
        client.on_publish = lambda _c, _u, mid, _r, _p: hand_over(self._left, mid)

    def _pause(self, client: Client) -> None:
        """The next wait: paho doubles from the first to the longest, which leaves no room for chance."""
        longest = min(FIRST_PAUSE_S * 2.0**self._failures, LONGEST_PAUSE_S)
        self._failures = min(self._failures + 1, 16)
        pause = self._chance.uniform(longest / 2, longest)
        client.reconnect_delay_set(pause, pause)  # type: ignore[arg-type]  # it sleeps parts of seconds too

    def subscribe(self, topics: Iterable[str]) -> None:
        """Now and after each connection. Topics that are subscribed to already are left alone."""
        new = [topic for topic in topics if topic not in self._topics]
        self._topics |= dict.fromkeys(new)
        if self.connected:
            self._ask_for(new)

    def _ask_for(self, topics: list[str]) -> None:
        client = self._client
        for start in range(0, len(topics) if client else 0, MOST_TOPICS_AT_ONCE):
            assert client is not None
            client.subscribe([(topic, QOS) for topic in topics[start : start + MOST_TOPICS_AT_ONCE]])

    def say(self, topic: str, payload: str) -> None:
        """Once, if connected: a message that is of no use later."""
        if self._client is not None and self.connected:
            self._client.publish(topic, payload, 0)

    def tell(self, topic: str, payload: str, *, retain: bool = True) -> None:
        """The newest state of a topic, sent as soon as it can be, and again after each connection."""
        known = self._out.told.get(topic)
        if known is None or (known.payload, known.retain) != (payload, retain):
            self._out.told[topic] = _Told(payload, retain)
            self._send()

    def repeat(self, topic: str) -> None:
        """Tell a topic's state again: somebody else has said something there."""
        if topic in self._out.told:
            self._out.told[topic].sent = False
            self._send()

    def _send(self) -> None:
        client, out = self._client, self._out
        if client is None or not self.connected:
            return
        busy = set(out.flying.values())
        for topic, told in out.told.items():
            if not told.sent and topic not in busy:
                told.sent = True
                out.flying[client.publish(topic, told.payload, AGAIN_BY_US, told.retain).mid] = topic

    def _left(self, mid: int) -> None:
        if self._out.flying.pop(mid, None) is not None:
            self._send()

    def _up(self) -> None:
        self.connected = True
        self._ask_for(list(self._topics))
        self._out.flying.clear()
        for told in self._out.told.values():
            told.sent = False
        self._send()
        self._listener.up()

    def _down(self, reason: str) -> None:
        was, self.connected = self.connected, False
        if was and self._client is not None:  # it had let us in, and we did not leave ourselves
            self._listener.down(reason)

    async def close(self) -> None:
        """Safe to call at any time. A last will is told, as ``disconnect`` would keep the broker from it."""
        client, self._client = self._client, None
        if client is None:
            return
        if self._will is not None and self.connected:
            client.publish(self._will.topic, self._will.payload, QOS, retain=True)
        self.connected = False
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
