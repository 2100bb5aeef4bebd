"""Options that several commands have, each with its help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


def said(context: typer.Context) -> tuple[str, ...]:
    """The options that stand on the command line, in the order in which the command has them."""
    given = (one for one in context.command.params if _on_the_line(context, one.name))
    return tuple(one.opts[0] for one in given)


def _on_the_line(context: typer.Context, name: str | None) -> bool:
    source = context.get_parameter_source(name or "")
    return source is not None and source.name == "COMMANDLINE"


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
User = Annotated[str | None, typer.Option(help="To log in at the broker as.")]
PasswordFile = Annotated[Path | None, typer.Option(help="A file that holds the password.")]
Tls = Annotated[bool, typer.Option("--tls", help="Encrypt; trust the system's authorities.")]
CaFile = Annotated[Path | None, typer.Option(help="Encrypt; trust this authority.")]
CertFile = Annotated[Path | None, typer.Option(help="Our certificate.")]
KeyFile = Annotated[Path | None, typer.Option(help="Its key.")]
Timeout = Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for the device.")]
Raw = Annotated[bool, typer.Option("--raw", help="Show what the device said, word by word, beside it.")]
