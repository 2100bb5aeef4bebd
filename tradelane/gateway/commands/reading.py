"""``read modbus``, ``mqtt``, ``sml``, ``p1`` and ``han``: one look at a meter, or one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.following import Close, Look, Pacing, follow
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.meter import dialect as dialects
from tradelane.meter import profile as profiles
from tradelane.meter.modbus_url import Address, TcpAddress, address
from tradelane.meter.push_url import push_address
from tradelane.meter.reading import MeterError, Reading, Unreachable

MQTT_PORT = 1883


@dataclass(frozen=True, slots=True)
class Login:
    """As whom to log in at a broker, and whom to trust there."""

    user: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def read_modbus(
    host: str | None,
    port: int,
    url: str | None,
    unit: int,
    profile: str | None,
    timeout_s: float,
    as_json: bool,
    pace: Pacing | None = None,
) -> None:
    """``pace`` None: one look."""
    from tradelane.meter.device import Device
    from tradelane.meter.modbus_line import ModbusLine

    try:
        known = None if profile is None else profiles.load(profile)
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, f"--profile: {error}") from None
    now = Clock().now
    at = _address(host, port, url)
    line = ModbusLine(at, timeout_s, 0 if known is None else known.connect_delay_ms / 1000)
    device = Device(line, f"{at}/{unit}", unit, known)

    async def look() -> list[Reading]:
        try:
            return await device.read(now)
        except MeterError:
            device.forget()
            raise

    _look(look, line.close, pace, as_json)


def _address(host: str | None, port: int, url: str | None) -> Address:
    if host is not None and url is None:
        return TcpAddress(host, port)
    if host is not None or url is None:
        raise CommandFailed(ExitCode.USAGE, "--host or --url: give one of them")
    try:
        return address(url)
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, f"--url: {error}") from None


def read_mqtt(
    broker: str,
    topic: str,
    dialect: str | None,
    login: Login,
    timeout_s: float,
    as_json: bool,
    pace: Pacing | None = None,
) -> None:
    """``dialect`` None: the only one that fits, found anew at each look; ``pace`` None: one look."""
    from tradelane.meter import mqtt_look
    from tradelane.meter.mqtt import Broker

    host, port = host_and_port(broker, MQTT_PORT, "--broker")
    try:
        known = None if dialect is None else dialects.load(dialect)
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, f"--dialect: {error}") from None
    if login.key_file is not None and login.cert_file is None:
        raise CommandFailed(ExitCode.USAGE, "--key-file: a key needs its --cert-file")
    password = _secret(login.password_file)
    at = Broker(host, port, login.user, password, login.tls, login.ca_file, login.cert_file, login.key_file)
    try:
        at.context()
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    now = Clock().now

    async def look() -> list[Reading]:
        return await mqtt_look.read_once(at, topic, known, timeout_s, now)

    _look(look, _nothing, pace, as_json)


def read_push(url: str, timeout_s: float, as_json: bool, pace: Pacing | None = None) -> None:
    """The next frame of a smart meter that speaks by itself at ``url``; ``pace`` None: one."""
    from tradelane.meter.serial_push import hear_once

    try:
        at = push_address(url)
    except ValueError as error:
        raise CommandFailed(ExitCode.USAGE, f"--port or --host: {error}") from None
    now = Clock().now

    async def look() -> list[Reading]:
        return await hear_once(at, timeout_s, now)

    _look(look, _nothing, pace, as_json)


def push_url(protocol: str, port: str | None, host: str | None) -> str:
    """Of the options a command has: a serial port, or HOST:PORT. CommandFailed unless it is one of them."""
    if (port is None) == (host is None):
        raise CommandFailed(ExitCode.USAGE, "--port or --host: give one of them")
    return f"{protocol}+tcp://{host}" if port is None else f"{protocol}://{port}"


async def _nothing() -> None:
    """A look that closes after itself."""


def _look(look: Look, close: Close, pace: Pacing | None, as_json: bool) -> None:
    if pace is not None:
        follow(look, close, pace, lambda readings: show(readings, as_json))
        return

    async def once() -> list[Reading]:
        try:
            return await look()
        finally:
            await close()

    show(run(once()), as_json)


def run(read: Coroutine[Any, Any, list[Reading]]) -> list[Reading]:
    """The readings, or CommandFailed with the code that tells a silent device from a strange one."""
    try:
        return asyncio.run(read)
    except Unreachable as error:
        raise CommandFailed(ExitCode.UNREACHABLE, str(error)) from None
    except MeterError as error:
        raise CommandFailed(ExitCode.FAILURE, str(error)) from None


def show(readings: list[Reading], as_json: bool) -> None:
    """One JSON object a line, or one table a reading."""
    for reading in readings:
        body = reading.to_json()
        if as_json:
            print_json(body)
        else:
            title = f"{reading.meter}  {reading.role}  {reading.profile}  {reading.quality}"
            times = [("gateway_time", body["gateway_time"]), ("device_time", body["device_time"])]
            rows = [(name, "unknown" if value is None else value) for name, value in body["values"].items()]
            print_table(("value", ""), times + rows, title)


def host_and_port(text: str, default: int, option: str) -> tuple[str, int]:
    """``host``, ``host:port`` or ``[v6]:port``. CommandFailed names the option."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
        raise CommandFailed(ExitCode.USAGE, f"{option}: {text!r} is not HOST:PORT")
    return host, int(port)


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandFailed(ExitCode.USAGE, f"--password-file: cannot read {path}") from None
