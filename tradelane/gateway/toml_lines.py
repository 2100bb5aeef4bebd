"""Where in a TOML text a key stands, so that an error can name its line.

Made for well-formed TOML that ``tomllib`` has accepted. Keys inside an inline table or a list that spans
lines are found at the line on which that list or table begins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

Loc = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?$")
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"^\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")


def line_of(text: str, loc: Sequence[str | int]) -> int | None:
    """The 1-based line of the longest known start of ``loc``; None when no part of it is in the text."""
    places = lines(text)
    for size in range(len(loc), 0, -1):
        found = places.get(tuple(loc[:size]))
        if found is not None:
            return found
    return None


def lines(text: str) -> dict[Loc, int]:
    """Every table and key path of ``text`` with the line where it first stands."""
    places: dict[Loc, int] = {}
    counts: dict[Loc, int] = {}
    table: Loc = ()
    statement = ""
    for number, line in enumerate(text.splitlines(), 1):
        if statement:
            statement += "\n" + line
        elif header := _HEADER.match(line):
            table = _table(header, counts)
            _note(places, table, number)
            continue
        elif key := _KEY.match(line):
            _note(places, table + _parts(key[1]), number)
            statement = line
        if statement and _complete(statement):
            statement = ""
    return places


def _table(header: re.Match[str], counts: dict[Loc, int]) -> Loc:
    """The path of a table header, with the index of each array of tables on the way."""
    parts = _parts(header[2])
    path: Loc = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        last = position == len(parts) - 1
        if last and header[1] == "[[":
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _note(places: dict[Loc, int], path: Loc, number: int) -> None:
    for size in range(1, len(path) + 1):
        places.setdefault(path[:size], number)


def _parts(dotted: str) -> Loc:
    table = tomllib.loads(f"{dotted} = 0")
    path: Loc = ()
    while isinstance(table, dict):
        [(key, table)] = table.items()
        path = (*path, key)
    return path


def _complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True
