"""Many rows of one kind, kept by column: orders, fills, trades.

A million JSON objects take a gigabyte and a minute; the same columns take a tenth of both. Rows come in parts
of some thousands, each of which knows where it stands, so that a fault can name its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Protocol

PART = 500
"""Rows in a part: what is made of them fits in a processor's cache (20,000 take twice as long)."""
SAMPLE = 32
"""Values of a column that show whether it has many different ones."""
_NONE = type(None)
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_spaced = json.JSONEncoder(ensure_ascii=False).encode
_quoted: Callable[[str], str] = json.encoder.encode_basestring


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands: from ``first`` on in the list ``name``, or on these ``lines`` of that file."""

    name: str
    first: int
    lines: Sequence[int] | None = None

    def of(self, k: int) -> str:
        """How faults of the k-th row begin: ``orders[3].`` or ``orders.csv line 17: ``."""
        return (
            f"{self.name}[{self.first + k}]." if self.lines is None else f"{self.name} line {self.lines[k]}: "
        )


class Rows(Protocol):
    """One part of a table."""

    @property
    def place(self) -> Place: ...

    def __len__(self) -> int: ...

    def column(self, name: str) -> Sequence[Any]:
        """The value of every row; KeyError or TypeError where a row has none."""

    def row(self, k: int) -> object:
        """The k-th row as the object it was."""

    def json(self, spaced: bool) -> list[str]:
        """Each row as JSON: canonical, or ``spaced`` for people."""


@dataclass(frozen=True, slots=True)
class ListRows:
    """Rows as the JSON values they were."""

    place: Place
    objects: Sequence[Any]

    def __len__(self) -> int:
        return len(self.objects)

    def column(self, name: str) -> Sequence[Any]:
        return list(map(itemgetter(name), self.objects))

    def row(self, k: int) -> object:
        return self.objects[k]

    def json(self, spaced: bool) -> list[str]:
        return list(map(_spaced if spaced else _canonical, self.objects))


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows by column, all with the same fields. A tuple among the values is a list of texts."""

    place: Place
    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[Any]:
        return self.columns[name]

    def row(self, k: int) -> dict[str, Any]:
        values = ((name, column[k]) for name, column in self.columns.items())
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values}

    def json(self, spaced: bool) -> list[str]:
        names = list(self.columns) if spaced else sorted(self.columns)
        comma, colon = (", ", ": ") if spaced else (",", ":")
        fields = [f"{_quoted(name)}{colon}".replace("%", "%%") + "%s" for name in names]
        form = f"{{{comma.join(fields)}}}"
        return [
            form % row for row in zip(*(_texts(self.columns[name], spaced) for name in names), strict=True)
        ]

    @classmethod
    def of(cls, rows: ListRows) -> Rows:
        """The same rows by column; ``rows`` themselves where they do not all have the same fields."""
        first = rows.objects[0]
        if type(first) is not dict or not first:
            return rows
        if set(map(type, rows.objects)) != {dict} or set(map(len, rows.objects)) != {len(first)}:
            return rows
        try:
            columns = {name: _shared(rows.column(name)) for name in first}
        except KeyError:
            return rows
        return cls(rows.place, columns)


@dataclass(frozen=True, slots=True)
class Table:
    """A long list of objects, in parts."""

    parts: Sequence[Rows]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def objects(self) -> list[Any]:
        return [part.row(k) for part in self.parts for k in range(len(part))]

    def json(self, spaced: bool = False) -> Iterator[str]:
        """The rows' JSON texts, a part at a time; see ``Rows.json``."""
        for part in self.parts:
            yield (",\n    " if spaced else ",").join(part.json(spaced))


def parts_of(name: str, value: object) -> Sequence[Rows] | None:
    """The parts of a table or a list; None when ``value`` is neither."""
    if isinstance(value, Table):
        return value.parts
    if isinstance(value, list):
        return [ListRows(Place(name, k), value[k : k + PART]) for k in range(0, len(value), PART)]
    return None


def _shared(column: Sequence[Any]) -> Sequence[Any]:
    """The column with equal texts, and lists of texts, held once where they seem to be few."""
    kinds = set(map(type, column))
    if kinds == {list} and set(map(type, chain.from_iterable(column))) <= {str}:
        column = list(map(tuple, column))
    elif not kinds <= {str, _NONE} or 2 * len(set(column[:SAMPLE])) > min(SAMPLE, len(column)):
        return column
    known: dict[Any, Any] = {}
    return list(map(known.setdefault, column, column))


def _texts(column: Sequence[Any], spaced: bool) -> list[str]:
    """Each value as JSON text."""
    written = _spaced if spaced else _canonical
    kinds = set(map(type, column))
    if not kinds <= {str, _NONE, tuple}:
        return list(map(written, column))
    if kinds == {str} and 2 * len(set(column[:SAMPLE])) > min(SAMPLE, len(column)):
        return list(map(_quoted, column))
    distinct = list(set(column))
    texts = map(_quoted, distinct) if kinds == {str} else map(written, distinct)
    known = dict(zip(distinct, texts, strict=True))
    return list(map(known.__getitem__, column))
