"""``scan``: meters where somebody says. Its options; what it does stands in ``scanning``, ``listening`` and
``announcing``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.options import (
    AsJson,
    CaFile,
    CertFile,
    KeyFile,
    PasswordFile,
    Timeout,
    Tls,
    User,
    said,
)
from tradelane.gateway.commands.places import Place, place_of


def scan(
    context: typer.Context,
    host: Annotated[list[str] | None, typer.Option(help="Host to look at; may be repeated.")] = None,
    network: Annotated[str | None, typer.Option(help="Or all of 192.168.1.0/24; none wider.")] = None,
    port: Annotated[list[int] | None, typer.Option(min=1, max=65535, help="Default: 502 and 1502.")] = None,
    rtu: Annotated[bool, typer.Option("--rtu", help="The hosts pass serial frames through.")] = False,
    serial: Annotated[str | None, typer.Option(help="Or a serial line, /dev/ttyUSB0.")] = None,
    baud: Annotated[
        list[int] | None, typer.Option(help="Of the line; may be repeated. Default: 9600.")
    ] = None,
    parity: Annotated[list[str] | None, typer.Option(help="N, E or O; may be repeated. Default: N.")] = None,
    stopbits: Annotated[list[int] | None, typer.Option(help="1 or 2; may be repeated. Default: 1.")] = None,
    units: Annotated[str | None, typer.Option(help="1,3,100-110. Default: usual ones; serial: all.")] = None,
    profile: Annotated[str | None, typer.Option(help="Of what does not say what it is.")] = None,
    broker: Annotated[str | None, typer.Option(help="Or listen at HOST:PORT for MQTT.")] = None,
    topic: Annotated[str, typer.Option(help="MQTT: only on these topics.")] = "#",
    mdns: Annotated[bool, typer.Option("--mdns", help="Or tell what announces itself here.")] = False,
    probe: Annotated[bool, typer.Option("--probe", help="--mdns: and look at each of it.")] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=3600, help="Listen so long. Default: 30; --mdns: 5.")
    ] = None,
    user: User = None,
    password_file: PasswordFile = None,
    tls: Tls = False,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
    write: Annotated[Path | None, typer.Option(help="Add what is found to this configuration.")] = None,
    timeout: Timeout = 1.0,
    as_json: AsJson = False,
) -> None:
    """Find meters where you say: on Modbus, at an MQTT broker, by mDNS. Nothing is written to them."""
    try:
        place = place_of(said(context))
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    if place is Place.MDNS:
        from tradelane.gateway.commands.announcing import announced_command

        announced_command(seconds, as_json)
    elif place is Place.BROKER:
        from tradelane.gateway.commands.listening import listen_command
        from tradelane.gateway.commands.reading import Login

        assert broker is not None
        login = Login(user, password_file, tls, ca_file, cert_file, key_file)
        listen_command(broker, login, topic, seconds, write, as_json)
    else:
        from tradelane.gateway.commands.announcing import probe_command
        from tradelane.gateway.commands.scanning import Named, Way, scan_command

        way = Way(units, profile, timeout)
        if place is Place.PROBE:
            probe_command(seconds, way, write, as_json)
            return
        line = (tuple(baud or ()), tuple(parity or ()), tuple(stopbits or ()))
        named = Named(tuple(host or ()), network, tuple(port or ()), rtu, serial, *line)
        scan_command(named, way, write, as_json)
