"""A running street: servers, publishers and broker, from ready to gone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from firmware_sim.faults import BROKER, Fault, active
from firmware_sim.rooftop import Rooftop
from firmware_sim.street import Mqtt, Serial, Street
from firmware_sim.sun import DAY

_FAREWELL_S = 0.3
_WATCH_S = 0.05
HOST = "127.0.0.1"


async def serve(
    rooftops: list[Rooftop],
    street: Street,
    now: Callable[[], int],
    ready: Callable[[dict[str, Any]], None],
) -> None:
    """Runs until SIGTERM or SIGINT; ``ready`` is told once where everything listens. Raises ``OSError``."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    _catch_up(rooftops, now())
    bus, line = await _start_bus([one for one in rooftops if one.spec.transport == "rtu"], street.serial, now)
    ports, devices = await _start_devices([one for one in rooftops if one.spec.transport == "modbus"], now)
    try:
        publishing = [one for one in rooftops if one.spec.transport == "mqtt"]
        async with _Messages(publishing, street.mqtt, street.faults, now) as messages:
            ready(_listing(rooftops, ports, messages.address, line))
            await stopped.wait()
    finally:
        for device in devices:
            await device.stop()
        if bus:
            await bus.stop()


def _catch_up(rooftops: list[Rooftop], instant: int) -> None:
    """Works through the days since the counters' start before anyone asks, by day as roofs share skies."""
    if not rooftops:
        return
    for day in range(rooftops[0].since // DAY, instant // DAY + 1):
        for rooftop in rooftops:
            rooftop.house.counters(day * DAY)


async def _start_devices(rooftops: list[Rooftop], now: Callable[[], int]) -> tuple[dict[str, int], list[Any]]:
    if not rooftops:
        return {}, []
    from firmware_sim.device import Device

    devices = [Device(rooftop, now) for rooftop in rooftops]
    return {device.rooftop.spec.name: await device.start() for device in devices}, devices


async def _start_bus(
    rooftops: list[Rooftop], serial: Serial | None, now: Callable[[], int]
) -> tuple[Any, dict[str, Any]]:
    """The serial line, and where it is."""
    if serial is None:
        return None, {}
    from firmware_sim.bus import Bus

    bus = Bus(rooftops, now)
    device = bus.open_port(serial.link) if serial.link else None
    port = None if serial.port is None else await bus.listen(HOST, serial.port)
    return bus, {"device": device, "host": HOST, "port": port}


def _listing(
    rooftops: list[Rooftop],
    ports: dict[str, int],
    broker: tuple[str, int] | None,
    line: dict[str, Any],
) -> dict[str, Any]:
    meters = []
    for spec in (rooftop.spec for rooftop in rooftops):
        row: dict[str, Any] = {"name": spec.name, "transport": spec.transport}
        if spec.transport == "modbus":
            row |= {"host": spec.host, "port": ports[spec.name], "unit": spec.unit, "topic": None}
        elif spec.transport == "rtu":
            row |= line | {"unit": spec.unit, "map": spec.map, "topic": None}
        elif broker:
            row |= {"host": broker[0], "port": broker[1], "unit": None, "topic": spec.topic}
        place = {"latitude": spec.place.latitude, "longitude": spec.place.longitude}
        meters.append(row | {"zone": spec.place.zone, **place, "kwp": spec.kwp})
    where = {"host": broker[0], "port": broker[1]} if broker else None
    return {"ready": True, "broker": where, "meters": meters}


class _Messages:
    """The MQTT side: the broker when it is ours, the publishers, and their beat."""

    def __init__(
        self,
        rooftops: list[Rooftop],
        mqtt: Mqtt | None,
        faults: tuple[Fault, ...],
        now: Callable[[], int],
    ) -> None:
        self._absences = [fault for fault in faults if fault.meter == BROKER]
        self._watch: asyncio.Task[None] | None = None
        self._rooftops, self._mqtt, self._now = rooftops, mqtt, now
        self._broker: Any = None
        self._publishers: list[Any] = []
        self._beat: asyncio.Task[None] | None = None
        self.address: tuple[str, int] | None = (mqtt.host, mqtt.port) if mqtt else None

    async def __aenter__(self) -> _Messages:
        if self._mqtt and self._mqtt.embedded:
            from firmware_sim.broker import start_broker

            self._broker, port = await start_broker(self._mqtt.port)
            self.address = (HOST, port)
            if self._absences:
                self._watch = asyncio.create_task(self._come_and_go(port))
        if self._rooftops and self.address and self._mqtt:
            from firmware_sim.publish import Publisher

            self._publishers = [Publisher(rooftop, self._now) for rooftop in self._rooftops]
            for publisher in self._publishers:
                publisher.start(*self.address)
            self._beat = asyncio.create_task(self._publish(self._mqtt.every_s))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._beat, self._watch):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._publishers:
            await asyncio.to_thread(self._leave)
        if self._broker:
            from firmware_sim.broker import stop_broker

            await stop_broker(self._broker)

    async def _come_and_go(self, port: int) -> None:
        """The broker is down while its fault lasts, and comes back on the same port."""
        from firmware_sim.broker import start_broker, stop_broker

        while True:
            gone = active(self._absences, self._now()) is not None
            if gone and self._broker:
                await stop_broker(self._broker)
                self._broker = None
            elif not gone and self._broker is None:
                with suppress(OSError):
                    self._broker, _ = await start_broker(port)
            await asyncio.sleep(_WATCH_S)

    async def _publish(self, every_s: float) -> None:
        """Rooftops speak one after the other, spread over the period, and none waits for another."""
        pause = every_s / len(self._publishers)
        while True:
            for publisher in self._publishers:
                publisher.publish()
                await asyncio.sleep(pause)

    def _leave(self) -> None:
        heard = [publisher.farewell() for publisher in self._publishers]
        for answer in heard:
            if answer:
                answer.wait_for_publish(_FAREWELL_S / len(heard))
        for publisher in self._publishers:
            publisher.stop()
