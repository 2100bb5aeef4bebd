"""Readings → metered intervals: counter differences, never integrated power. Pure.

Always true: the counter at an interval's end is the counter at the next one's start, so that intervals add
up to the counter's difference to the watt-hour; nothing is negative; what is not known is None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tradelane.market.units import MINUTE, Interval
from tradelane.meter.counter import Counter, Event, Rules, Seen, track
from tradelane.meter.reading import COUNTERS, Quality, Reading

LONGEST_GAP = 5 * MINUTE
"""Readings further apart than this around a boundary make the interval an estimate."""
MOST_POINTS = 50_000


class Metered(StrEnum):
    """MEASURED: readings stand close to both boundaries. ESTIMATED: a gap was filled from the counters."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Point:
    """A counter's total in Wh at ``time`` (Unix ms); only differences of totals have a meaning."""

    time: int
    total: int


@dataclass(frozen=True, slots=True)
class MeteredInterval:
    """Energy of one meter in one interval, in Wh; None where the counter is not known at both ends."""

    meter: str
    interval: Interval
    import_wh: int | None
    export_wh: int | None
    production_wh: int | None
    quality: Metered


@dataclass(slots=True)
class MeterHistory:
    """What one meter's counters have shown. Fed with every reading of the meter, of all its roles, in order.

    The same readings give the same history, so that it can be rebuilt from the stored ones after a crash.
    """

    meter: str
    rules: Rules = field(default_factory=Rules)
    counters: dict[str, Counter] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)

    def append(self, reading: Reading) -> list[tuple[str, Event]]:
        """What became of each counter in the reading; only what is worth telling (not mere progress)."""
        if reading.meter != self.meter:
            raise ValueError(f"a reading of {reading.meter} in the history of {self.meter}")
        if reading.quality is not Quality.GOOD:
            return []
        told = []
        for name in COUNTERS:
            value = reading.values.get(name)
            if isinstance(value, int):
                event = self._count(name, reading.gateway_time, value)
                if event.seen not in (Seen.FIRST, Seen.FORWARD):
                    told.append((name, event))
        return told

    def _count(self, name: str, time: int, wh: int) -> Event:
        self.counters[name], event = track(self.counters.get(name, Counter()), time, wh, self.rules)
        if event.total is not None:
            points = self.points.setdefault(name, [])
            points.append(Point(time, event.total))
            if len(points) > MOST_POINTS:
                del points[0]
        return event

    def reaches(self, instant: int) -> bool:
        """Whether every counter seen so far has counted at or after ``instant``: time to close."""
        return bool(self.points) and all(points[-1].time >= instant for points in self.points.values())

    def trim(self, before: int) -> None:
        """Forgets what is not needed for boundaries at ``before`` (ms) and later."""
        for points in self.points.values():
            first = bisect_left(points, before, key=lambda point: point.time)
            if first == len(points) or points[first].time > before:
                first -= 1
            del points[: max(first, 0)]


def counter_at(points: Sequence[Point], instant: int) -> int | None:
    """The total at ``instant``: interpolated between the points around it, exact, rounded down to 1 Wh.

    None when there is no point on one of the sides.
    """
    around = _around(points, instant)
    if around is None:
        return None
    before, after = around
    if before.time == after.time:
        return before.total
    span, part = after.time - before.time, instant - before.time
    return before.total + (after.total - before.total) * part // span


def _around(points: Sequence[Point], instant: int) -> tuple[Point, Point] | None:
    index = bisect_left(points, instant, key=lambda point: point.time)
    if index == len(points):
        return None
    if points[index].time == instant:
        return points[index], points[index]
    return (points[index - 1], points[index]) if index else None


def _gap(points: Sequence[Point], instant: int) -> int:
    around = _around(points, instant)
    return around[1].time - around[0].time if around else 0


def close_interval(
    history: MeterHistory, interval: Interval, longest_gap: int = LONGEST_GAP
) -> MeteredInterval | None:
    """The energy in ``interval``; None when no counter is known at both its ends.

    Close it once ``history.reaches(interval.end)``, or when waiting longer is no use: a counter that has
    not come by then is None.
    """
    energy = {name: _energy(points, interval) for name, points in history.points.items()}
    known = [name for name, wh in energy.items() if wh is not None]
    if not known:
        return None
    gaps = [_gap(history.points[name], at) for name in known for at in (interval.start, interval.end)]
    return MeteredInterval(
        meter=history.meter,
        interval=interval,
        import_wh=energy.get("import_wh"),
        export_wh=energy.get("export_wh"),
        production_wh=energy.get("production_wh"),
        quality=Metered.ESTIMATED if max(gaps) > longest_gap else Metered.MEASURED,
    )


def _energy(points: Sequence[Point], interval: Interval) -> int | None:
    start, end = counter_at(points, interval.start), counter_at(points, interval.end)
    return None if start is None or end is None else end - start
