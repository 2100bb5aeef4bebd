"""The help of every command: how it is asked for, how it ends."""

from __future__ import annotations

from typing import Any

import typer

from tradelane.gateway.commands.failure import MEANINGS, ExitCode

EPILOG = "Exit codes: " + ", ".join(f"{code.value} {words}" for code, words in MEANINGS.items()) + "."
CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def group(name: str) -> typer.Typer:
    """A command that has commands; on its own it shows its help, as wrong usage."""
    app = typer.Typer(help=name, context_settings=CONTEXT, epilog=EPILOG)
    app.callback(invoke_without_command=True)(help_alone)
    return app


def help_alone(context: typer.Context) -> None:
    """To be called where no command may be missing."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)
