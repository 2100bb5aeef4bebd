"""The whole way from simulated firmware, a process that knows nothing of us, to metered intervals."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from itertools import pairwise
from typing import Any

from tests.meter.servers import HOST
from tradelane.market.units import MINUTE, Interval, instant, iso
from tradelane.meter import dialect, mqtt, mqtt_look
from tradelane.meter.history import MeterHistory
from tradelane.meter.metering import close_interval
from tradelane.meter.modbus import ModbusConnection, ModbusMeter, ModbusSource, read_once
from tradelane.meter.reading import Quality, Reading, Role

STREET = ("--modbus", "1", "--mqtt-rooftops", "1", "--seed", "7", "--origin", "2026-06-21T10:00Z")
NOON = instant("2026-06-21T10:00Z")
SPEED = 900


@contextmanager
def street(*options: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "firmware_sim", *STREET, "--modbus-port", "0", "--embedded-broker", "0"]
    with subprocess.Popen([*command, *options, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            yield dict(json.loads(ready))
        finally:
            process.terminate()


def truth(at: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "firmware_sim", "truth", *STREET, "--at", iso(at)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return {one["name"]: one for one in json.loads(answer.stdout)["rooftops"]}


def read(ready: dict[str, Any]) -> list[Reading]:
    return asyncio.run(read_once(HOST, ready["meters"][0]["port"], 1, None, lambda: NOON, meter="solar00"))


def test_counters_come_through_both_ways_to_the_watt_hour_and_signs_agree() -> None:
    true = truth(NOON)
    with street("--speed", "0") as ready:
        broker = mqtt.Broker(HOST, ready["broker"]["port"])
        topic = ready["meters"][1]["topic"]
        by_mqtt = asyncio.run(mqtt_look.read_once(broker, topic, dialect.load("json"), 20, lambda: NOON))
        both = {"solar00": read(ready), "solar01": by_mqtt}
    for meter, readings in both.items():
        values = {(one.role, name): value for one in readings for name, value in one.values.items()}
        assert {one.meter for one in readings} == {meter}
        assert values[Role.GRID, "import_wh"] == true[meter]["import_wh"]
        assert values[Role.GRID, "export_wh"] == true[meter]["export_wh"]
        assert values[Role.SOLAR, "production_wh"] == true[meter]["production_wh"]
        grid, solar = values[Role.GRID, "power_w"], values[Role.SOLAR, "power_w"]
        phases = [values[Role.GRID, f"power_l{phase}_w"] for phase in (1, 2, 3)]
        assert abs(sum(phase or 0 for phase in phases) - (grid or 0)) < 3
        # what the house draws is production plus import, never negative
        assert (solar or 0) + (grid or 0) > 0


def test_an_inverter_that_restarts_says_nothing_rather_than_zero() -> None:
    with street("--speed", "0", "--fault", "solar00:sentinel@2026-06-21T10:00Z+15m") as ready:
        readings = read(ready)
    assert {one.role for one in readings} == {Role.GRID, Role.SOLAR}
    assert all(one.quality is Quality.BAD and set(one.values.values()) == {None} for one in readings)


def test_polled_intervals_add_up_to_what_the_meter_counted() -> None:
    """Market time runs fast, one unit is dead beside it, and the meter restarts for a while."""
    begun = wall()
    clock = ("--speed", str(SPEED), "--wall-origin", str(begun))
    with street(*clock, "--fault", "solar00:sentinel@2026-06-21T10:50Z+5m") as ready:
        source = ModbusSource(
            ModbusConnection(HOST, ready["meters"][0]["port"], 0.3),
            [ModbusMeter("dead", 99), ModbusMeter("solar00")],
            period_s=0.05,
            now=lambda: NOON + (wall() - begun) * SPEED,
            sleep=asyncio.sleep,
            seed=3,
        )
        history, boundaries = asyncio.run(watch(source))
    intervals = [close_interval(history, Interval(start, end)) for start, end in pairwise(boundaries)]
    metered = [one for one in intervals if one is not None]
    assert len(metered) == 3
    for name in ("import_wh", "export_wh", "production_wh"):
        summed = sum(getattr(one, name) for one in metered)
        points = history.points[name]
        inside = [one.total for one in points if boundaries[0] <= one.time <= boundaries[-1]]
        before = [one.total for one in points if one.time <= boundaries[0]]
        after = [one.total for one in points if one.time >= boundaries[-1]]
        assert inside[-1] - inside[0] <= summed <= after[0] - before[-1]
    assert sum(one.production_wh or 0 for one in metered) > 0


def wall() -> int:
    return time.time_ns() // 1_000_000


async def watch(source: ModbusSource) -> tuple[MeterHistory, list[int]]:
    """Readings until three quarters of an hour can be closed."""
    history = MeterHistory("solar00")
    boundaries: list[int] = []
    async with aclosing(source.readings()) as readings:
        async for reading in readings:
            assert reading.meter == "solar00"
            history.append(reading)
            if not boundaries:
                start = reading.gateway_time - reading.gateway_time % MINUTE + MINUTE
                boundaries = [start + step * 15 * MINUTE for step in range(4)]
            if history.reaches(boundaries[-1]):
                return history, boundaries
    raise AssertionError("the source ended")
