"""One lane's history: the price at both ends, flow, capacity and use, a day or a week of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, func, select

from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.data_api import instant_of
from tradelane.gateway.file import RoleFile
from tradelane.gateway.tables import flows, prices
from tradelane.gateway.web.desk.lane_picture import Carried, by_hour, draw_lane
from tradelane.gateway.web.desk.product import HEADERS
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.market.product import Lane
from tradelane.market.units import MILLI, Interval, iso
from tradelane.settlement.problem import Problem


@dataclass(frozen=True, slots=True)
class History:
    """What a lane did in ``shown``; ``newest`` is the end of its newest interval (ms), if it has any."""

    shown: Interval
    rows: list[Carried]
    newest: int | None


def lane_router(file: RoleFile, catalogue: Catalogue, clock: Clock, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/desk/lane/{name}", include_in_schema=False)
    async def page(
        name: str,
        locale: Annotated[str, Depends(locale_of)],
        days: Annotated[Literal["1", "7"], Query()] = "1",
        to: Annotated[str | None, Query(max_length=40)] = None,
    ) -> Response:
        lane = known_lane(catalogue, name)
        until, now = instant_of(to, "to"), clock.now()
        history = await file.read(
            lambda conn: history_of(conn, catalogue, lane, Interval(now - int(days) * DAY, now), until)
        )
        ends = (catalogue.zones[lane.source], catalogue.zones[lane.target])
        one_currency = ends[0].currency == ends[1].currency
        rows = history.rows if days == "1" else by_hour(history.rows)
        in_one = rows if one_currency else [_in_numeraire(catalogue, lane, row) for row in rows]
        shown = history.shown
        html = templates.render(
            "desk/lane.html",
            locale,
            address(name, days, to),
            lane=lane,
            lanes=[one.id for one in catalogue.power_lanes()],
            ends=ends,
            currency=ends[0].currency if one_currency else catalogue.section.numeraire,
            days=days,
            history=history,
            rows=rows,
            iso=iso,
            stale=history.newest is not None and history.newest <= now,
            picture=draw_lane(shown, in_one),
            links={
                "before": address(name, days, iso(shown.start)),
                "after": address(name, days, iso(shown.end + int(days) * DAY)) if until is not None else None,
                "newest": address(name, days) if until is not None else None,
                "1": address(name, "1", to),
                "7": address(name, "7", to),
            },
            query=urlencode({"from": iso(shown.start), "to": iso(shown.end)}),
            place=urlencode({"place": name}),
            address=address,
        )
        return HTMLResponse(html, headers=HEADERS)

    return router


def address(lane: str, days: str = "1", to: str | None = None) -> str:
    """A lane's page over ``days`` until ``to``, or until now."""
    asked = {"days": days} | ({} if to is None else {"to": to})
    return f"/desk/lane/{quote(lane, safe='')}?{urlencode(asked)}"


def known_lane(catalogue: Catalogue, name: str) -> Lane:
    """Raises Problem 404."""
    for lane in catalogue.power_lanes():
        if lane.id == name:
            return lane
    raise Problem.field(404, "unknown-lane", "lane", "no such lane")


def history_of(
    conn: Connection, catalogue: Catalogue, lane: Lane, recent: Interval, until: int | None
) -> History:
    """As long as ``recent``, until ``until``; by default until the end of what was cleared, or until now."""
    p, f = prices, flows.c
    last = select(func.max(p.c.interval_end)).join(flows, f.product == p.c.product).where(f.lane == lane.id)
    newest = conn.execute(last).scalar()
    end = until if until is not None else max(recent.end, newest or 0)
    shown = Interval(end - (recent.end - recent.start), end)
    here, there = p.alias("here"), p.alias("there")
    query = (
        select(
            here.c.interval_start,
            here.c.interval_end,
            here.c.price.label("source_price"),
            there.c.price.label("target_price"),
            f.sent,
            f.received,
            f.capacity,
        )
        .join_from(flows, here, (here.c.product == f.product) & (here.c.zone == lane.source))
        .join(there, (there.c.product == f.product) & (there.c.zone == lane.target))
        .where(f.lane == lane.id, here.c.interval_start >= shown.start, here.c.interval_end <= shown.end)
        .order_by(here.c.interval_start)
    )
    tick = catalogue.section.tick
    rows = [
        Carried(
            Interval(row.interval_start, row.interval_end),
            _price(row.source_price, tick),
            _price(row.target_price, tick),
            row.sent,
            row.received,
            row.capacity,
        )
        for row in conn.execute(query)
    ]
    return History(shown, rows, newest)


def _price(milliticks: int | None, tick: Decimal) -> Decimal | None:
    return None if milliticks is None else milliticks * tick / MILLI


def _in_numeraire(catalogue: Catalogue, lane: Lane, row: Carried) -> Carried:
    """The same with both prices in the market's numeraire, so that they can be compared."""

    def common(price: Decimal | None, zone: str) -> Decimal | None:
        return None if price is None else price * catalogue.zones[zone].fx

    return replace(
        row,
        source_price=common(row.source_price, lane.source),
        target_price=common(row.target_price, lane.target),
    )
