"""Many rows in one statement, at the driver's speed: for a thousand rows SQLAlchemy's own way of binding
them one by one costs more than the database does."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

NAMES = "names"


Given = Mapping[str, ColumnElement[Any]]
"""A row's values, by name."""


class Bulk:
    """A statement for rows that are tuples, each in the order of ``columns``.

    ``statement`` makes it of a row's values. SQLite runs it for each row; PostgreSQL, where each run is a
    message, gets all rows as arrays and runs it once: no update may change a row twice.
    """

    def __init__(
        self, statement: Callable[[Given], Executable], columns: Mapping[str, TypeEngine[Any]]
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._texts: dict[str, str] = {}

    @classmethod
    def insert(cls, table: Table, columns: Sequence[str]) -> Self:
        """Adds the rows to a table."""

        def statement(given: Given) -> Executable:
            return insert(table).from_select(list(columns), select(*(given[name] for name in columns)))

        return cls(statement, {name: table.c[name].type for name in columns})

    def __call__(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql(self._text(conn, "qmark", self._bound()), list(rows))
        else:
            arrays = tuple(map(list, zip(*rows, strict=True)))
            conn.exec_driver_sql(self._text(conn, "format", self._unnested()), arrays)

    def _bound(self) -> Given:
        return {name: bindparam(name, type_=type_) for name, type_ in self._columns.items()}

    def _unnested(self) -> Given:
        arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in self._columns.items()]
        named = [column(name, type_) for name, type_ in self._columns.items()]
        return dict(func.unnest(*arrays).table_valued(*named, name="given").render_derived().c.items())

    def _text(self, conn: Connection, style: str, given: Given) -> str:
        name = conn.dialect.name
        if name not in self._texts:
            dialect = type(conn.dialect)(paramstyle=style)  # type: ignore[call-arg]  # a dialect's class takes it, its protocol does not say so
            made = self._statement(given).compile(dialect=dialect)  # type: ignore[attr-defined]  # every statement can
            assert made.positiontup == list(self._columns)
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
