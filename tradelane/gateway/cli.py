"""The command line: names, options and help of every command. What they do stands in ``commands/``.

Always true: an error is one line on stderr, ``error: …``, and an exit code of ``ExitCode``. Every heavy
import is inside its command, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tradelane.gateway.commands import read, scan, supervising
from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.help import CONTEXT, EPILOG, help_alone
from tradelane.gateway.commands.options import (
    AsJson,
    ConfigFile,
    Form,
    Meter,
    Since,
    Until,
    What,
)

DEBUG = "TRADELANE_DEBUG"
INTERRUPTED = 130

app = typer.Typer(
    name="tradelane",
    help="Sell a roof's power or a workshop's goods abroad: read meters, match, deliver, settle.",
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)
app.add_typer(read.app, name="read")
app.add_typer(supervising.hub, name="hub")
app.command("scan")(scan.scan)


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
    help_alone(context)


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


@app.command()
def pair(
    config: ConfigFile,
    member: Annotated[str | None, typer.Argument(help="Whose phone it is.")] = None,
    operator: Annotated[bool, typer.Option("--operator", help="For a zone's desk, under a name.")] = False,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="How long the code is good.")] = 15,
    as_json: AsJson = False,
) -> None:
    """Show a code, once good, by which a phone signs in at the running gateway."""
    from tradelane.gateway.commands.pairing import pair_command

    pair_command(config, member, operator, minutes, as_json)


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


def _help_of(wrong: typer.TyperException) -> str:
    context = getattr(wrong, "ctx", None)
    return f"{context.command_path if context else 'tradelane'} --help"


def _failed(text: str, code: int) -> int:
    line = " ".join(text.split())
    typer.echo(f"error: {line}", err=True)
    return code
