"""The market's open data over HTTP: no key, cacheable, as JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy import Connection, func, select

from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_data import TABLES, DataTable, Row, Selection
from tradelane.gateway.tables import journal
from tradelane.market.units import instant
from tradelane.settlement.problem import Problem

Json = dict[str, Any]
Format = Literal["json", "csv", "parquet"]
MOST_ROWS = 10_000
FRESH_S, SETTLED_S = 60, 86_400
"""How long an answer may be kept: one that may still grow, and one about days that are over."""
SEPARATOR = "|"
WHOLE = ("Wh", "ppm", "people")
"""Units of which only whole ones are counted; all other columns are text, prices exact decimals."""
MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def data_router(file: RoleFile, catalogue: Catalogue, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1/data")

    @router.get("")
    async def tables() -> Json:
        """The tables there are, with the unit of each column."""
        found = [{"name": t.name, "place": t.place, "columns": t.columns} for t in TABLES.values()]
        return {"items": found, "formats": list(MEDIA)}

    @router.get("/{table}")
    async def rows(
        request: Request,
        table: str,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        place: Annotated[str | None, Query(max_length=64)] = None,
        after: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1000,
        form: Annotated[Format, Query(alias="format")] = "json",
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Rows by product and place; ``next`` goes on after the last one."""
        chosen = table_named(table)
        asked = Selection(instant_of(since, "from"), instant_of(until, "to"), place, key_of(after), limit)
        newest = await file.read(_newest)
        tag = _tag(newest, table, str(asked), form)
        headers = {"ETag": tag, "Cache-Control": f"public, max-age={_lasts(asked, clock.now())}"}
        if if_none_match is not None and tag in if_none_match:
            return Response(status_code=304, headers=headers)
        found = await file.read(lambda conn: list(chosen.rows(conn, catalogue, asked)))
        if len(found) == limit:
            following = SEPARATOR.join(chosen.key(found[-1]))
            headers["Link"] = f'<?{request.url.include_query_params(after=following).query}>; rel="next"'
        return Response(render(chosen, found, form, limit), media_type=MEDIA[form], headers=headers)

    return router


def table_named(name: str) -> DataTable:
    """Raises Problem 404."""
    if name not in TABLES:
        raise Problem.field(404, "unknown-table", "table", f"one of {', '.join(TABLES)}")
    return TABLES[name]


def render(table: DataTable, rows: Sequence[Row], form: Format, limit: int) -> bytes:
    """``rows`` in a form of MEDIA; a full page of JSON says where to go on."""
    if form == "parquet":
        return parquet(table, rows)
    if form == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(table.columns), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    following = SEPARATOR.join(table.key(rows[-1])) if len(rows) == limit else None
    return json.dumps({"items": rows, "next": following}, ensure_ascii=False).encode()


def parquet(table: DataTable, rows: Sequence[Row]) -> bytes:
    """Raises Problem 406 where columns cannot be written: pyarrow is an extra."""
    try:
        import pyarrow
        from pyarrow import parquet as writer
    except ImportError:
        raise Problem.field(406, "no-parquet", "format", "this gateway has no pyarrow: ask csv") from None
    fields = [
        (name, pyarrow.int64() if unit in WHOLE else pyarrow.string()) for name, unit in table.columns.items()
    ]
    columns = pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(fields))
    written = io.BytesIO()
    writer.write_table(columns, written)
    return written.getvalue()


def _newest(conn: Connection) -> int:
    return conn.execute(select(func.max(journal.c.seq))).scalar() or 0


def _tag(*parts: object) -> str:
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"'


def _lasts(asked: Selection, now: int) -> int:
    """Days that are over for a whole day do not change any more."""
    return SETTLED_S if asked.until is not None and asked.until < now - DAY else FRESH_S


def instant_of(text: str | None, field: str) -> int | None:
    """A day or an instant of a question, ms. Raises Problem 422."""
    if text is None:
        return None
    try:
        return instant(text if "T" in text else f"{text}T00:00Z")
    except ValueError as error:
        raise Problem.field(422, "validation", field, str(error)) from None


def key_of(text: str | None) -> tuple[str, str] | None:
    """Where the page before ended. Raises Problem 422."""
    if text is None:
        return None
    product, found, place = text.rpartition(SEPARATOR)
    if not found:
        raise Problem.field(422, "validation", "after", "not the next of a page")
    return product, place
