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
    from tradelane.gateway.sections import Mqtt

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
    units: str | None = None


def scan_command(
    named: Named, profile: str | None, timeout_s: float, write: Path | None, as_json: bool
) -> None:
    from tradelane.gateway.meter_section import sections
    from tradelane.gateway.progress import progress_bar
    from tradelane.meter.modbus_scan import Search, search

    try:
        at, units = addresses(named), units_of(named)
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    try:
        _ = profile and profiles.load(profile)
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, f"--profile: {error}") from None
    patience_s = min(timeout_s, SERIAL_PATIENCE_S) if named.serial else timeout_s
    wanted = Search(units, Clock().now, profile, timeout_s, patience_s)
    with progress_bar() as told:
        count = _counted(len(at) * len(units), told)
        found = asyncio.run(search(at, wanted, count))
    if not found:
        raise CommandFailed(ExitCode.UNREACHABLE, f"nothing answered at {len(at)} addresses")
    known = [one for one in found if one.model]
    if as_json:
        print_json({"found": [_body(one) for one in found], "config": sections(known)}, indent=2)
    else:
        print_table(("address", "unit", "is", "profile", "shows"), [_row(one) for one in found])
    if write is not None:
        write_sections(write, known)
    elif known and not as_json:
        typer.echo(f"\n{sections(known)}", nl=False)


def addresses(named: Named) -> tuple[Address, ...]:
    """ValueError names the option that is wrong."""
    if named.serial is not None:
        if named.hosts or named.network:
            raise ValueError("--serial: give it alone, without --host and --network")
        each = product(named.bauds or (9600,), named.parities or ("N",), named.stopbits or (1,))
        return tuple(
            address(f"serial://{named.serial}?baud={baud}&parity={parity}&stopbits={stopbits}")
            for baud, parity, stopbits in dict.fromkeys(each)
        )
    if named.bauds or named.parities or named.stopbits:
        raise ValueError("--baud, --parity and --stopbits: give --serial with them")
    if not named.hosts and named.network is None:
        raise ValueError("--host, --network or --serial: say where to look")
    hosts = (*named.hosts, *(scan.hosts_in(named.network) if named.network else ()))
    return scan.targets(hosts, named.ports or scan.PORTS, named.rtu)


def units_of(named: Named) -> tuple[int, ...]:
    if named.units is not None:
        return scan.units_in(named.units)
    return scan.SERIAL_UNITS if named.serial else scan.TCP_UNITS


def _counted(steps: int, told: Callable[[str, float | None], None]) -> Callable[[str], None]:
    done = 0

    def count(what: str) -> None:
        nonlocal done
        done += 1
        told(what, done / steps)

    return count


def write_sections(path: Path, found: Sequence[Any], broker: Mqtt | None = None) -> None:
    """Adds what was found to a configuration and says so. CommandFailed."""
    from tradelane.gateway.config import ConfigError
    from tradelane.gateway.meter_section import append

    try:
        added = append(path, found, broker)
    except ConfigError as error:
        raise CommandFailed(ExitCode.CONFIG, str(error)) from None
    except OSError as error:
        raise CommandFailed(ExitCode.FAILURE, f"{path}: cannot write: {error.strerror or error}") from None
    typer.echo(f"{path}: {added} added, {len(found) - added} there before", err=True)


def _body(one: Any) -> dict[str, Any]:
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


def _row(one: Any) -> tuple[str, str, str, str, str]:
    shows = shown(one.readings) or one.trouble
    units = ", ".join(str(unit) for unit in (one.unit, *one.also))
    return str(one.address), units, one.model or "unknown", one.profile or "", shows


def shown(readings: Sequence[Reading]) -> str:
    """Each role's power."""
    powers = ((one.role, one.values.get("power_w")) for one in readings)
    return ", ".join(f"{role} {'unknown' if power is None else f'{power} W'}" for role, power in powers)
