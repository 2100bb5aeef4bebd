"""What one meter's counters have shown: readings in order → points that intervals are closed from. Pure.

Always true: the same readings give the same history, so that it can be rebuilt from the stored ones after a
crash; totals of a counter's points never fall; readings whose power contradicts their own voltage and
current, and readings that repeat themselves to the last digit, count nothing until that ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tradelane.meter.counter import Counter, Event, Rules, Seen, track
from tradelane.meter.frozen import Sameness, same_again
from tradelane.meter.power import Flow, flowed
from tradelane.meter.reading import COUNTERS, Quality, Reading, Role
from tradelane.meter.scale import Scale, watch
from tradelane.meter.timing import Timing, measured_at

MOST_POINTS = 50_000
TOLD_AGAIN_MS = 3_600_000
"""The same thing about the same counter is told once an hour: noise is no storm of events."""
UNCOUNTED = frozenset({Role.BATTERY})
"""Roles whose counters are not the energy that is traded, though they bear the same names: what a battery was
charged with has not come from the grid."""
PLAIN = (Seen.FIRST, Seen.FORWARD, Seen.AGAIN)


class Point(NamedTuple):
    """A counter's total in Wh at ``time`` (Unix ms); only differences of totals have a meaning. ``sure``:
    what flowed since the point before is known."""

    time: int
    total: int
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """Something the owner may want to know. ``what``: a counter's name, or ``scale``; ``seen`` what became of
    the reading at ``time`` (Unix ms) that showed ``wh`` (0 where no counter is meant)."""

    what: str
    seen: str
    time: int
    wh: int


@dataclass(slots=True)
class MeterHistory:
    """Fed with every reading of the meter, of all its roles, in order. ``rules``: of counters by name, where
    they are not as ``rule``. ``changed``: the earliest instant (ms) at which totals have changed since it was
    last set to None."""

    meter: str
    rule: Rules = field(default_factory=Rules)
    rules: Mapping[str, Rules] = field(default_factory=dict)
    counters: dict[str, Counter] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    scales: dict[str, Scale] = field(default_factory=dict)
    same: dict[str, Sameness] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    told: dict[str, int] = field(default_factory=dict)
    changed: int | None = None

    def append(self, reading: Reading) -> list[Told]:
        """Count a reading; what is worth telling of it, which mere progress is not."""
        if reading.meter != self.meter:
            raise ValueError(f"a reading of {reading.meter} in the history of {self.meter}")
        if reading.quality is not Quality.GOOD:
            return []
        news = self._watch_scale(reading)
        if self.scales[reading.role].off:
            return self._worth(news)
        self.same[reading.role] = again = same_again(self.same.get(reading.role), reading.values)
        if again.repeats:
            return self._worth(news)
        if reading.role in UNCOUNTED:
            return self._worth(news)
        self.timing, late = measured_at(self.timing, reading)
        for name in COUNTERS:
            value = reading.values.get(name)
            if isinstance(value, int):
                if late is not None and self._fill(name, late, value):
                    news.append(Told(name, Seen.LATE, late, value))
                    continue
                news.append(self._count(name, reading, value, late))
        return self._worth(news)

    def _watch_scale(self, reading: Reading) -> list[Told]:
        before = self.scales.get(reading.role, Scale())
        self.scales[reading.role] = after = watch(before, reading.values)
        if before.off == after.off:
            return []
        return [Told("scale", "off" if after.off else "agrees again", reading.gateway_time, 0)]

    def _worth(self, news: list[Told]) -> list[Told]:
        """What is told: not progress, and nothing twice within the hour."""
        fresh = []
        for one in news:
            key = f"{one.what} {one.seen}"
            if one.seen not in PLAIN and one.time - self.told.get(key, -TOLD_AGAIN_MS) >= TOLD_AGAIN_MS:
                self.told[key] = one.time
                fresh.append(one)
        return fresh

    def _count(self, name: str, reading: Reading, wh: int, late: int | None) -> Told:
        time = reading.time_of(name)
        if late is not None and late > self._last_time(name):
            time = late
        self.flows[name] = flow = flowed(self.flows.get(name, Flow()), name, reading)
        before = self.counters.get(name, Counter())
        rules = self.rules.get(name, self.rule)
        self.counters[name], event = track(before, time, wh, rules, flow.wh)
        if self.counters[name].moved != before.moved:
            self.flows[name] = flow.afresh()
        if event.total is not None:
            self._add(name, event)
        return Told(name, event.seen, time, wh)

    def _add(self, name: str, event: Event) -> None:
        points = self.points.setdefault(name, [])
        if event.rewind is not None:
            del points[_first_after(points, event.rewind) :]
            self._touch(event.rewind)
        if event.start is not None:
            points.append(Point(event.start.time, event.start.total, event.sure))
        assert event.total is not None
        points.append(Point(event.time, event.total))
        if len(points) > MOST_POINTS:
            del points[0]

    def _fill(self, name: str, time: int, wh: int) -> bool:
        """Put a point that comes late between those around it; False when it is not late for this counter."""
        counter, points = self.counters.get(name), self.points.get(name, [])
        if counter is None or counter.last is None or counter.base is None or time >= counter.last.time:
            return False
        if wh > counter.last.wh:
            return False
        total = counter.last.total + wh - counter.last.wh
        index = bisect_left(points, time, key=lambda point: point.time)
        fits = 0 < index < len(points) and points[index - 1].total <= total <= points[index].total
        if fits and time > counter.base.time and points[index].time > time:
            self._touch(points[index - 1].time)
            points.insert(index, Point(time, total, points[index].sure))
        return True

    def _last_time(self, name: str) -> int:
        last = self.counters.get(name, Counter()).last
        return 0 if last is None else last.time

    def _touch(self, time: int) -> None:
        self.changed = time if self.changed is None else min(self.changed, time)

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

    def thin(self, boundaries: Sequence[int]) -> None:
        """Forgets what tells nothing of the counters at ``boundaries`` (ms, rising), nor of what comes after
        the last of them."""
        if boundaries:
            for name, points in self.points.items():
                self.points[name] = _telling(points, boundaries)


def _telling(points: list[Point], boundaries: Sequence[int]) -> list[Point]:
    kept: set[int] = set()
    for boundary in boundaries:
        index = bisect_left(points, boundary, key=lambda point: point.time)
        kept |= {index - 1, index}
    for index in range(1, len(points)):
        if not points[index].sure or points[index].time == points[index - 1].time:
            kept |= {index - 1, index}
    last = bisect_left(points, boundaries[-1], key=lambda point: point.time)
    return [point for index, point in enumerate(points) if index in kept or index >= last]


def _first_after(points: list[Point], time: int) -> int:
    return bisect_left(points, time + 1, key=lambda point: point.time)
