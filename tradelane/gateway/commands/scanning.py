"""``scan``: meters on the hosts, the network or the serial line that are named. It only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.meter import profile as profiles
from tradelane.meter import scan
from tradelane.meter.modbus_url import Address, address
from tradelane.meter.reading import MeterError, Reading

if TYPE_CHECKING:
    from tradelane.gateway.meter_section import Device
    from tradelane.gateway.sections import Mqtt
    from tradelane.meter.modbus_scan import Found, Search

FEW = 4
"""Places that are told one by one."""
SERIAL_PATIENCE_S = 0.3
"""Seconds a unit on a serial line gets: most of its 247 units are not there."""


@dataclass(frozen=True, slots=True)
class Named:
    """What was named to be searched."""

    hosts: tuple[str, ...] = ()
    network: str | None = None
    ports: tuple[int, ...] = ()
    rtu: bool = False
    serial: str | None = None
    bauds: tuple[int, ...] = ()
    parities: tuple[str, ...] = ()
    stopbits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """How each address is asked. ``units`` None: the usual ones; ``profile``: of what does not say what it
    is."""

    units: str | None = None
    profile: str | None = None
    timeout_s: float = 1.0

    def search(self, serial: bool = False) -> Search:
        """CommandFailed names the option that is wrong."""
        from tradelane.meter.modbus_scan import Search

        usual = scan.SERIAL_UNITS if serial else scan.TCP_UNITS
        patience_s = min(self.timeout_s, SERIAL_PATIENCE_S) if serial else self.timeout_s
        try:
            units = usual if self.units is None else scan.units_in(self.units)
        except ValueError as error:
            raise CommandFailed(ExitCode.USAGE, f"--units: {error}") from None
        try:
            _ = self.profile and profiles.load(self.profile)
        except MeterError as error:
            raise CommandFailed(ExitCode.USAGE, f"--profile: {error}") from None
        return Search(units, Clock().now, self.profile, self.timeout_s, patience_s)


def _named(at: Sequence[Address]) -> str:
    """The places, where they are few."""
    few = ", ".join(str(one) for one in at)
    return few if len(at) <= FEW else f"{len(at)} addresses, {at[0]} to {at[-1]}"


def scan_command(named: Named, way: Way, write: Path | None, as_json: bool) -> None:
    wanted = way.search(serial=named.serial is not None)
    try:
        at = addresses(named)
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    found = searched(at, wanted)
    if not found:
        raise CommandFailed(ExitCode.UNREACHABLE, f"nothing answered at {_named(at)}")
    known = [one for one in found if one.model]
    if as_json:
        print_json({"found": [body(one) for one in found], "config": configured(known)}, indent=2)
    else:
        print_found(found)
    conclude(known, None, write, as_json)


def searched(at: Sequence[Address], wanted: Search) -> list[Found]:
    """What answers there, with a bar on the terminal meanwhile."""
    from tradelane.gateway.progress import progress_bar
    from tradelane.meter.modbus_scan import search

    with progress_bar() as told:
        return asyncio.run(search(at, wanted, _counted(len(at) * len(wanted.units), told)))


def addresses(named: Named) -> tuple[Address, ...]:
    """ValueError names the option that is wrong."""
    if named.serial is not None:
        each = product(named.bauds or (9600,), named.parities or ("N",), named.stopbits or (1,))
        return tuple(
            address(f"serial://{named.serial}?baud={baud}&parity={parity}&stopbits={stopbits}")
            for baud, parity, stopbits in dict.fromkeys(each)
        )
    hosts = (*named.hosts, *(scan.hosts_in(named.network) if named.network else ()))
    return scan.targets(hosts, named.ports or scan.PORTS, named.rtu)


def _counted(steps: int, told: Callable[[str, float | None], None]) -> Callable[[str], None]:
    done = 0

    def count(what: str) -> None:
        nonlocal done
        done += 1
        told(what, done / steps)

    return count


def configured(known: Sequence[Device], broker: Mqtt | None = None) -> str:
    """The sections that read what was found."""
    from tradelane.gateway.meter_section import sections

    return sections(known, (), broker)


def conclude(known: Sequence[Device], broker: Mqtt | None, write: Path | None, as_json: bool) -> None:
    """Write what was found into a configuration, or show what to write. CommandFailed."""
    if write is not None:
        _write(write, known, broker)
    elif known and not as_json:
        typer.echo(f"\n{configured(known, broker)}", nl=False)


def _write(path: Path, found: Sequence[Device], broker: Mqtt | None) -> None:
    from tradelane.gateway.config import ConfigError
    from tradelane.gateway.meter_section import append

    try:
        added = append(path, found, broker)
    except ConfigError as error:
        raise CommandFailed(ExitCode.CONFIG, str(error)) from None
    except OSError as error:
        raise CommandFailed(ExitCode.FAILURE, f"{path}: cannot write: {error.strerror or error}") from None
    typer.echo(f"{path}: {added} added, {len(found) - added} there before", err=True)


def print_found(found: Sequence[Found]) -> None:
    print_table(("address", "unit", "is", "profile", "shows"), [_row(one) for one in found])


def body(one: Found) -> dict[str, Any]:
    """In JSON."""
    return {
        "address": str(one.address),
        "unit": one.unit,
        "model": one.model or None,
        "serial": one.serial or None,
        "profile": one.profile,
        "alike": list(one.alike),
        "also": list(one.also),
        "readings": [reading.to_json() for reading in one.readings],
        "trouble": one.trouble or None,
    }


def _row(one: Found) -> tuple[str, str, str, str, str]:
    shows = shown(one.readings) or one.trouble
    units = ", ".join(str(unit) for unit in (one.unit, *one.also))
    return str(one.address), units, one.model or "unknown", one.profile or "", shows


def shown(readings: Sequence[Reading]) -> str:
    """Each role's power."""
    powers = ((one.role, one.values.get("power_w")) for one in readings)
    return ", ".join(f"{role} {'unknown' if power is None else f'{power} W'}" for role, power in powers)
