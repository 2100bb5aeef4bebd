"""Counters to feed histories with."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from tradelane.market.units import MINUTE, Interval
from tradelane.meter.counter import Rules
from tradelane.meter.history import MeterHistory, Point
from tradelane.meter.metering import MeteredInterval, close_interval
from tradelane.meter.reading import Quality, Reading, Role, Value

QUARTER = 15 * MINUTE
START = 1_750_000_500_000 // QUARTER * QUARTER
RULES = Rules(max_power_w=50_000, slack_wh=100, confirm=3)

growth = st.lists(st.tuples(st.integers(1_000, 40 * MINUTE), st.integers(0, 110)), min_size=1, max_size=60)
"""Milliseconds and watt-hours from one reading to the next."""


def as_points(steps: list[tuple[int, int]]) -> list[Point]:
    points, time, total = [], START - 7_000, 5_000_000
    for later, more in steps:
        points.append(Point(time, total))
        time, total = time + later, total + more
    return points


def reading(
    time: int,
    quality: Quality = Quality.GOOD,
    device_time: int | None = None,
    shown: Mapping[str, Value] | None = None,
    **values: Value,
) -> Reading:
    """At ``time`` ms after START, with ``values`` and those ``shown``."""
    return Reading("m", "test", Role.GRID, START + time, device_time, quality, values | dict(shown or {}))


def fed(*shown: tuple[int, int | None], rules: Rules = RULES) -> MeterHistory:
    """A history from (minutes after START, export counter)."""
    history = MeterHistory("m", rules)
    for minute, wh in shown:
        history.append(reading(minute * MINUTE, export_wh=wh))
    return history


def totals(history: MeterHistory, name: str = "export_wh") -> list[int]:
    return [point.total for point in history.points[name]]


def quarter(index: int) -> Interval:
    return Interval(START + index * QUARTER, START + (index + 1) * QUARTER)


def closed(history: MeterHistory, index: int) -> MeteredInterval:
    interval = close_interval(history, quarter(index))
    assert interval is not None
    return interval
