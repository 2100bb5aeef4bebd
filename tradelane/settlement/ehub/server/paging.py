"""Lists page by page, by key: ask again with ``after`` set to the page's ``next``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Row, Select

from tradelane.settlement.ehub.wire import Page

M = TypeVar("M", bound=BaseModel)


def page(
    conn: Connection,
    query: Select[Any],
    key: ColumnElement[Any],
    after: str | int | None,
    limit: int,
    shape: Callable[[Row[Any]], M],
) -> Page[M]:
    """At most ``limit`` rows of a query in the order of ``key``, a column of its own, behind ``after``."""
    if after is not None:
        query = query.where(key > after)
    # one more than asked for, so that the page knows whether it is the last
    rows = conn.execute(query.order_by(key).limit(limit + 1)).all()
    shown = rows[:limit]
    more = str(shown[-1]._mapping[key]) if len(rows) > limit else None
    return Page[M](items=[shape(row) for row in shown], next=more)
