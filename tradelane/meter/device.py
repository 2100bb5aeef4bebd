"""One unit on a Modbus line: what it holds, and reading it.

Always true: a register the device refuses is a hole, remembered, and its value is None; it never takes its
neighbours with it. A device that refuses everything is an error, and nothing is remembered of it. Of several
sections with one role, the first that the device has is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tradelane.meter import sunspec
from tradelane.meter.block_decoder import BlockDecoder
from tradelane.meter.blocks import MODBUS_LIMIT, Block, plan
from tradelane.meter.profile import Profile, looks_like, spelt
from tradelane.meter.reading import (
    BadAnswer,
    IllegalAddress,
    Reading,
    Role,
    UnknownProfile,
    Value,
    quality_of,
)
from tradelane.meter.registers import HOLDING, Section

RETRY_HOLES_AFTER = 8
"""Reads after which refused registers are asked for again: a device may refuse them only while it boots."""
LONGEST_RETRY = 4096
"""Reads between two such tries at most; each that finds the holes again doubles the pause."""

SHARED_PLANS = 256


class Bus(Protocol):
    """A Modbus line. Arguments and errors as in ModbusLine.read."""

    async def read(
        self, unit: int, function: int, address: int, count: int, patience_s: float | None = None
    ) -> list[int]: ...

    async def close(self) -> None: ...


class _Request:
    """A block and what makes its values of the answer."""

    __slots__ = ("block", "decode")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.decode = BlockDecoder(block)


@lru_cache(SHARED_PLANS)
def _requests(section: Section, limit: int, gap: int, barriers: tuple[int, ...]) -> tuple[_Request, ...]:
    """A street of the same meters shares one plan."""
    head = () if section.header is None else (section.header,)
    return tuple(_Request(block) for block in plan((*head, *section.registers), limit, gap, barriers))


@dataclass(slots=True)
class _Planned:
    """How a section is read; ``holes`` once a register of it was refused."""

    section: Section
    requests: list[_Request]
    holes: bool = False


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
        self._plans: list[_Planned] = []
        self._patience_s: float | None = None
        self._reads = 0
        self._retry_after = RETRY_HOLES_AFTER

    def forget(self) -> None:
        """Plan (and discover) anew at the next read: after an outage it may be another device or firmware."""
        self._plans = []
        self._retry_after = RETRY_HOLES_AFTER

    async def read(self, now: Callable[[], int], patience_s: float | None = None) -> list[Reading]:
        """One reading per role, stamped ``now()`` when its registers had come. Raises MeterError.

        ``patience_s``: seconds to wait for each answer, if less than the line's own timeout.
        """
        self._patience_s = patience_s
        if self._worth_retrying():
            self._plans = []
            self._retry_after = min(2 * self._retry_after, LONGEST_RETRY)
        if not self._plans:
            self._reads = 0
            self._plans = [self._planned(section) for section in await self._sections()]
        self._reads += 1
        readings: dict[Role, Reading] = {}
        for planned in self._plans:
            if planned.section.role in readings:
                continue
            values = await self._values(planned)
            if values is not None:
                readings[planned.section.role] = self._reading(planned.section, values, now())
        if not readings:
            self.forget()
            raise BadAnswer(f"{self.meter}: the device has none of the registers it should have")
        return list(readings.values())

    def _worth_retrying(self) -> bool:
        return self._reads >= self._retry_after and any(planned.holes for planned in self._plans)

    def _reading(self, section: Section, values: dict[str, Value], now: int) -> Reading:
        return Reading(self.meter, section.profile, section.role, now, None, quality_of(values), values)

    async def _sections(self) -> tuple[Section, ...]:
        if self._profile is not None and not self._profile.discover:
            return await spelt(self._profile, self._asked)
        chain = await sunspec.discover(self._ask)
        if chain is None:
            found = await looks_like(self._asked)
            hint = f": it looks like {' or '.join(found)}" if found else ""
            raise UnknownProfile(f"{self.meter}: no SunSpec marker at {sunspec.BASES}; name a profile{hint}")
        sections = sunspec.sections(chain)
        if not sections:
            raise UnknownProfile(f"{self.meter}: its SunSpec models hold no meter and no inverter")
        return sections

    def _planned(self, section: Section) -> _Planned:
        gap, barriers = (self._profile.gap, self._profile.barriers) if self._profile else (0, ())
        if section.header is not None:
            gap, barriers = MODBUS_LIMIT, ()
        return _Planned(section, list(_requests(section, self._limit, gap, tuple(barriers))))

    async def _values(self, planned: _Planned) -> dict[str, Value] | None:
        """The section's values, or None when the device does not have it."""
        answered: dict[str, Value] = {}
        for request in list(planned.requests):
            if not await self._read(request, answered):
                readable = [
                    half for one in request.block.halves() for half in await self._readable(one, answered)
                ]
                at = planned.requests.index(request)
                planned.requests[at : at + 1] = readable
                planned.holes = True
        header = answered.pop(sunspec.HEADER, None)
        section = planned.section
        if not answered or not sunspec.agrees(section, header):
            return None
        values = section.values(answered)
        return values if section.model is None else sunspec.believed(values)

    async def _read(self, request: _Request, answered: dict[str, Value]) -> bool:
        """Adds the block's values to ``answered``; False when the device refuses it."""
        block = request.block
        try:
            words = await self._bus.read(
                self.unit, block.function, block.address, block.count, self._patience_s
            )
        except IllegalAddress:
            return False
        answered.update(request.decode(words))
        return True

    async def _readable(self, block: Block, answered: dict[str, Value]) -> list[_Request]:
        """Reads the block in as many parts as it takes; returns those the device does not refuse."""
        request = _Request(block)
        if await self._read(request, answered):
            return [request]
        return [good for half in block.halves() for good in await self._readable(half, answered)]

    async def _ask(self, address: int, count: int) -> list[int]:
        return await self._asked(self._function, address, count)

    async def _asked(self, function: int, address: int, count: int) -> list[int]:
        return await self._bus.read(self.unit, function, address, count, self._patience_s)
