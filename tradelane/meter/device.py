"""One unit on a Modbus line: what it holds, and reading it.

Always true: a register the device refuses is a hole, remembered, and its value is None; it never takes its
neighbours with it. A device that refuses everything is an error, and nothing is remembered of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tradelane.meter import sunspec
from tradelane.meter.blocks import MODBUS_LIMIT, Block, plan
from tradelane.meter.profile import HOLDING, Profile
from tradelane.meter.reading import BadAnswer, IllegalAddress, Reading, UnknownProfile, Value, quality_of
from tradelane.meter.registers import Section, decode

RETRY_HOLES_AFTER = 240
"""Reads after which refused registers are asked for again: a device may refuse them only while it boots."""


class Bus(Protocol):
    """A Modbus line. Errors as in ModbusConnection.read."""

    async def read(self, unit: int, function: int, address: int, count: int) -> list[int]: ...

    async def close(self) -> None: ...


class Device:
    """Reads one unit by its profile, or by what SunSpec discovery finds when it has none."""

    def __init__(
        self,
        bus: Bus,
        meter: str,
        unit: int,
        profile: Profile | None = None,
        max_registers: int = MODBUS_LIMIT,
    ) -> None:
        self.meter, self.unit = meter, unit
        self._bus, self._profile = bus, profile
        self._function = profile.function if profile else HOLDING
        self._limit = min(max_registers, profile.max_registers if profile else MODBUS_LIMIT)
        self._plans: dict[Section, tuple[Block, ...]] = {}
        self._reads = 0

    def forget(self) -> None:
        """Plan (and discover) anew at the next read: after an outage it may be another device or firmware."""
        self._plans = {}
        self._reads = 0

    async def read(self, now: Callable[[], int]) -> list[Reading]:
        """One reading per role, stamped ``now()`` when its registers had come. Raises MeterError."""
        if not self._plans or self._reads >= RETRY_HOLES_AFTER:
            self.forget()
            self._plans = {section: self._planned(section) for section in await self._sections()}
        self._reads += 1
        readings = []
        for section in list(self._plans):
            values = await self._values(section)
            if values is not None:
                readings.append(self._reading(section, values, now()))
        if not readings:
            self.forget()
            raise BadAnswer(f"{self.meter}: the device has none of the registers it should have")
        return readings

    def _reading(self, section: Section, values: dict[str, Value], now: int) -> Reading:
        return Reading(self.meter, section.profile, section.role, now, None, quality_of(values), values)

    async def _sections(self) -> tuple[Section, ...]:
        if self._profile is not None:
            return self._profile.sections
        chain = await sunspec.discover(self._ask)
        if chain is None:
            raise UnknownProfile(f"{self.meter}: no SunSpec marker at {sunspec.BASES}; name a profile")
        found = sunspec.sections(chain)
        if not found:
            raise UnknownProfile(f"{self.meter}: its SunSpec models hold no meter and no inverter")
        return found

    def _planned(self, section: Section) -> tuple[Block, ...]:
        if section.header is not None:
            return plan((section.header, *section.registers), self._limit, MODBUS_LIMIT)
        gap, barriers = (self._profile.gap, self._profile.barriers) if self._profile else (0, ())
        return plan(section.registers, self._limit, gap, barriers)

    async def _values(self, section: Section) -> dict[str, Value] | None:
        """The section's values, or None when the device does not have it."""
        answered: dict[str, Value] = {}
        readable: list[Block] = []
        for block in self._plans[section]:
            readable += await self._read(block, answered)
        self._plans[section] = tuple(readable)
        header = answered.pop(sunspec.HEADER, None)
        if not answered or not sunspec.agrees(section, header):
            return None
        values = section.values(answered)
        return values if section.model is None else sunspec.believed(values)

    async def _read(self, block: Block, answered: dict[str, Value]) -> list[Block]:
        """Adds the block's values to ``answered``; returns the blocks to ask for next time."""
        try:
            words = await self._bus.read(self.unit, block.function, block.address, block.count)
        except IllegalAddress:
            return [good for half in block.halves() for good in await self._read(half, answered)]
        answered.update(decode(block.registers, dict(enumerate(words, block.address))))
        return [block]

    async def _ask(self, address: int, count: int) -> list[int]:
        return await self._bus.read(self.unit, self._function, address, count)
