"""An edge's intervals: closed as the counters reach their ends, corrected once by readings that come late.

Always true: an interval is closed once, in order, and stands on disk before it is told; with it stands the
history it was closed from. What is closed after a kill is what would have been closed without it. Each ends
where the next begins, also where the zone changes the length of its market time unit; the rest of an interval
between two lengths is kept, and not told to the zone, which has sold nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from tradelane.gateway.market_units import MarketUnits
from tradelane.gateway.reading_log import ReadingLog, Work
from tradelane.gateway.tables import metered, metered_corrections
from tradelane.market.units import MINUTE, Interval
from tradelane.meter.history import Told
from tradelane.meter.metering import Metered, MeteredInterval, close_interval

PATIENCE = 2
"""Market time units after its end at which an interval is closed with what is known."""
CORRECTABLE = 8
"""Market time units after its end up to which an interval may be corrected; its settlement is final then."""
CALM = 5 * MINUTE
"""Late readings come in bursts: what they change is told when so much time has passed."""
REMEMBERED = 480
"""Intervals that forecasts look back on."""

Row = dict[str, Any]


class Closing:
    """``closed``: each meter's newest intervals as they are known now. ``owners``: the members to be told.
    Nothing is closed before the zone has said, now or before a restart, how long its ``units`` are."""

    def __init__(self, log: ReadingLog, units: MarketUnits, owners: Mapping[str, str]) -> None:
        self._log = log
        self._units = units
        self._owners = owners
        self.closed: dict[str, list[MeteredInterval]] = {meter: [] for meter in log.histories}
        self._corrected: set[tuple[str, int]] = set()
        self._noticed: dict[str, int] = {}

    def restore(self, conn: Connection) -> None:
        """Take up what stands on disk; the log's histories come with ``ReadingLog.restore``."""
        for meter, rows in self.closed.items():
            newest = select(metered).where(metered.c.meter == meter).order_by(metered.c.interval_start.desc())
            rows[:] = [_interval(row, row) for row in conn.execute(newest.limit(REMEMBERED))][::-1]
            later = select(metered_corrections).where(metered_corrections.c.meter == meter)
            found = {row.interval_start: row for row in conn.execute(later)}
            rows[:] = [self._as_corrected(one, found.get(one.interval.start)) for one in rows]

    def _as_corrected(self, one: MeteredInterval, row: Any) -> MeteredInterval:
        if row is None:
            return one
        self._corrected.add((one.meter, one.interval.start))
        return _values(one.meter, one.interval, row)

    def due(self, now: int) -> list[Work]:
        """Work that stores what can be closed or corrected at ``now``; it is remembered at once."""
        works: list[Work] = []
        for meter in self.closed:
            rows = self._close(meter, now)
            corrections = self._correct(meter, now)
            if rows:
                works.append(_adding(metered, rows))
            if corrections:
                works.append(_adding(metered_corrections, corrections))
            if rows or corrections:
                works.append(self._log.state(meter))
        return works

    def _close(self, meter: str, now: int) -> list[Row]:
        """Rows of the intervals of ``meter`` that are over and known, oldest first."""
        history, found = self._log.histories[meter], []
        interval = self._next(meter)
        while interval is not None and now >= interval.end:
            late = now >= interval.end + PATIENCE * _length(interval)
            if not (history.reaches(interval.end) or late):
                break
            closed = close_interval(history, interval)
            if closed is None or closed.export_wh is None:
                break
            self._remember(closed)
            found.append(
                self._row(closed) | {"interval_end": interval.end, "member": self._owners.get(meter)}
            )
            interval = self._units.beginning(interval.end)
        if found:
            self._forget(meter)
        return found

    def _forget(self, meter: str) -> None:
        """Of what is closed, only what may yet be corrected, and of that only the boundaries."""
        history, last = self._log.histories[meter], self.closed[meter][-CORRECTABLE - 1 :]
        history.trim(last[0].interval.start)
        history.thin([*(one.interval.start for one in last), last[-1].interval.end])

    def _next(self, meter: str) -> Interval | None:
        if self.closed[meter]:
            return self._units.beginning(self.closed[meter][-1].interval.end)
        points = [p for p in self._log.histories[meter].points.values() if p]
        begun = self._units.holding(max(p[0].time for p in points) - 1) if points else None
        return None if begun is None else self._units.beginning(begun.end)

    def _remember(self, closed: MeteredInterval) -> None:
        rows = self.closed[closed.meter]
        rows.append(closed)
        del rows[:-REMEMBERED]

    def _correct(self, meter: str, now: int) -> list[Row]:
        history = self._log.histories[meter]
        changed = history.changed
        if changed is None or now < self._noticed.setdefault(meter, now) + CALM:
            return []
        del self._noticed[meter]
        history.changed = None
        found = []
        for k, one in enumerate(self.closed[meter]):
            if one.interval.end <= changed:
                continue
            fresh = close_interval(history, one.interval)
            if fresh is None or fresh.export_wh is None or fresh.energy == one.energy:
                continue
            if not self._may_correct(one, now):
                self._tell(one, "too late to correct")
                continue
            self.closed[meter][k] = fresh
            self._corrected.add((meter, one.interval.start))
            self._tell(fresh, "corrected")
            found.append(self._row(fresh) | {"at": now})
        return found

    def _may_correct(self, one: MeteredInterval, now: int) -> bool:
        once = (one.meter, one.interval.start) not in self._corrected
        return once and now < one.interval.end + CORRECTABLE * _length(one.interval)

    def _tell(self, one: MeteredInterval, seen: str) -> None:
        self._log.tell(
            one.meter, Told(f"interval {one.interval}", seen, one.interval.end, one.export_wh or 0)
        )

    def _row(self, closed: MeteredInterval) -> Row:
        return {
            "meter": closed.meter,
            "interval_start": closed.interval.start,
            "import_wh": closed.import_wh or 0,
            "export_wh": closed.export_wh or 0,
            "production_wh": closed.production_wh,
            "quality": closed.quality.value,
            "sent": closed.meter not in self._owners or not self._units.is_whole(closed.interval),
        }


def _length(interval: Interval) -> int:
    return interval.end - interval.start


def _adding(table: Any, rows: Sequence[Row]) -> Callable[[Connection], None]:
    def store(conn: Connection) -> None:
        conn.execute(insert(table), list(rows))

    return store


def _interval(key: Any, row: Any) -> MeteredInterval:
    return _values(key.meter, Interval(key.interval_start, key.interval_end), row)


def _values(meter: str, interval: Interval, row: Any) -> MeteredInterval:
    energy = row.import_wh, row.export_wh, row.production_wh
    return MeteredInterval(meter, interval, *energy, Metered(row.quality))
