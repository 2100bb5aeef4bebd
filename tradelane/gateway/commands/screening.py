"""``hub screen``: the names of an e-hub's members against a list."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from sqlalchemy.exc import SQLAlchemyError

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json, print_table
from tradelane.gateway.commands.running import configured
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.lock import AlreadyInUse
from tradelane.gateway.roles import one_line
from tradelane.gateway.store import StoreError
from tradelane.settlement.ehub.server import migrations
from tradelane.settlement.ehub.server.supervision import screening
from tradelane.settlement.screening import BadList, Screening, read


def screen_command(config_file: Path, list_file: Path, as_json: bool) -> None:
    """Hold whoever is found; the e-hub must not be running."""
    config = configured(config_file)
    if config.hub is None:
        raise CommandFailed(ExitCode.CONFIG, f"{config_file}: hub: missing: its members are screened")
    try:
        held = asyncio.run(_held(config, read(list_file)))
    except BadList as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from None
    except AlreadyInUse as error:
        raise CommandFailed(ExitCode.FAILURE, f"{error}: stop the e-hub first") from None
    except (OSError, StoreError, SQLAlchemyError) as error:
        raise CommandFailed(ExitCode.FAILURE, one_line(error)) from None
    if as_json:
        print_json([one._asdict() for one in held])
    elif held:
        print_table(("held", "name", "entry"), held)
    else:
        typer.echo("nobody is held who was not before")


async def _held(config: Config, listed: Screening) -> list[screening.Held]:
    file = RoleFile(config.hub_place, migrations.PLACE, migrations.HEAD)
    at = config.make_clock().now()
    try:
        file.open()
        return await file(lambda conn: screening.screen(conn, listed, at))
    finally:
        file.close()
