"""``scan --broker``: meters that publish to an MQTT broker. It only listens."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.gateway.commands.reading import Login, broker_at
from tradelane.gateway.commands.scanning import shown, write_sections
from tradelane.meter.reading import MeterError, Unreachable

if TYPE_CHECKING:
    from tradelane.meter.mqtt_scan import Heard


def listen_command(
    broker: str, login: Login, topic: str, seconds: float, write: Path | None, as_json: bool
) -> None:
    """``seconds``: how long it listens on ``topic``."""
    from tradelane.gateway.meter_section import sections
    from tradelane.gateway.sections import Mqtt
    from tradelane.meter.mqtt_scan import listen

    at = broker_at(broker, login)
    try:
        found = asyncio.run(listen(at, seconds, Clock().now, topic))
    except Unreachable as error:
        raise CommandFailed(ExitCode.UNREACHABLE, str(error)) from None
    except MeterError as error:
        raise CommandFailed(ExitCode.FAILURE, str(error)) from None
    if not found:
        raise CommandFailed(
            ExitCode.UNREACHABLE, f"{at}: nothing that is known as a meter spoke on {topic} in {seconds:g} s"
        )
    named = Mqtt(host=at.host, port=at.port, **asdict(login))
    known = [one for one in found if one.topic]
    if as_json:
        body = {"found": [_body(one) for one in found], "config": sections(known, (), named)}
        print_json(body, indent=2)
    else:
        print_table(("device", "dialect", "topic", "shows"), [_row(one) for one in found])
    if write is not None:
        write_sections(write, known, named)
    elif known and not as_json:
        typer.echo(f"\n{sections(known, (), named)}", nl=False)


def _body(one: Heard) -> dict[str, Any]:
    return {
        "meter": one.meter,
        "dialect": one.dialect,
        "topic": one.topic or None,
        "alike": list(one.alike),
        "readings": [reading.to_json() for reading in one.readings],
        "trouble": one.trouble or None,
    }


def _row(one: Heard) -> tuple[str, str, str, str]:
    return one.meter, one.dialect, one.topic, one.trouble or shown(one.readings)
