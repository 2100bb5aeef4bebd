"""``hub verify-audit``, ``hub screen``, ``hub approvals``: what looks after an e-hub."""

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


@hub.command("operator-key")
def hub_operator_key(
    file: Annotated[Path, typer.Argument(help="The key's file; made when there is none.")],
) -> None:
    """Print the public key that an operator is named with in the e-hub's configuration."""
    from tradelane.gateway.commands.approving import operator_key_command

    operator_key_command(file)


@hub.command("approvals")
def hub_approvals(
    url: Annotated[str, typer.Argument(help="The e-hub's address: https://hub.example")],
    operator: Annotated[str, typer.Option(help="Your name in [[hub.operators]].")],
    key_file: Annotated[Path, typer.Option(help="Your key.")],
    propose: Annotated[str | None, typer.Option(help="A kind: member-limit, dispute.")] = None,
    subject: Annotated[str | None, typer.Option(help="What is proposed about: a member, a contract.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="The kind's own: name=value.")] = None,
    approve: Annotated[int | None, typer.Option(min=1, help="Carry out what another proposed.")] = None,
    reject: Annotated[int | None, typer.Option(min=1, help="Say no to it.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is rejected.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what two operators do together; propose, approve or reject it."""
    from tradelane.gateway.commands.approving import Deed, approvals_command

    deed = Deed(propose, subject, tuple(field or ()), approve, reject, reason)
    approvals_command(url, operator, key_file, deed, as_json)
