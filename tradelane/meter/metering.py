"""Readings → metered intervals: counter differences, never integrated power. Pure.

Always true: the counter at an interval's end is the counter at the next one's start, so that intervals add
up to the counter's difference to the watt-hour, whatever is rounded down at one boundary coming in with the
next interval; nothing is negative; what is not known is None, and where energy in a step is not known, the
interval says so and holds what is certain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from tradelane.market.units import MINUTE, Interval
from tradelane.meter.history import MeterHistory, Point

LONGEST_GAP = 2 * MINUTE
"""Readings further apart than this around a boundary make the interval an estimate."""


class Metered(StrEnum):
    """MEASURED: readings stand close to both boundaries. ESTIMATED: a gap was filled from the counters.
    UNKNOWN: a counter was reset, and what flowed in that step is not known; the energy is what is certain."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MeteredInterval:
    """Energy of one meter in one interval, in Wh; None where the counter is not known at both ends."""

    meter: str
    interval: Interval
    import_wh: int | None
    export_wh: int | None
    production_wh: int | None
    quality: Metered

    @property
    def energy(self) -> tuple[int | None, int | None, int | None]:
        """Import, export and production, Wh."""
        return self.import_wh, self.export_wh, self.production_wh

    def lasting(self, length: int) -> MeteredInterval:
        """The same powers for ``length`` ms: what a market with another time unit would have metered."""
        own = self.interval.end - self.interval.start
        if own == length:
            return self
        energy = (None if wh is None else wh * length // own for wh in self.energy)
        bought, sold, made = energy
        return replace(self, import_wh=bought, export_wh=sold, production_wh=made)


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


def close_interval(
    history: MeterHistory, interval: Interval, longest_gap: int = LONGEST_GAP
) -> MeteredInterval | None:
    """The energy in ``interval``; None when no counter is known at both its ends.

    Close it once ``history.reaches(interval.end)``, or when waiting longer is no use: a counter that has
    not come by then is None.
    """
    energy = {name: _energy(points, interval) for name, points in history.points.items()}
    known = [history.points[name] for name, wh in energy.items() if wh is not None]
    if not known:
        return None
    return MeteredInterval(
        meter=history.meter,
        interval=interval,
        import_wh=energy.get("import_wh"),
        export_wh=energy.get("export_wh"),
        production_wh=energy.get("production_wh"),
        quality=_quality(known, interval, longest_gap),
    )


def _energy(points: Sequence[Point], interval: Interval) -> int | None:
    start, end = counter_at(points, interval.start), counter_at(points, interval.end)
    return None if start is None or end is None else end - start


def _quality(known: Sequence[Sequence[Point]], interval: Interval, longest_gap: int) -> Metered:
    if any(_unsure(points, interval) for points in known):
        return Metered.UNKNOWN
    gaps = [_gap(points, at) for points in known for at in (interval.start, interval.end)]
    stepped = any(_stands_still(points, interval) for points in known)
    return Metered.ESTIMATED if stepped or max(gaps) > longest_gap else Metered.MEASURED


def _gap(points: Sequence[Point], instant: int) -> int:
    around = _around(points, instant)
    return around[1].time - around[0].time if around else 0


def _unsure(points: Sequence[Point], interval: Interval) -> bool:
    """Whether a step that is not sure lies, even in part, in ``interval``."""
    for before, after in _steps(points, interval):
        if not after.sure and before.time < interval.end and after.time > interval.start:
            return True
    return False


def _stands_still(points: Sequence[Point], interval: Interval) -> bool:
    """Whether a clock that was set back gave several points one instant."""
    return any(before.time == after.time for before, after in _steps(points, interval))


def _steps(points: Sequence[Point], interval: Interval) -> pairwise[tuple[Point, Point]]:
    """Neighbours, from the last before ``interval`` to the first after it."""
    first = bisect_left(points, interval.start, key=lambda point: point.time)
    last = bisect_left(points, interval.end, key=lambda point: point.time)
    part = points[max(first - 1, 0) : last + 1]
    return pairwise(part)
