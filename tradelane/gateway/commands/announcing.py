"""``scan --mdns``: what announces itself on the local network, and the command that looks closer at it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table

if TYPE_CHECKING:
    from tradelane.meter.mdns_scan import Announced


def announced_command(seconds: float, as_json: bool) -> None:
    """Asks multicast DNS alone, no device."""
    from tradelane.meter.mdns_scan import browse

    try:
        found = asyncio.run(browse(seconds))
    except OSError as error:
        raise CommandFailed(
            ExitCode.FAILURE, f"--mdns: no multicast here: {error.strerror or error}"
        ) from None
    if not found:
        raise CommandFailed(ExitCode.UNREACHABLE, f"--mdns: nothing announced itself in {seconds:g} s")
    if as_json:
        print_json({"announced": [_body(one) for one in found]}, indent=2)
    else:
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
