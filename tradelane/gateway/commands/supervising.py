"""``hub verify-audit`` and ``hub screen``: what looks after an e-hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradelane.gateway.commands.customs import app
from tradelane.gateway.commands.options import AsJson, ConfigFile

hub = app


@hub.command("verify-audit")
def hub_verify_audit(
    url: Annotated[str, typer.Argument(help="The e-hub's address: https://hub.example")],
    root: Annotated[
        Path | None, typer.Option(help="The root of the last time, kept here; written anew when proven.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The hub's public key. Default: that of the root kept, or as it says.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="The operator's token: look at what the entries say, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove from outside that the e-hub's audit log was only ever added to."""
    from tradelane.gateway.commands.auditing import verify_audit_command

    verify_audit_command(url, root, key, token_file, as_json)


@hub.command("screen")
def hub_screen(
    list_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: name, aliases, country, source, valid_from.")
    ],
    config: ConfigFile,
    as_json: AsJson = False,
) -> None:
    """Hold the e-hub's members whose names are on a list, until an operator lets them go."""
    from tradelane.gateway.commands.screening import screen_command

    screen_command(config, list_file, as_json)
