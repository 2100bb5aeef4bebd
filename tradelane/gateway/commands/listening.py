"""``scan --broker``: meters that publish to an MQTT broker. It only listens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.gateway.commands.reading import Login, broker_at
from tradelane.gateway.commands.scanning import conclude, configured, shown
from tradelane.meter.reading import MeterError, Unreachable

if TYPE_CHECKING:
    from tradelane.gateway.sections import Mqtt
    from tradelane.meter.mqtt import Broker
    from tradelane.meter.mqtt_scan import Heard


LISTEN_S = 30.0


def listen_command(
    broker: str, login: Login, topic: str, seconds: float | None, write: Path | None, as_json: bool
) -> None:
    """``seconds``: how long it listens on ``topic``."""
    at = broker_at(broker, login)
    found = heard(at, seconds or LISTEN_S, topic)
    named = section_of(at, login)
    known = [one for one in found if one.topic]
    if as_json:
        print_json({"found": [body(one) for one in found], "config": configured(known, named)}, indent=2)
    else:
        print_heard(found)
    conclude(known, named, write, as_json)


def section_of(at: Broker, login: Login) -> Mqtt:
    """``[edge.mqtt]`` of a configuration that listens there."""
    from tradelane.gateway.sections import Mqtt

    return Mqtt(host=at.host, port=at.port, **asdict(login))


def heard(at: Broker, seconds: float, topic: str = "#") -> list[Heard]:
    """Who speaks there, with a bar on the terminal meanwhile. CommandFailed when nobody does."""
    from tradelane.gateway.progress import progress_bar, timed
    from tradelane.meter.mqtt_scan import listen

    try:
        with progress_bar() as told:
            listening = listen(at, seconds, Clock().now, topic)
            found = asyncio.run(timed(listening, seconds, told, f"listening at {at}"))
    except Unreachable as error:
        raise CommandFailed(ExitCode.UNREACHABLE, str(error)) from None
    except MeterError as error:
        raise CommandFailed(ExitCode.FAILURE, str(error)) from None
    if not found:
        raise CommandFailed(
            ExitCode.UNREACHABLE, f"{at}: nothing that is known as a meter spoke on {topic} in {seconds:g} s"
        )
    return found


def print_heard(found: Sequence[Heard]) -> None:
    print_table(("device", "dialect", "topic", "shows"), [_row(one) for one in found])


def body(one: Heard) -> dict[str, Any]:
    """In JSON."""
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
