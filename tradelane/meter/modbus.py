"""Modbus meters as a source of readings: the poller of one connection, and the one-shot read.

Always true: units behind one connection are asked one after the other; a unit that fails is left alone for
a growing, capped, jittered number of rounds, and is then asked after its neighbours, one such silence a round
and no longer than until the next begins. Rounds are timed by a clock that never steps.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tradelane.meter.blocks import MODBUS_LIMIT
from tradelane.meter.device import Bus, Device
from tradelane.meter.modbus_line import ModbusConnection, ModbusLine
from tradelane.meter.modbus_url import Address, TcpAddress
from tradelane.meter.profile import Profile
from tradelane.meter.reading import LinkDown, MeterError, Reading, Role, Unreachable, lost

__all__ = ["Failure", "Health", "ModbusConnection", "ModbusMeter", "ModbusSource", "read_at", "read_once"]

LONGEST_QUARANTINE = 32
"""Rounds a failing unit is left alone at most."""
FULL_PATIENCE_EVERY = 4
"""Every so many tries of a failing unit it gets the whole timeout, so that a slow one can come back."""
SHORTEST_PATIENCE_S = 0.1
JITTER = 0.1
"""Share of the period by which a round may come early or late, so that gateways do not poll in step."""

Sleep = Callable[[float], Awaitable[None]]
Now = Callable[[], int]
Failure = Callable[[str, MeterError], None]
"""Told of each failed read: the meter's name and why."""


class Health(StrEnum):
    """NEW: not asked yet. ASLEEP: it lives on the sun, and there is none: not a fault."""

    NEW = "new"
    READING = "reading"
    FAILED = "failed"
    ASLEEP = "asleep"


@dataclass(frozen=True, slots=True)
class ModbusMeter:
    """A meter to poll: its name in readings, its unit, and how to read it (None: SunSpec discovery).

    ``dark`` says whether there is no sun at its place at an instant (Unix ms). A device that measures
    nothing but solar power and cannot be reached in the dark is asleep.
    """

    meter: str
    unit: int = 1
    profile: Profile | None = None
    max_registers: int = MODBUS_LIMIT
    dark: Callable[[int], bool] = lambda instant: False


@dataclass(slots=True)
class _Polled:
    device: Device
    dark: Callable[[int], bool]
    roles: set[Role]
    health: Health = Health.NEW
    failures: int = 0
    rounds_to_wait: int = 0
    last: list[Reading] = field(default_factory=list)

    def well(self, readings: list[Reading]) -> None:
        self.failures, self.health, self.last = 0, Health.READING, readings
        self.roles.update(reading.role for reading in readings)

    def due(self, now: int) -> bool:
        """Whether a failing unit is to be tried in this round; counts the round."""
        if self.health is Health.ASLEEP and not self.dark(now):
            self.failures, self.rounds_to_wait, self.health = 1, 0, Health.FAILED
        self.rounds_to_wait -= 1
        return self.rounds_to_wait < 0


class ModbusSource:
    """Endless readings of the meters behind one connection.

    ``sleep`` (seconds of wall time), ``now`` (ms stamped on readings) and ``seed`` are the caller's. A meter
    that stops answering gives one stale reading per role with every value unknown; ``failed`` hears why,
    unless it is asleep.
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
            _Polled(
                Device(bus, one.meter, one.unit, one.profile, one.max_registers),
                one.dark,
                {section.role for section in one.profile.sections} if one.profile else set(),
            )
            for one in meters
        ]

    @property
    def health(self) -> Mapping[str, Health]:
        """How each meter is, by its name."""
        return {polled.device.meter: polled.health for polled in self._polled}

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Endless; closing the iterator or cancelling its task closes the connection."""
        loop = asyncio.get_running_loop()
        # whole periods, so that connections held up together go on at their own times, not all at once
        due = loop.time() + self._period_s * self._chance.random()
        try:
            while True:
                until = due + self._period_s * self._chance.uniform(-JITTER, JITTER)
                async for reading in self._round(until):
                    yield reading
                await self._sleep(max(0.0, until - loop.time()))
                due += self._period_s * max(1, math.ceil((loop.time() - due) / self._period_s))
        finally:
            await self._bus.close()

    async def close(self) -> None:
        await self._bus.close()

    async def _round(self, until: float) -> AsyncIterator[Reading]:
        """Every unit that is well, then those that are not and are due, until the first silence."""
        loop = asyncio.get_running_loop()
        down: LinkDown | None = None
        silence = False
        for polled in self._in_turn():
            if silence and polled.failures and down is None:
                break
            try:
                if down is not None:
                    raise down
                patience_s = self._patience_s(polled, until - loop.time())
                readings = await polled.device.read(self._now, patience_s)
            except MeterError as error:
                down = error if isinstance(error, LinkDown) else None
                silence = silence or isinstance(error, Unreachable)
                readings = self._quarantine(polled, error)
            else:
                polled.well(readings)
            for reading in readings:
                yield reading

    def _in_turn(self) -> list[_Polled]:
        now = self._now()
        due = [polled for polled in self._polled if polled.failures and polled.due(now)]
        return [polled for polled in self._polled if not polled.failures] + sorted(
            due, key=lambda polled: polled.rounds_to_wait
        )

    def _patience_s(self, polled: _Polled, left_s: float) -> float | None:
        """None for the line's own timeout: ``left_s`` seconds are left of the round."""
        if polled.failures % FULL_PATIENCE_EVERY == 0:
            return None
        return max(min(left_s, self._period_s), SHORTEST_PATIENCE_S)

    def _quarantine(self, polled: _Polled, error: MeterError) -> list[Reading]:
        rounds = min(2 ** min(polled.failures, LONGEST_QUARANTINE), LONGEST_QUARANTINE)
        polled.failures += 1
        polled.rounds_to_wait = self._chance.randint(rounds // 2, rounds)
        polled.device.forget()
        now = self._now()
        if isinstance(error, Unreachable) and polled.roles <= {Role.SOLAR} and polled.dark(now):
            polled.health = Health.ASLEEP
        else:
            polled.health = Health.FAILED
            self._failed(polled.device.meter, error)
        gone = [lost(reading, now) for reading in polled.last]
        polled.last = []
        return gone


async def read_at(
    address: Address,
    unit: int,
    profile: Profile | None,
    now: Now,
    *,
    meter: str | None = None,
    timeout_s: float = 3.0,
    max_registers: int = MODBUS_LIMIT,
) -> list[Reading]:
    """One reading per role the device has. Raises MeterError (Unreachable, BadAnswer, UnknownProfile)."""
    line = ModbusLine.to(address, [profile], timeout_s)
    name = meter or f"{address}/{unit}"
    try:
        return await Device(line, name, unit, profile, max_registers).read(now)
    finally:
        await line.close()


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
    """As ``read_at``, by Modbus TCP."""
    at = TcpAddress(host, port)
    return await read_at(
        at, unit, profile, now, meter=meter, timeout_s=timeout_s, max_registers=max_registers
    )
