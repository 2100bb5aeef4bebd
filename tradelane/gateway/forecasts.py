"""Forecasts that offers were made from, kept to be judged by what was metered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import sqlite

from tradelane.gateway.reading_log import Work
from tradelane.gateway.tables import forecasts, metered, metered_corrections
from tradelane.market.units import MINUTE
from tradelane.meter.forecast import Forecast
from tradelane.meter.forecast_score import Case, Score, score

DAYS = 7
"""Days of forecasts that are judged together."""


def keeping(made: Sequence[tuple[str, Forecast]], now: int) -> Work:
    """Work that keeps forecasts ``made`` at ``now`` (ms); the first one of an interval stays."""
    rows = [
        {
            "meter": meter,
            "interval_start": one.interval.start,
            "at": now,
            "expected_wh": one.expected_wh,
            "low_wh": one.low_wh,
            "share": one.share,
        }
        for meter, one in made
    ]

    def store(conn: Connection) -> None:
        if rows:
            conn.execute(sqlite.insert(forecasts).on_conflict_do_nothing(), rows)

    return store


def recent_score(conn: Connection, meter: str) -> Score | None:
    """Of the last days for which both the forecast and the energy are there."""
    f, m, c = forecasts.c, metered.c, metered_corrections.c
    newest = conn.execute(select(func.max(f.interval_start)).where(f.meter == meter)).scalar() or 0
    export = func.coalesce(c.export_wh, m.export_wh).label("export_wh")
    pairs = (
        select(f.expected_wh, f.low_wh, f.share, export)
        .join(metered, (m.meter == f.meter) & (m.interval_start == f.interval_start))
        .outerjoin(metered_corrections, (c.meter == f.meter) & (c.interval_start == f.interval_start))
        .where(f.meter == meter, f.interval_start > newest - DAYS * 24 * 60 * MINUTE)
    )
    return score([Case(*row) for row in conn.execute(pairs)])


def told(one: Score) -> str:
    """In a line."""
    return (
        f"last {DAYS} days: off by {one.error_wh} Wh on average ({one.bias_wh:+} Wh), "
        f"{one.held} of {one.cases} offers covered"
    )
