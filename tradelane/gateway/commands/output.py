"""What commands print on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

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
    with writing(out) as file:
        file.write(text)


@contextmanager
def writing(out: str) -> Iterator[TextIO]:
    """A stream to stdout when ``out`` is ``-``, else to the file, which appears whole or not at all.

    CommandFailed when it cannot be written.
    """
    if out == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(out)
    try:
        with _replacing(path) as file:
            yield file
    except OSError as error:
        raise CommandFailed(ExitCode.FAILURE, f"{path}: cannot write: {error.strerror or error}") from None


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    if path.exists() and not path.is_file():  # a pipe or /dev/null is written into, not replaced
        with path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
