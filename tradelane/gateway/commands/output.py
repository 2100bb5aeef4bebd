"""What commands print on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode

STDOUT = "-"


def print_json(body: object, indent: int | None = None) -> None:
    """One JSON value; on one line without ``indent``."""
    typer.echo(json.dumps(body, ensure_ascii=False, indent=indent))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Columns that fit the terminal; wide and uncoloured where there is none."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def write_text(out: str, text: str) -> None:
    """To stdout when ``out`` is ``-``, else to the file, whole or not at all. CommandFailed."""
    if out == STDOUT:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    path = Path(out)
    try:
        _replace(path, text)
    except OSError as error:
        raise CommandFailed(ExitCode.FAILURE, f"{path}: cannot write: {error.strerror or error}") from None


def _replace(path: Path, text: str) -> None:
    if path.exists() and not path.is_file():  # a pipe or /dev/null is written into, not replaced
        path.write_text(text, encoding="utf-8")
        return
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(draft).chmod(0o666 & ~mask)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
