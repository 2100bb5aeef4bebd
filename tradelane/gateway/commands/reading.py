"""``read modbus``, ``mqtt``, ``sml``, ``p1`` and ``han``: one look at a meter, or one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradelane.gateway.clock import Clock
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.following import Close, Look, Pacing, follow
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.meter import dialect as dialects
from tradelane.meter import profile as profiles
from tradelane.meter.modbus_url import Address, TcpAddress, address
from tradelane.meter.push_url import push_address
from tradelane.meter.reading import MeterError, Reading, Unreachable
from tradelane.meter.value_names import obis_of, unit_of

if TYPE_CHECKING:
    from tradelane.meter.mqtt import Broker

MQTT_PORT = 1883

Raw = list[dict[str, Any]]
"""What a device said, in its public form."""


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
    raw: bool = False,
) -> None:
    """``pace`` None: one look; ``raw``: with the registers it was read from."""
    from tradelane.meter.device import Device
    from tradelane.meter.modbus_line import ModbusLine
    from tradelane.meter.recording import RecordingBus

    try:
        known = None if profile is None else profiles.load(profile)
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, f"--profile: {error}") from None
    now = Clock().now
    at = _address(host, port, url)
    line = ModbusLine.to(at, [known], timeout_s)
    bus = RecordingBus(line)
    device = Device(bus, f"{at}/{unit}", unit, known)

    async def look() -> list[Reading]:
        try:
            return await device.read(now)
        except MeterError:
            device.forget()
            raise

    def said() -> Raw:
        return [one.to_json() for one in bus.take()]

    _look(look, line.close, pace, Shown(as_json, said if raw else None))


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
    raw: bool = False,
) -> None:
    """``dialect`` None: the only one that fits; ``pace`` None: one look, else several over one connection;
    ``raw``: with the messages they were read from."""
    from tradelane.meter.mqtt_look import Follower
    from tradelane.meter.recording import message_json

    at = broker_at(broker, login)
    try:
        known = None if dialect is None else dialects.load(dialect)
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, f"--dialect: {error}") from None
    follower = Follower(at, topic, known, Clock().now)

    async def look() -> list[Reading]:
        return await follower.look(timeout_s)

    def said() -> Raw:
        messages = [message_json(one) for one in follower.said]
        follower.said.clear()
        return messages

    _look(look, follower.close, pace, Shown(as_json, said if raw else None))


def broker_at(text: str, login: Login) -> Broker:
    """``--broker`` with its login. CommandFailed names the option that is wrong."""
    from tradelane.meter.mqtt import Broker

    host, port = host_and_port(text, MQTT_PORT, "--broker")
    if login.key_file is not None and login.cert_file is None:
        raise CommandFailed(ExitCode.USAGE, "--key-file: a key needs its --cert-file")
    password = _secret(login.password_file)
    at = Broker(host, port, login.user, password, login.tls, login.ca_file, login.cert_file, login.key_file)
    try:
        at.context()
    except MeterError as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    return at


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

    _look(look, _nothing, pace, Shown(as_json))


def push_url(protocol: str, port: str | None, host: str | None) -> str:
    """Of the options a command has: a serial port, or HOST:PORT. CommandFailed unless it is one of them."""
    if (port is None) == (host is None):
        raise CommandFailed(ExitCode.USAGE, "--port or --host: give one of them")
    return f"{protocol}+tcp://{host}" if port is None else f"{protocol}://{port}"


async def _nothing() -> None:
    """A look that closes after itself."""


def _look(look: Look, close: Close, pace: Pacing | None, shown: Shown) -> None:
    async def told() -> list[Reading]:
        try:
            return await look()
        except MeterError:
            shown.failed()
            raise

    if pace is not None:
        follow(told, close, pace, shown.show)
        return

    async def once() -> list[Reading]:
        try:
            return await told()
        finally:
            await close()

    shown.show(run(once()))


def run(read: Coroutine[Any, Any, list[Reading]]) -> list[Reading]:
    """The readings, or CommandFailed with the code that tells a silent device from a strange one."""
    try:
        return asyncio.run(read)
    except Unreachable as error:
        raise CommandFailed(ExitCode.UNREACHABLE, str(error)) from None
    except MeterError as error:
        raise CommandFailed(ExitCode.FAILURE, str(error)) from None


@dataclass(frozen=True, slots=True)
class Shown:
    """How readings are printed: one JSON object a line, or one table a reading; ``raw`` takes what the device
    said since the last time, which is shown beside them, or alone when it could not be read."""

    as_json: bool
    raw: Callable[[], Raw] | None = None

    def show(self, readings: list[Reading]) -> None:
        said = None if self.raw is None else self.raw()
        for reading in readings:
            body = reading.to_json()
            if self.as_json:
                print_json(body if said is None else body | {"raw": said})
            else:
                self._table(reading, body)
        if said is not None and not self.as_json:
            _raw_table(said)

    def failed(self) -> None:
        said = [] if self.raw is None else self.raw()
        if said and self.as_json:
            print_json({"raw": said})
        elif said:
            _raw_table(said)

    def _table(self, reading: Reading, body: dict[str, Any]) -> None:
        title = f"{reading.meter}  {reading.role}  {reading.profile}  {reading.quality}"
        times = [(name, body[name], "", "") for name in ("gateway_time", "device_time")]
        rows = [
            (name, "unknown" if value is None else value, unit_of(name), obis_of(reading.role, name))
            for name, value in body["values"].items()
        ]
        print_table(("value", "", "unit", "OBIS"), times + rows, title)


def _raw_table(said: Raw) -> None:
    if "topic" in (said[0] if said else {}):
        rows = [(one["topic"], one.get("payload", one.get("payload_hex"))) for one in said]
        print_table(("topic", "payload"), rows)
        return
    columns = ("unit", "function", "address", "count")
    words = [(*(one[key] for key in columns), one.get("error") or " ".join(one["words"])) for one in said]
    print_table((*columns, "words"), words)


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
