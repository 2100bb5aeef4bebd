"""Which Modbus devices answer where one looks, and what they are. Only reads.

Always true: functions 3 and 4 alone are asked; each address has one connection, asked one unit after the
other; an address where no connection can be made is asked nothing more.

Known limit: a device that keeps silent about registers it does not have is not found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tradelane.meter import sunspec
from tradelane.meter.device import Bus, Device
from tradelane.meter.modbus_line import ModbusLine
from tradelane.meter.modbus_url import Address
from tradelane.meter.profile import Profile, load, looks_like
from tradelane.meter.reading import LinkDown, MeterError, Reading, Unreachable
from tradelane.meter.registers import HOLDING
from tradelane.meter.scan import Pace

AT_ONCE = 32
"""Connections at a time."""
PER_SECOND = 50.0
"""Connections begun a second: a household's router must not take fright."""
KNOCK = (HOLDING, sunspec.BASES[0], 2)
"""What is asked to hear whether anybody is there: where SunSpec begins. A refusal is an answer too."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answered. ``profile`` None: it describes itself (``model``), or nobody knows what it is;
    ``alike``: further profiles it fits; ``trouble``: why there is no reading; ``also``: further units that
    are the same device by its serial number."""

    address: Address
    unit: int
    model: str = ""
    serial: str = ""
    profile: str | None = None
    alike: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    trouble: str = ""
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of every address. ``profile``: how to read what does not say what it is; ``patience_s``:
    seconds that a unit gets to answer the first question; ``timeout_s``: for connecting and for the rest."""

    units: tuple[int, ...]
    now: Callable[[], int]
    profile: str | None = None
    timeout_s: float = 1.0
    patience_s: float = 1.0


Told = Callable[[str], None]
"""Is told of each address or unit that was looked at."""


async def search(addresses: Sequence[Address], wanted: Search, told: Told = lambda what: None) -> list[Found]:
    """Everything that answers, in the order of the addresses."""
    pace, gate = Pace(PER_SECOND), asyncio.Semaphore(AT_ONCE)

    async def one(at: Address) -> list[Found]:
        async with gate:
            await asyncio.sleep(pace.wait_s(asyncio.get_running_loop().time()))
            return await look(at, wanted, told)

    found = await asyncio.gather(*(one(at) for at in addresses))
    return [each for some in found for each in some]


async def look(at: Address, wanted: Search, told: Told = lambda what: None) -> list[Found]:
    """Every unit of one address that answers; the same device under several units once."""
    line = ModbusLine(at, wanted.timeout_s)
    found: list[Found] = []
    try:
        for unit in wanted.units:
            told(f"{at} unit {unit}")
            if await _answers(line, unit, wanted.patience_s):
                found.append(await identify(line, at, unit, wanted))
    except LinkDown:
        pass
    finally:
        await line.close()
    return together(found)


async def _answers(line: Bus, unit: int, patience_s: float) -> bool:
    try:
        await line.read(unit, *KNOCK, patience_s)
    except LinkDown:
        raise
    except Unreachable:
        return False
    except MeterError:
        return True
    return True


async def identify(line: Bus, at: Address, unit: int, wanted: Search) -> Found:
    """What the unit says it is, by SunSpec or by the clues of profiles, with a first reading. LinkDown."""
    found = Found(at, unit)
    try:
        chain = await sunspec.discover(lambda address, count: line.read(unit, HOLDING, address, count))
        if chain is not None and sunspec.sections(chain):
            model = f"{chain.manufacturer} {chain.model}".strip()
            return await _read(line, replace(found, model=model, serial=chain.serial), None, wanted)
    except LinkDown:
        raise
    except MeterError:
        pass
    fitting = await looks_like(partial(line.read, unit))
    tries = [wanted.profile] if wanted.profile else fitting
    for name in tries:
        profile = load(name)
        alike = tuple(other for other in fitting if other != name)
        made = replace(found, model=f"{profile.vendor} {profile.model}", profile=name, alike=alike)
        last = await _read(line, made, profile, wanted)
        if last.readings:
            return last
    return replace(
        found, trouble="it answers, but does not say what it is: try --profile", alike=tuple(tries)
    )


async def _read(line: Bus, found: Found, profile: Profile | None, wanted: Search) -> Found:
    name = f"{found.address}/{found.unit}"
    try:
        readings = await Device(line, name, found.unit, profile).read(wanted.now)
    except LinkDown:
        raise
    except MeterError as error:
        return replace(found, trouble=str(error))
    return replace(found, readings=tuple(readings))


def together(found: Sequence[Found]) -> list[Found]:
    """Without those that are the same device as one before, which many devices are under every unit."""
    kept: dict[object, Found] = {}
    for one in found:
        key = (one.address, one.model, one.serial) if one.serial else (one.address, one.unit)
        first = kept.setdefault(key, one)
        if first is not one:
            kept[key] = replace(first, also=(*first.also, one.unit))
    return list(kept.values())
