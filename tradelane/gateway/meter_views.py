"""An edge's HTTP API: how its meters are, what was decided about their counters, how good forecasts were."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection, select

from tradelane.gateway.clock import Clock
from tradelane.gateway.closing import Closing
from tradelane.gateway.file import RoleFile
from tradelane.gateway.forecasts import recent_score
from tradelane.gateway.reading_log import ReadingLog
from tradelane.gateway.tables import meter_events
from tradelane.market.units import iso
from tradelane.meter.metering import MeteredInterval

Json = dict[str, Any]
EVENTS = 20
"""The newest ones shown of each meter."""


def meter_router(file: RoleFile, log: ReadingLog, closing: Closing, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/meters")
    async def meters() -> Json:
        """Each meter: newest reading and interval, counters, events, and the record of its forecasts."""
        found = [_now(meter, log, closing, clock) for meter in log.histories]
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
