"""The open tables of power as market documents of IEC 62325-451-3, for the machines of other operators.

Always true: a document says what the table of its name says, and no more; zones without an EIC code, and
lanes that end in one, are not in it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.data_api import MOST_ROWS, instant_of
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_data import TABLES, Row, Selection, interval_of
from tradelane.market.units import Interval, iso
from tradelane.settlement.market_document import megawatts
from tradelane.settlement.problem import Problem
from tradelane.settlement.publication import KINDS, PRICES, Kind, Publication, Series, document

ENERGY = {"flows": "sent_wh", "capacities": "capacity_wh"}
"""The column of a table whose energy a document tells as power."""


def publications_router(file: RoleFile, catalogue: Catalogue, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1/publications")

    @router.get("/{table}", response_class=Response, responses={200: {"content": {"application/xml": {}}}})
    async def publication(
        table: str,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        place: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Prices, flows or capacities as a Publication_MarketDocument; by default those of today (UTC)."""
        kind = KINDS.get(table)
        if kind is None:
            raise Problem.field(404, "unknown-table", "table", f"one of {', '.join(KINDS)}")
        now = clock.now()
        period = _period(instant_of(since, "from"), instant_of(until, "to"), now)
        made = await file.read(lambda conn: published(conn, catalogue, kind, period, place, now))
        headers = {
            "Cache-Control": "public, max-age=60",
            "Content-Disposition": f'attachment; filename="{table}.xml"',
        }
        return Response(document(made), media_type="application/xml", headers=headers)

    return router


def published(
    conn: Connection, catalogue: Catalogue, kind: Kind, period: Interval, place: str | None, now: int
) -> Publication:
    """What a table says of ``period``, of one zone or lane where ``place`` names it. Raises Problem 404 where
    no EIC code says of whom, 422 where it is too much for one document."""
    sender = catalogue.section.eic
    known = _domains(catalogue, kind)
    if sender is None or not known or (place is not None and place not in known):
        raise Problem.field(
            404, "no-eic", "place", "neither a zone nor the market has a document without EIC codes"
        )
    table = TABLES[kind.name]
    asked = Selection(period.start, period.end, place, limit=MOST_ROWS + 1)
    rows = list(table.rows(conn, catalogue, asked))
    if len(rows) > MOST_ROWS:
        raise Problem.field(422, "too-long", "to", f"a document has at most {MOST_ROWS} values: ask for less")
    values: defaultdict[tuple[str, str | None], dict[Interval, str]] = defaultdict(dict)
    for row in rows:
        value = _value(kind, row)
        if row[table.place] in known and value is not None:
            values[row[table.place], row.get("currency")][interval_of(row["product"])] = value
    series = [
        Series(name, *known[name], found, currency) for (name, currency), found in sorted(values.items())
    ]
    name = f"{kind.name}-{iso(period.start)}-{iso(period.end)}-{place or sender}"
    return Publication(name, kind, sender, period, now, series)


def _period(since: int | None, until: int | None, now: int) -> Interval:
    """A day where nothing, or one end alone, is said. Raises Problem 422."""
    start = since if since is not None else Interval.at(now, DAY).start if until is None else until - DAY
    end = until if until is not None else start + DAY
    if end <= start:
        raise Problem.field(422, "validation", "to", "the period ends before it begins")
    return Interval(start, end)


def _domains(catalogue: Catalogue, kind: Kind) -> dict[str, tuple[str, str]]:
    """EIC codes into and out of each zone or lane that has them."""
    eic = {zone.id: zone.eic for zone in catalogue.section.zones if zone.eic is not None}
    if kind is PRICES:
        return {zone: (code, code) for zone, code in eic.items()}
    return {
        lane.id: (eic[lane.target], eic[lane.source])
        for lane in catalogue.power_lanes()
        if {lane.source, lane.target} <= eic.keys()
    }


def _value(kind: Kind, row: Row) -> Any:
    """As a document has it; None where the table has none."""
    if kind is PRICES:
        return row["price"]
    interval = interval_of(row["product"])
    try:
        return megawatts(row[ENERGY[kind.name]], interval.end - interval.start)
    except ValueError as error:
        raise Problem.field(422, "not-exact", "table", str(error)) from None
