"""An MQTT broker inside the process, for demonstrations on one machine.

It listens on 127.0.0.1 only and lets everyone in. Retained messages are gone when the process is killed
and QoS 1 is not redelivered to a client that was away: use mosquitto for anything that has to last.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from amqtt.broker import Broker  # type: ignore[import-untyped] # amqtt ships no types
from amqtt.errors import AMQTTError, BrokerError  # type: ignore[import-untyped] # amqtt ships no types
from amqtt.session import Session  # type: ignore[import-untyped] # amqtt ships no types

HOST = "127.0.0.1"
_LISTENER = "default"
_STOP_S = 0.4


class _Broker(Broker):  # type: ignore[misc] # amqtt ships no types
    """amqtt 0.12 sends each new client what is retained for other clients' topics too: not here."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], [])
        if any(one.client_id == session.client_id for one, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def start_broker(port: int) -> tuple[Broker, int]:
    """A broker on ``port`` (0 for any free one), and its port. Raises ``OSError`` when it cannot listen."""
    listener = {"type": "tcp", "bind": f"{HOST}:{port}"}
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = _Broker({"listeners": {_LISTENER: listener}, "plugins": anonymous})
    try:
        await broker.start()
    except (AMQTTError, BrokerError) as problem:
        raise OSError(f"the embedded broker cannot listen on {HOST}:{port}: {problem}") from None
    # amqtt has no public way to ask for the port that was given
    sockets = broker._servers[_LISTENER].instance.sockets
    return broker, int(sockets[0].getsockname()[1])


async def stop_broker(broker: Broker) -> None:
    """Closes the broker, or lets go of it when it takes its time."""
    with suppress(TimeoutError, AMQTTError, BrokerError):
        await asyncio.wait_for(broker.shutdown(), _STOP_S)
