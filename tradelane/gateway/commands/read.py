"""``read``: a meter's readings, once or on and on."""

from __future__ import annotations

from typing import Annotated

import typer

from tradelane.gateway.commands.help import group
from tradelane.gateway.commands.options import (
    AsJson,
    CaFile,
    CertFile,
    Count,
    Every,
    Follow,
    KeyFile,
    PasswordFile,
    Raw,
    Timeout,
    Tls,
    User,
)

app = group("Read a meter, once or on and on.")


@app.command("modbus")
def modbus(
    host: Annotated[str | None, typer.Option(help="Host name or address, for Modbus TCP.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 502,
    url: Annotated[
        str | None,
        typer.Option(
            help="Or tcp://HOST:PORT, rtu+tcp://HOST:PORT, serial:///dev/ttyUSB0?baud=9600&parity=N"
        ),
    ] = None,
    unit: Annotated[int, typer.Option(min=0, max=247, help="Modbus device id.")] = 1,
    profile: Annotated[str | None, typer.Option(help="Default: ask the device (SunSpec).")] = None,
    timeout: Timeout = 3.0,
    raw: Raw = False,
    follow: Follow = False,
    every: Every = None,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """One reading of each role (grid, solar, battery, load) of a Modbus device."""
    from tradelane.gateway.commands.following import pacing
    from tradelane.gateway.commands.reading import read_modbus

    read_modbus(host, port, url, unit, profile, timeout, as_json, pacing(follow, every, count), raw)


@app.command("mqtt")
def mqtt(
    broker: Annotated[str, typer.Option(help="HOST:PORT")],
    topic: Annotated[str, typer.Option(help="Topic the meter publishes on; + and # allowed.")],
    dialect: Annotated[str | None, typer.Option(help="How its messages are spelt. Default: guess.")] = None,
    user: User = None,
    password_file: PasswordFile = None,
    tls: Tls = False,
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
    timeout: Timeout = 30.0,
    raw: Raw = False,
    follow: Follow = False,
    every: Every = None,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """What the meters on a topic show, as readings."""
    from tradelane.gateway.commands.following import pacing
    from tradelane.gateway.commands.reading import Login, read_mqtt

    login = Login(user, password_file, tls, ca_file, cert_file, key_file)
    read_mqtt(broker, topic, dialect, login, timeout, as_json, pacing(follow, every, count), raw)


def _pushed(protocol: str, whose: str) -> None:
    @app.command(protocol, help=f"The next reading that {whose} gives by itself.")
    def heard(
        port: Annotated[str | None, typer.Option(help="/dev/ttyUSB0?baud=9600&parity=E")] = None,
        host: Annotated[str | None, typer.Option(help="Or HOST:PORT of a converter.")] = None,
        timeout: Timeout = 30.0,
        follow: Follow = False,
        every: Every = None,
        count: Count = None,
        as_json: AsJson = False,
    ) -> None:
        from tradelane.gateway.commands.following import pacing
        from tradelane.gateway.commands.reading import push_url, read_push

        read_push(push_url(protocol, port, host), timeout, as_json, pacing(follow, every, count))


_pushed("sml", "a German meter with an optical head")
_pushed("p1", "a Dutch, Belgian or Luxembourg meter")
_pushed("han", "a Norwegian or Swedish meter")
