"""A street of MQTT meters for benchmarks, each part a process of its own: its publisher, and two who listen.

``python -m tests.bench.mqtt_street ROLE PORT``: ``publish`` speaks for a thousand meters, once a second each,
until it is ended; ``bare`` is paho's own loop that reads each message's JSON and nothing else; ``ours`` is
the source of readings. A listener prints what it cost, in per cent of a core, over the seconds it listened.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing
from itertools import count
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tradelane.meter import dialect
from tradelane.meter.mqtt import Broker, MqttMeter, MqttSource

METERS = 1000
STEPS = 50
"""Bursts a second: meters do not speak all at once."""
LISTEN_S = 4.0
WARM_UP_S = 1.5
TOPICS = "meters/+/state"


def body(number: int, second: int) -> bytes:
    """What the simulator's rooftops say."""
    lines = {f"{name}_l{phase}_{unit}": 100.25 + phase for name, unit in LINES for phase in (1, 2, 3)}
    values = {"power_w": -812.5 + number, "import_wh": 1000 + second, "export_wh": 2000 + second}
    solar = {"solar_power_w": 1500.25, "production_wh": 3000 + second, "frequency_hz": 50.01}
    said = {"time": "2026-06-21T10:00:00.000Z", **values, **lines, **solar, "power_factor": 0.98}
    return json.dumps(said).encode()


LINES = (("power", "w"), ("voltage", "v"), ("current", "a"))


def client(port: int) -> Client:
    one = Client(CallbackAPIVersion.VERSION2)
    one.connect("127.0.0.1", port)
    return one


def publish(port: int) -> None:
    one = client(port)
    one.loop_start()
    started, share = time.monotonic(), METERS // STEPS
    for step in count():
        for number in range(step % STEPS * share, (step % STEPS + 1) * share):
            one.publish(f"meters/m{number}/state", body(number, step // STEPS), 1)
        time.sleep(max(0.0, started + (step + 1) / STEPS - time.monotonic()))


class Cost:
    """Processor time of this process in per cent of a core, from the end of the warm-up on."""

    def __init__(self) -> None:
        self.heard = 0
        self._begun = time.monotonic()
        self._wall = self._cpu = 0.0

    def over(self) -> bool:
        now = time.monotonic()
        if not self._wall and now > self._begun + WARM_UP_S:
            self._wall, self._cpu, self.heard = now, time.process_time(), 0
        return bool(self._wall) and now > self._wall + LISTEN_S

    def tell(self) -> None:
        wall = time.monotonic() - self._wall
        if self.heard < 0.9 * METERS * wall:
            raise SystemExit(f"heard only {self.heard / wall:.0f} messages a second")
        print(100 * (time.process_time() - self._cpu) / wall)


def bare(port: int) -> None:
    one, cost = client(port), Cost()

    def on_message(_client: Client, _data: Any, message: Any) -> None:
        json.loads(message.payload)
        cost.heard += 1

    one.on_message = on_message
    one.subscribe(TOPICS, 1)
    while not cost.over():
        one.loop(0.1)
    cost.tell()


async def ours(port: int) -> None:
    cost = Cost()
    meters = [MqttMeter(TOPICS, dialect.load("json"))]
    source = MqttSource(Broker("127.0.0.1", port), meters, now=lambda: time.time_ns() // 1_000_000)
    async with aclosing(source.batches()) as batches:
        async for readings in batches:
            cost.heard += len(readings) // 2
            if cost.over():
                break
    assert not source.dropped and not source.malformed
    cost.tell()


if __name__ == "__main__":
    role, port = sys.argv[1], int(sys.argv[2])
    if role == "ours":
        asyncio.run(ours(port))
    else:
        {"publish": publish, "bare": bare}[role](port)
