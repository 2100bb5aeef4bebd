"""``scan --mdns``: what announces itself on the local network, and the command that looks closer at it; with
``--probe`` it looks itself: at the Modbus devices, and, without a login, at the brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tradelane.gateway.commands import listening, scanning
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.gateway.commands.reading import Login
from tradelane.meter.modbus_url import TcpAddress

if TYPE_CHECKING:
    from tradelane.gateway.meter_section import Device
    from tradelane.meter.mdns_scan import Announced
    from tradelane.meter.modbus_scan import Found, Search
    from tradelane.meter.mqtt import Broker
    from tradelane.meter.mqtt_scan import Heard

BROWSE_S = 5.0


def announced_command(seconds: float | None, as_json: bool) -> None:
    """Asks multicast DNS alone, no device."""
    found = announced(seconds or BROWSE_S)
    if as_json:
        print_json({"announced": [_body(one) for one in found]}, indent=2)
    else:
        _print_announced(found)


def announced(seconds: float) -> list[Announced]:
    """What announces itself, with a bar on the terminal meanwhile. CommandFailed when nothing does."""
    from tradelane.gateway.progress import progress_bar, timed
    from tradelane.meter.mdns_scan import browse

    try:
        with progress_bar() as told:
            found = asyncio.run(timed(browse(seconds), seconds, told, "waiting for announcements"))
    except OSError as error:
        raise CommandFailed(
            ExitCode.FAILURE, f"--mdns: no multicast here: {error.strerror or error}"
        ) from None
    if not found:
        raise CommandFailed(ExitCode.UNREACHABLE, f"--mdns: nothing announced itself in {seconds:g} s")
    return found


@dataclass(slots=True)
class Probed:
    """What was found at what had announced itself. ``silent``: where there was nothing, and why."""

    units: list[Found] = field(default_factory=list)
    heard: dict[Broker, list[Heard]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)


def probe_command(seconds: float | None, way: scanning.Way, write: Path | None, as_json: bool) -> None:
    """Look at what announces itself, as ``scan --host`` and ``scan --broker`` would."""
    wanted = way.search()
    found = announced(seconds or BROWSE_S)
    probed = probe(found, wanted, seconds or listening.LISTEN_S)
    for line in probed.silent:
        typer.echo(line, err=True)
    conclude(found, probed, write, as_json)


def probe(found: Sequence[Announced], wanted: Search, seconds: float) -> Probed:
    """``seconds``: how long each broker is listened to."""
    from tradelane.meter.mqtt import Broker

    at = [TcpAddress(host, port) for host, port in _places(found, "modbus")]
    units = scanning.searched(at, wanted)
    answered = {one.address for one in units}
    probed = Probed(units, silent=[f"{one}: nothing answered" for one in at if one not in answered])
    for host, port in _places(found, "mqtt"):
        broker = Broker(host, port)
        try:
            probed.heard[broker] = listening.heard(broker, seconds)
        except CommandFailed as failed:
            probed.silent.append(str(failed))
    return probed


def conclude(found: Sequence[Announced], probed: Probed, write: Path | None, as_json: bool) -> None:
    """Show it, and write it where asked. CommandFailed where there is nothing, or it cannot be written."""
    if not (probed.units or probed.heard):
        raise CommandFailed(ExitCode.UNREACHABLE, f"--mdns: none of {len(found)} announced shows a meter")
    brokers = [at for at, heard in probed.heard.items() if any(one.topic for one in heard)]
    known: list[Device] = [one for one in probed.units if one.model]
    known += [one for at in brokers[:1] for one in probed.heard[at] if one.topic]
    section = listening.section_of(brokers[0], Login()) if brokers else None
    if as_json:
        shown = [scanning.body(one) for one in probed.units]
        shown += [listening.body(one) for heard in probed.heard.values() for one in heard]
        config = scanning.configured(known, section)
        print_json({"announced": [_body(one) for one in found], "found": shown, "config": config}, indent=2)
    else:
        _print_announced(found)
        _print_probed(probed)
    for other in brokers[1:]:
        typer.echo(f"{other}: left out, a configuration has one broker, and {brokers[0]} is it", err=True)
    scanning.conclude(known, section, write, as_json)


def _print_probed(probed: Probed) -> None:
    if probed.units:
        typer.echo()
        scanning.print_found(probed.units)
    for at, heard in probed.heard.items():
        typer.echo(f"\n{at}")
        listening.print_heard(heard)


def _places(found: Sequence[Announced], speaks: str) -> list[tuple[str, int]]:
    return list(dict.fromkeys((one.hosts[0], one.port) for one in found if one.service.speaks == speaks))


def _print_announced(found: Sequence[Announced]) -> None:
    rows = [(one.name, f"{one.hosts[0]}:{one.port}", one.service.says, closer(one)) for one in found]
    print_table(("name", "address", "is", "look closer by"), rows)


def closer(one: Announced) -> str:
    """The command that reads it; empty where it does not say that it speaks what is read here."""
    host = one.hosts[0]
    if one.service.speaks == "modbus":
        return f"tradelane scan --host {host} --port {one.port}"
    if one.service.speaks == "mqtt":
        return f"tradelane scan --broker {f'[{host}]' if ':' in host else host}:{one.port}"
    return ""


def _body(one: Announced) -> dict[str, object]:
    return {
        "name": one.name,
        "hosts": list(one.hosts),
        "port": one.port,
        "is": one.service.says,
        "speaks": one.service.speaks or None,
        "command": closer(one) or None,
    }
