"""The map at any interval: prices, net positions, flows; a step back, a step on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, func, select

from tradelane.gateway.catalogue import DAY, HOUR, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.halting import POWER, Halt, halted
from tradelane.gateway.overview import LaneView, ZoneView
from tradelane.gateway.overviews import lanes_in, shown_interval, zones_in
from tradelane.gateway.schedule import product_id
from tradelane.gateway.tables import prices
from tradelane.gateway.web.desk.operate_view import market_names
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.picture import draw
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.words import words
from tradelane.market.units import Interval, instant, iso
from tradelane.settlement.problem import Problem

Locale = Annotated[str, Depends(locale_of)]


@dataclass(frozen=True, slots=True)
class Moment:
    """A market in one interval; ``before`` and ``after`` are the nearest that were cleared, if any.

    ``hours``: the first interval cleared in each hour of its day (UTC). ``stale``: the end of what was
    cleared last, when that is over.
    """

    interval: str
    product: str
    cleared: bool
    starts: str
    now: str
    zones: list[ZoneView]
    lanes: list[LaneView]
    before: str | None
    after: str | None
    first: str | None
    hours: list[str]
    stale: str | None
    halts: list[Halt]


def map_router(file: RoleFile, catalogue: Catalogue, clock: Clock, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/desk", include_in_schema=False)
    async def desk(
        locale: Locale,
        at: Annotated[str | None, Query(max_length=40)] = None,
        fragment: bool = False,
    ) -> Response:
        asked = None if at is None else _instant(at)
        moment = await file.read(lambda conn: moment_at(conn, catalogue, clock.now(), asked))
        html = templates.render(
            "desk/map_main.html" if fragment else "desk/map.html",
            locale,
            "/desk" if at is None else f"/desk?at={moment.starts}",
            o=moment,
            follows=at is None,
            picture=draw(moment.zones, moment.lanes),
            names=market_names(catalogue, words(locale)),
            iso=iso,
        )
        return HTMLResponse(html, headers={"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})

    return router


def moment_at(conn: Connection, catalogue: Catalogue, now: int, asked: int | None) -> Moment:
    """The interval that holds the instant ``asked`` (ms), or the one that is shown as the present."""
    shown = shown_interval(conn, catalogue, now) if asked is None else Interval.at(asked, catalogue.mtu)
    start = prices.c.interval_start
    before = conn.execute(select(func.max(start)).where(start < shown.start)).scalar()
    after = conn.execute(select(func.min(start)).where(start > shown.start)).scalar()
    first = conn.execute(select(func.min(start))).scalar()
    newest = conn.execute(select(func.max(start))).scalar()
    over = None if newest is None else newest + catalogue.mtu
    midnight = shown.start - shown.start % DAY
    day = select(start).where(start >= midnight, start < midnight + DAY).order_by(start.desc())
    hours = {one // HOUR: iso(one) for one in conn.execute(day).scalars()}
    product = product_id(shown)
    cleared = conn.execute(select(prices.c.seq).where(prices.c.product == product).limit(1)).first()
    return Moment(
        str(shown),
        product,
        cleared is not None,
        iso(shown.start),
        iso(now),
        zones_in(conn, catalogue, shown),
        lanes_in(conn, catalogue, shown),
        before=None if before is None else iso(before),
        after=None if after is None else iso(after),
        first=None if first is None else iso(first),
        hours=[hours[hour] for hour in sorted(hours)],
        stale=iso(over) if over is not None and over <= now else None,
        halts=[halt for market in (POWER, *catalogue.goods) if (halt := halted(conn, market))],
    )


def _instant(text: str) -> int:
    try:
        return instant(text)
    except ValueError as error:
        raise Problem.field(422, "validation", "at", str(error)) from None
