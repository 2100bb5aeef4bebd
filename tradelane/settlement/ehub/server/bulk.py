"""Many rows in one statement, at the driver's speed: for a thousand rows SQLAlchemy's own way of binding
them one by one costs more than the database does."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

NAMES = "names"


class Bulk:
    """A statement for rows that are tuples, each in the order of ``columns``, its bound names."""

    def __init__(self, statement: Executable, columns: Sequence[str]) -> None:
        self._statement = statement
        self._columns = list(columns)
        self._texts: dict[str, str] = {}

    def __call__(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            conn.exec_driver_sql(self._text(conn), list(rows))

    def _text(self, conn: Connection) -> str:
        name = conn.dialect.name
        if name not in self._texts:
            style = "qmark" if name == "sqlite" else "format"
            made = self._statement.compile(dialect=type(conn.dialect)(paramstyle=style))  # type: ignore[attr-defined, call-arg]  # a dialect's class takes it, its protocol does not say so
            assert made.positiontup == self._columns
            self._texts[name] = str(made)
        return self._texts[name]


class _Texts(ColumnElement[str]):
    """The texts of a JSON array bound as ``names``: one parameter, however many there are."""

    inherit_cache = True
    bound: BindParameter[str] = bindparam(NAMES)
    _traverse_internals: Any = (("bound", InternalTraversal.dp_clauseelement),)
    """Without it every statement that asks this would be compiled anew each time."""


@compiles(_Texts, "sqlite")
def _on_sqlite(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.bound, **options)}))"


@compiles(_Texts, "postgresql")
def _on_postgresql(element: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT json_array_elements_text(CAST({compiler.process(element.bound, **options)} AS JSON)))"


def among(column: Column[str]) -> ColumnElement[bool]:
    """Whether the column is one of the names given by :func:`names`."""
    return column.bool_op("IN")(_Texts())


def names(given: Collection[str]) -> dict[str, str]:
    """The parameters of a statement that asks :func:`among`."""
    return {NAMES: json.dumps(list(given))}
