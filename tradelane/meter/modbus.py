"""Modbus meters as a source of readings: polling, quarantine and the one-shot read.

Always true: units behind one connection are asked one after the other; a unit that fails is left alone for
a growing, capped, jittered number of rounds, so that it costs its neighbours at most one timeout a round.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tradelane.meter.blocks import MODBUS_LIMIT
from tradelane.meter.device import Bus, Device
from tradelane.meter.modbus_tcp import ModbusConnection
from tradelane.meter.profile import Profile
from tradelane.meter.reading import LinkDown, MeterError, Reading, Role, lost

__all__ = ["Failure", "ModbusConnection", "ModbusMeter", "ModbusSource", "read_once"]

LONGEST_QUARANTINE = 32
"""Rounds a failing unit is left alone at most."""
JITTER = 0.1
"""Share of the period by which a round may come early or late, so that gateways do not poll in step."""

Sleep = Callable[[float], Awaitable[None]]
Now = Callable[[], int]
Failure = Callable[[str, MeterError], None]
"""Told of each failed read: the meter's name and why."""


@dataclass(frozen=True, slots=True)
class ModbusMeter:
    """A meter to poll: its name in readings, its unit, and how to read it (None: SunSpec discovery)."""

    meter: str
    unit: int = 1
    profile: Profile | None = None
    max_registers: int = MODBUS_LIMIT


@dataclass(slots=True)
class _Polled:
    device: Device
    failures: int = 0
    rounds_to_wait: int = 0
    last: dict[Role, Reading] = field(default_factory=dict)


class ModbusSource:
    """Endless readings of the meters behind one connection.

    ``sleep`` (seconds of wall time), ``now`` (ms stamped on readings) and ``seed`` are the caller's. A meter
    that stops answering gives one stale reading per role with every value unknown; ``failed`` hears why.
    """

    def __init__(
        self,
        bus: Bus,
        meters: Sequence[ModbusMeter],
        *,
        period_s: float,
        now: Now,
        sleep: Sleep,
        seed: int,
        failed: Failure = lambda meter, error: None,
    ) -> None:
        self._bus, self._period_s = bus, period_s
        self._now, self._sleep, self._failed = now, sleep, failed
        self._chance = random.Random(seed)
        self._polled = [
            _Polled(Device(bus, one.meter, one.unit, one.profile, one.max_registers)) for one in meters
        ]

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Endless; closing the iterator or cancelling its task closes the connection."""
        try:
            while True:
                async for reading in self._round():
                    yield reading
                await self._sleep(self._period_s * (1 + self._chance.uniform(-JITTER, JITTER)))
        finally:
            await self._bus.close()

    async def close(self) -> None:
        await self._bus.close()

    async def _round(self) -> AsyncIterator[Reading]:
        link_down: LinkDown | None = None
        for polled in self._polled:
            if polled.rounds_to_wait > 0:
                polled.rounds_to_wait -= 1
                continue
            try:
                if link_down is not None:
                    raise link_down
                readings = await polled.device.read(self._now)
            except MeterError as error:
                link_down = error if isinstance(error, LinkDown) else link_down
                readings = self._quarantine(polled, error)
            else:
                polled.failures = 0
                polled.last = {reading.role: reading for reading in readings}
            for reading in readings:
                yield reading

    def _quarantine(self, polled: _Polled, error: MeterError) -> list[Reading]:
        rounds = min(2**polled.failures, LONGEST_QUARANTINE)
        polled.failures = min(polled.failures + 1, LONGEST_QUARANTINE)
        polled.rounds_to_wait = self._chance.randint(rounds // 2, rounds)
        polled.device.forget()
        self._failed(polled.device.meter, error)
        gone = [lost(reading, self._now()) for reading in polled.last.values()]
        polled.last = {}
        return gone


async def read_once(
    host: str,
    port: int,
    unit: int,
    profile: Profile | None,
    now: Now,
    *,
    meter: str | None = None,
    timeout_s: float = 3.0,
    max_registers: int = MODBUS_LIMIT,
) -> list[Reading]:
    """One reading per role the device has. Raises MeterError (Unreachable, BadAnswer, UnknownProfile)."""
    connection = ModbusConnection(host, port, timeout_s)
    name = meter or f"{host}:{port}/{unit}"
    try:
        return await Device(connection, name, unit, profile, max_registers).read(now)
    finally:
        await connection.close()
