"""``hub import-hs``: a full official list of HS codes into the e-hub's database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from sqlalchemy.exc import SQLAlchemyError

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.commands.output import print_json
from tradelane.gateway.commands.running import configured
from tradelane.gateway.config import Config
from tradelane.gateway.file import RoleFile
from tradelane.gateway.lock import AlreadyInUse
from tradelane.gateway.roles import one_line
from tradelane.gateway.store import StoreError
from tradelane.settlement import hs
from tradelane.settlement.ehub.server import migrations
from tradelane.settlement.ehub.server.customs.nomenclature import Loaded, load


def import_hs_command(config_file: Path, full_list: Path, as_json: bool) -> None:
    """All of the list or nothing; the e-hub must not be running."""
    config = configured(config_file)
    if config.hub is None:
        raise CommandFailed(ExitCode.CONFIG, f"{config_file}: hub: missing: its database is the one to fill")
    try:
        entries = hs.official(full_list)
    except (OSError, ValueError) as error:
        raise CommandFailed(ExitCode.USAGE, f"{full_list}: {error}") from None
    try:
        loaded = asyncio.run(_loaded(config, entries))
    except AlreadyInUse as error:
        raise CommandFailed(ExitCode.FAILURE, f"{error}: stop the e-hub first") from None
    except (OSError, StoreError, SQLAlchemyError) as error:
        raise CommandFailed(ExitCode.FAILURE, one_line(error)) from None
    if as_json:
        print_json(loaded._asdict())
    else:
        typer.echo(f"{loaded.added} codes added, {loaded.changed} changed, {loaded.same} as they were")


async def _loaded(config: Config, entries: list[hs.Entry]) -> Loaded:
    file = RoleFile(config.hub_place, migrations.PLACE, migrations.HEAD)
    try:
        file.open()
        return await file(lambda conn: load(conn, entries))
    finally:
        file.close()
