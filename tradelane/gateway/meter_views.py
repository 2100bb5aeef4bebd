"""An edge's HTTP API: how its meters are, what was decided about their counters, how good forecasts were.

Always true: who shows the edge's secret sees every meter, a signed-in owner the own ones, anybody else none:
when a house uses power tells when nobody is at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, select

from tradelane.gateway.clock import Clock
from tradelane.gateway.closing import Closing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.forecasts import recent_score
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.tables import meter_events
from tradelane.gateway.web.guard import Guard
from tradelane.market.units import iso
from tradelane.meter.metering import MeteredInterval
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.problem import unauthorised

Json = dict[str, Any]
EVENTS = 20
"""The newest ones shown of each meter."""


_bearer = HTTPBearer(auto_error=False)


class MeterDoor:
    """``secret``: who shows it sees all. ``owners``: the member of each meter that has one."""

    def __init__(self, guard: Guard, secret: str, owners: Mapping[str, str]) -> None:
        self._guard = guard
        self._bearer = Bearer(secret)
        self._owners = owners

    async def __call__(
        self, request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str | None:
        """The member that asks; None: whoever has the secret. Problem 401 for anybody else."""
        if self._bearer.is_shown(given):
            return None
        session = await self._guard.find(request)
        if session is None:
            raise unauthorised()
        return session.subject

    def shows(self, member: str | None, meter: str) -> bool:
        return member is None or self._owners.get(meter) == member


def meter_router(
    file: RoleFile, log: ReadingLog, closing: Closing, clock: Clock, door: MeterDoor
) -> APIRouter:
    router = APIRouter(prefix="/api/v1")
    who = Depends(door)

    @router.get("/meters")
    async def meters(member: str | None = who) -> Json:
        """Each meter: newest reading and interval, counters, events, and the record of its forecasts. With
        the edge's secret all of them, with an owner's session the own ones."""
        shown = [meter for meter in log.histories if door.shows(member, meter)]
        found = [_now(meter, log, closing, clock) for meter in shown]
        kept = await file.read(lambda conn: [_kept(conn, one["meter"]) for one in found])
        return {"items": [one | more for one, more in zip(found, kept, strict=True)]}

    return router


def _now(meter: str, log: ReadingLog, closing: Closing, clock: Clock) -> Json:
    history, newest = log.histories[meter], log.newest.get(meter)
    reading = None if newest is None else newest[0]
    closed = closing.closed[meter]
    return {
        "meter": meter,
        "reading": None if reading is None else reading.to_json(),
        "age_ms": None if reading is None else clock.now() - reading.gateway_time,
        "offset_ms": None if reading is None else reading.offset,
        "counters": {name: counter.state.value for name, counter in sorted(history.counters.items())},
        "scale_off": sorted(role for role, scale in history.scales.items() if scale.off),
        "interval": _interval(closed[-1]) if closed else None,
        "head": {"seq": log.heads[meter].seq, "hash": log.heads[meter].hash.hex()},
    }


def _interval(one: MeteredInterval) -> Json:
    return {
        "interval": str(one.interval),
        "import_wh": one.import_wh,
        "export_wh": one.export_wh,
        "production_wh": one.production_wh,
        "quality": one.quality.value,
    }


def _kept(conn: Connection, meter: str) -> Json:
    e = meter_events.c
    query = select(meter_events).where(e.meter == meter).order_by(e.seq.desc(), e.what).limit(EVENTS)
    found = recent_score(conn, meter)
    return {
        "events": [
            {"at": iso(row.at), "what": row.what, "seen": row.seen, "wh": row.wh, "seq": row.seq}
            for row in conn.execute(query)
        ],
        "forecast": None if found is None else asdict(found),
    }
