"""MQTT meters through a real mosquitto."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.meter.servers import HOST, NOW, now
from tests.shared import free_port, running_mosquitto
from tradelane.meter import dialect
from tradelane.meter.mqtt import Broker, MqttMeter, MqttSource
from tradelane.meter.mqtt_look import read_once
from tradelane.meter.reading import BadAnswer, Quality, Reading, Role, Unreachable

JSON = dialect.load("json")
STATE = "meters/roof/state"
BODY = {
    "time": "2026-06-21T10:00:00.000Z",
    "power_w": -812.5,
    "import_wh": 1000,
    "export_wh": 2000,
    "production_wh": 3000,
    "solar_power_w": 1500,
    "voltage_l1_v": 231.2,
    "something_else": [1, 2],
}


@contextmanager
def publisher(port: int, tls: tuple[Path, Path, Path] | None = None) -> Iterator[Client]:
    """A client that is connected; ``tls``: the authority, its own certificate and key."""
    client = Client(CallbackAPIVersion.VERSION2)
    if tls is not None:
        client.tls_set(str(tls[0]), certfile=str(tls[1]), keyfile=str(tls[2]))
    client.connect(HOST, port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def publish(client: Client, topic: str, body: Any, retain: bool = False) -> None:
    payload = body if isinstance(body, bytes | str) else json.dumps(body)
    client.publish(topic, payload, 1, retain).wait_for_publish(5)


async def next_of(stream: Any, count: int) -> list[Reading]:
    return [await anext(stream) for _ in range(count)]


def source(port: int, *, queue: int = 100) -> MqttSource:
    return MqttSource(Broker(HOST, port), [MqttMeter("meters/+/state", JSON)], now=now, queue=queue)


async def subscribed(client: Client, stream: Any) -> list[Reading]:
    """Publishes until the source hears, so that no test depends on who connects first."""
    waiting = asyncio.create_task(next_of(stream, 2))
    while not waiting.done():
        publish(client, STATE, BODY)
        await asyncio.wait({waiting}, timeout=0.05)
    return waiting.result()


def test_a_retained_message_is_read_once_and_is_stale(mosquitto: int) -> None:
    with publisher(mosquitto) as client:
        publish(client, STATE, BODY, retain=True)
    grid, solar = asyncio.run(read_once(Broker(HOST, mosquitto), STATE, JSON, 10, now))
    assert (grid.meter, grid.profile, grid.role, grid.quality) == ("roof", "json", Role.GRID, Quality.STALE)
    assert (grid.values["power_w"], grid.values["import_wh"], grid.values["export_wh"]) == (
        -812.5,
        1000,
        2000,
    )
    assert grid.values["voltage_l1_v"] == 231.2
    assert grid.values["voltage_l2_v"] is None
    assert (solar.role, solar.values) == (Role.SOLAR, {"power_w": 1500, "production_wh": 3000})
    assert (grid.gateway_time, grid.to_json()["device_time"]) == (NOW, "2026-06-21T10:00Z")


PATIENCE_S = 3600
"""A look that is over sooner did not wait for it."""


def test_no_message_and_no_broker_are_told_apart(mosquitto: int) -> None:
    with pytest.raises(Unreachable, match="no message on"):
        asyncio.run(read_once(Broker(HOST, mosquitto), STATE, JSON, 1, now))
    with pytest.raises(Unreachable, match="no connection"):
        asyncio.run(read_once(Broker(HOST, free_port()), STATE, JSON, PATIENCE_S, now))


def test_a_message_that_is_no_reading_is_a_bad_answer(mosquitto: int) -> None:
    with publisher(mosquitto) as client:
        publish(client, STATE, b"\xff not json", retain=True)
    with pytest.raises(BadAnswer, match=STATE):
        asyncio.run(read_once(Broker(HOST, mosquitto), STATE, JSON, 1, now))


def test_live_messages_are_good_and_the_last_will_makes_the_meter_stale(mosquitto: int) -> None:
    async def main() -> list[Reading]:
        stream = source(mosquitto).readings()
        async with aclosing(stream):
            with publisher(mosquitto) as client:
                first = await subscribed(client, stream)
                publish(client, "meters/roof/availability", "online", retain=True)
                publish(client, "meters/roof/availability", "offline", retain=True)
                seen = [await anext(stream)]
                while seen[-1].quality is Quality.GOOD:
                    seen.append(await anext(stream))
                return [*first, seen[-1], await anext(stream)]

    first, _, gone, also_gone = asyncio.run(main())
    assert first.quality is Quality.GOOD
    assert {gone.role, also_gone.role} == {Role.GRID, Role.SOLAR}
    assert {gone.quality, also_gone.quality} == {Quality.STALE}
    assert set(gone.values.values()) == {None}


def test_a_bad_message_does_not_stop_the_ones_after_it(mosquitto: int) -> None:
    async def main() -> list[Reading]:
        stream = source(mosquitto).readings()
        async with aclosing(stream):
            with publisher(mosquitto) as client:
                await subscribed(client, stream)
                publish(client, STATE, "[" * 60_000)
                publish(client, STATE, '{"power_w": NaN, "import_wh": true, "export_wh": 1e300}')
                publish(client, STATE, {"power_w": 7})
                while (seen := await anext(stream)).values["power_w"] != 7:
                    assert seen.values["power_w"] in (-812.5, 1500, None)
                return [seen]

    (seen,) = asyncio.run(main())
    assert seen.values["import_wh"] is None


def test_the_queue_is_bounded_and_drops_the_oldest(mosquitto: int) -> None:
    async def main() -> tuple[int, list[object]]:
        listener = source(mosquitto, queue=3)
        stream = listener.readings()
        async with aclosing(stream):
            with publisher(mosquitto) as client:
                await subscribed(client, stream)
                for watt in range(50):
                    publish(client, STATE, {"power_w": watt})
                    await asyncio.sleep(0)
                while listener.dropped < 40:
                    await asyncio.sleep(0.01)
                seen: list[object] = []
                while 49 not in seen:
                    seen.append((await anext(stream)).values["power_w"])
                return listener.dropped, seen

    dropped, seen = asyncio.run(main())
    assert dropped >= 40
    assert seen[-3:] == [47, 48, 49]


def test_it_connects_again_when_the_broker_comes_back(tmp_path: Path) -> None:
    port = free_port()

    async def main() -> tuple[list[Reading], list[Reading], list[Reading]]:
        stream = source(port).readings()
        async with aclosing(stream):
            with running_mosquitto(tmp_path, port), publisher(port) as client:
                before = await subscribed(client, stream)
            seen = [await anext(stream)]
            while seen[-1].quality is Quality.GOOD:
                seen.append(await anext(stream))
            with running_mosquitto(tmp_path, port), publisher(port) as client:
                return before, seen[-1:], await subscribed(client, stream)

    before, gone, after = asyncio.run(main())
    assert {one.quality for one in before + after} <= {Quality.GOOD, Quality.STALE}
    assert gone[0].quality is Quality.STALE
    assert after[-1].quality is Quality.GOOD
