"""``run``: a configuration becomes a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.gateway.config import Config, ConfigError, load


def run_command(path: Path, host: str | None, port: int | None, data_dir: Path | None) -> int:
    """Serve until told to stop; the exit code. Log lines go to stderr."""
    given = {"host": host, "port": port, "data_dir": None if data_dir is None else data_dir.absolute()}
    config = configured(path, {key: value for key, value in given.items() if value is not None})
    if config.edge is None and config.zone is None and config.hub is None:
        raise CommandFailed(ExitCode.CONFIG, f"{path}: no role: add [edge], [zone] or [hub]")
    from tradelane.gateway import logs
    from tradelane.gateway.serve import serve

    logs.configure()
    return serve(config)


def configured(path: Path, flags: dict[str, Any] | None = None) -> Config:
    """The configuration, or CommandFailed with its one line."""
    try:
        return load(path, flags)
    except ConfigError as error:
        raise CommandFailed(ExitCode.CONFIG, str(error)) from None
