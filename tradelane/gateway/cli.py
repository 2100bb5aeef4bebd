"""The command line: names, options and help of every command. What they do stands in ``commands/``.

Always true: an error is one line on stderr, ``error: …``, and an exit code of ``ExitCode``. Every heavy
import is inside its command, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tradelane.gateway.commands import customs
from tradelane.gateway.commands.failure import MEANINGS, CommandFailed, ExitCode

EPILOG = "Exit codes: " + ", ".join(f"{code.value} {words}" for code, words in MEANINGS.items()) + "."
DEBUG = "TRADELANE_DEBUG"
INTERRUPTED = 130

HELP = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    name="tradelane",
    help="Sell a roof's power or a workshop's goods abroad: read meters, match, deliver, settle.",
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
read = typer.Typer(help="Read a meter, once or on and on.", context_settings=HELP, epilog=EPILOG)
app.add_typer(read, name="read")
app.add_typer(customs.app, name="hub")


class What(StrEnum):
    """What ``export`` can write."""

    TRADES = "trades"
    READINGS = "readings"
    PRICES = "prices"
    JOURNAL = "journal"
    INTERVALS = "intervals"
    EVENTS = "events"
    PROOF = "proof"


class Form(StrEnum):
    """How ``export`` writes it."""

    CSV = "csv"
    JSON = "json"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigFile = Annotated[
    Path, typer.Option("--config", envvar="TRADELANE_CONFIG", help="The configuration file, TOML.")
]
Meter = Annotated[str | None, typer.Option(help="Readings: which meter, where there are several.")]
Since = Annotated[str | None, typer.Option("--from", help="Readings: of the period from here (ISO 8601).")]
Until = Annotated[str | None, typer.Option("--to", help="Readings: and until here.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")]
Every = Annotated[float | None, typer.Option(min=0.1, max=86400, help="Seconds between. Default: 5.")]
Count = Annotated[int | None, typer.Option(min=1, help="Or go on until so many looks.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for the device.")]


def run(arguments: list[str] | None = None) -> int:
    """The exit code of one command line (default: the process's own)."""
    try:
        code = app(arguments, prog_name="tradelane", standalone_mode=False)
    except CommandFailed as failed:
        return _failed(str(failed), failed.code)
    except typer.TyperException as wrong:
        return _failed(f"{wrong.format_message()} (see {_help_of(wrong)})", wrong.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILURE
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        reason = str(error).partition("\n")[0]
        return _failed(f"{type(error).__name__}: {reason} (a fault of ours; {DEBUG}=1 shows where)", 1)
    return code if isinstance(code, int) else ExitCode.OK


def main() -> NoReturn:
    """The ``tradelane`` program."""
    sys.exit(run())


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print it.")] = False
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("tradelane"))
        raise typer.Exit
    _help_alone(context)


@read.callback(invoke_without_command=True)
def read_top(context: typer.Context) -> None:
    _help_alone(context)


@app.command()
def demo(
    intervals: Annotated[int | None, typer.Option(min=1, help="Stop after so many intervals.")] = None,
    speed: Annotated[int, typer.Option(min=1, help="Market seconds per second.")] = 90,
    headless: Annotated[
        bool, typer.Option("--headless", help="No page opened, no terminal picture.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any free one.")] = 8080,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weather and households.")] = 1,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the data here.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the data when it ends.")] = False,
    mqtt: Annotated[str | None, typer.Option(help="HOST:PORT of a broker to use.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch simulated rooftops in several zones trade."""
    from tradelane.gateway.commands.demo import DemoOptions
    from tradelane.gateway.commands.reading import MQTT_PORT, host_and_port
    from tradelane.gateway.demo import main as run_demo

    options = DemoOptions(
        intervals=intervals,
        speed=speed,
        seed=seed,
        port=port,
        headless=headless,
        browser=not (headless or no_browser),
        data_dir=data_dir,
        keep=keep or data_dir is not None,
        mqtt=None if mqtt is None else host_and_port(mqtt, MQTT_PORT, "--mqtt"),
        as_json=as_json,
    )
    raise typer.Exit(run_demo(options))


@app.command("run")
def run_roles(
    config: ConfigFile,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the databases and keys live.")] = None,
) -> None:
    """Run the roles a configuration has: edge, zone, hub."""
    from tradelane.gateway.commands.running import run_command

    raise typer.Exit(run_command(config, host, port, data_dir))


@read.command("modbus")
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
    follow: Follow = False,
    every: Every = None,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """One reading of each role (grid, solar, battery, load) of a Modbus device."""
    from tradelane.gateway.commands.following import pacing
    from tradelane.gateway.commands.reading import read_modbus

    read_modbus(host, port, url, unit, profile, timeout, as_json, pacing(follow, every, count))


@read.command("mqtt")
def mqtt(
    broker: Annotated[str, typer.Option(help="HOST:PORT")],
    topic: Annotated[str, typer.Option(help="Topic the meter publishes on; + and # allowed.")],
    dialect: Annotated[str | None, typer.Option(help="How its messages are spelt. Default: guess.")] = None,
    user: Annotated[str | None, typer.Option(help="To log in as.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="A file that holds the password.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt; trust the system's authorities.")] = False,
    ca_file: Annotated[Path | None, typer.Option(help="Encrypt; trust this authority.")] = None,
    cert_file: Annotated[Path | None, typer.Option(help="Our certificate.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    timeout: Timeout = 30.0,
    follow: Follow = False,
    every: Every = None,
    count: Count = None,
    as_json: AsJson = False,
) -> None:
    """What the meters on a topic show, as readings."""
    from tradelane.gateway.commands.following import pacing
    from tradelane.gateway.commands.reading import Login, read_mqtt

    login = Login(user, password_file, tls, ca_file, cert_file, key_file)
    read_mqtt(broker, topic, dialect, login, timeout, as_json, pacing(follow, every, count))


def _pushed(protocol: str, whose: str) -> None:
    @read.command(protocol, help=f"The next reading that {whose} gives by itself.")
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


@app.command("scan")
def scan(
    host: Annotated[list[str] | None, typer.Option(help="Host to look at; may be repeated.")] = None,
    network: Annotated[str | None, typer.Option(help="Or all of 192.168.1.0/24; none wider.")] = None,
    port: Annotated[list[int] | None, typer.Option(min=1, max=65535, help="Default: 502 and 1502.")] = None,
    rtu: Annotated[bool, typer.Option("--rtu", help="The hosts pass serial frames through.")] = False,
    serial: Annotated[str | None, typer.Option(help="Or a serial line, /dev/ttyUSB0.")] = None,
    baud: Annotated[
        list[int] | None, typer.Option(help="Of the line; may be repeated. Default: 9600.")
    ] = None,
    parity: Annotated[str, typer.Option(help="N, E or O.")] = "N",
    units: Annotated[str | None, typer.Option(help="1,3,100-110. Default: usual ones; serial: all.")] = None,
    profile: Annotated[str | None, typer.Option(help="Of what does not say what it is.")] = None,
    write: Annotated[Path | None, typer.Option(help="Add what is found to this configuration.")] = None,
    timeout: Timeout = 1.0,
    as_json: AsJson = False,
) -> None:
    """Find Modbus meters where you say; nothing is written to them."""
    from tradelane.gateway.commands.scanning import Named, scan_command

    at = Named(tuple(host or ()), network, tuple(port or ()), rtu, serial, tuple(baud or ()), parity, units)
    scan_command(at, profile, timeout, write, as_json)


@app.command()
def clear(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case file, tradelane.case/1.")],
    out: Annotated[str, typer.Option(help="Result file; - prints it.")] = "-",
    fills: Annotated[str | None, typer.Option(help="Name of a CSV beside it for the fills.")] = None,
    as_json: AsJson = False,
) -> None:
    """Clear a case file: prices, flows, fills and their proof."""
    from tradelane.gateway.commands.clearing import clear_command

    clear_command(case, out, fills, as_json)


@app.command()
def verify(
    case: Annotated[
        str, typer.Argument(metavar="CASE|readings", help="Case file, tradelane.case/1; or: readings.")
    ],
    result: Annotated[
        Path | None,
        typer.Argument(
            metavar="RESULT", help="Result file, tradelane.result/1; readings: an exported proof."
        ),
    ] = None,
    db: Annotated[Path | None, typer.Option(help="Readings: an edge's database instead of a file.")] = None,
    key: Annotated[str | None, typer.Option(help="Readings: the public key, text or PEM file.")] = None,
    head: Annotated[Path | None, typer.Option(help="Readings: heads kept elsewhere, as by the zone.")] = None,
    meter: Meter = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Prove a result against its case, without a solver; or a meter's readings, from its public key alone."""
    if case == "readings":
        from tradelane.gateway.commands.proving import Question, verify_readings

        verify_readings(Question(result, db, key, head, meter, since, until), as_json)
        return
    from tradelane.gateway.commands.clearing import verify_command

    if result is None:
        raise CommandFailed(ExitCode.USAGE, "verify: give CASE and RESULT, or: readings FILE --key KEY")
    verify_command(Path(case), result, as_json)


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", envvar="TRADELANE_CONFIG")] = None,
    profile: Annotated[Path | None, typer.Option(help="Check a meter profile instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a gateway's databases, chains and books."""
    from tradelane.gateway.commands.examining import doctor_command

    doctor_command(config, profile, as_json)


@app.command()
def export(
    config: ConfigFile,
    what: Annotated[What, typer.Option(help="What to write.")],
    form: Annotated[Form, typer.Option("--format")] = Form.CSV,
    out: Annotated[str, typer.Option(help="File; - prints it.")] = "-",
    meter: Meter = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write trades, readings, prices, the journal; or a period of readings that anyone can prove."""
    from tradelane.gateway.commands import exporting

    if what is What.PROOF:
        exporting.export_proof(config, out, meter, since, until)
    elif meter or since or until:
        raise CommandFailed(ExitCode.USAGE, "--meter, --from and --to are for --what proof")
    else:
        exporting.export_command(config, what.value, form.value, out)


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def _help_of(wrong: typer.TyperException) -> str:
    context = getattr(wrong, "ctx", None)
    return f"{context.command_path if context else 'tradelane'} --help"


def _failed(text: str, code: int) -> int:
    line = " ".join(text.split())
    typer.echo(f"error: {line}", err=True)
    return code
