"""Interval closing against a naive twin."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.counters import QUARTER, RULES, START, as_points, closed, fed, growth, quarter, reading
from tradelane.market.units import MINUTE
from tradelane.meter.history import MeterHistory, Point
from tradelane.meter.metering import Metered, close_interval, counter_at
from tradelane.meter.reading import Quality, Reading, Role


def naive_counter_at(points: list[Point], instant: int) -> int | None:
    """The same by trying every pair of neighbours with rationals."""
    for before, after in pairwise(points):
        if before.time <= instant <= after.time:
            share = Fraction(instant - before.time, after.time - before.time)
            return floor(before.total + (after.total - before.total) * share)
    return points[0].total if len(points) == 1 and points[0].time == instant else None


@given(growth, st.integers(-10_000, 5 * QUARTER))
def test_the_counter_at_an_instant_is_what_the_naive_twin_says(
    steps: list[tuple[int, int]], offset: int
) -> None:
    points = as_points(steps)
    assert counter_at(points, START + offset) == naive_counter_at(points, START + offset)


@given(growth)
def test_intervals_add_up_to_the_counter_difference_exactly(steps: list[tuple[int, int]]) -> None:
    """And each is fixed as soon as it can be closed: what comes later, and trimming, change nothing."""
    history, early = MeterHistory("m", RULES), {}
    whole = MeterHistory("m", RULES)
    index = 0
    for point in as_points(steps):
        step = Reading("m", "t", Role.GRID, point.time, None, Quality.GOOD, {"export_wh": point.total})
        assert history.append(step) == whole.append(step) == []
        while history.reaches(quarter(index).end):
            early[index] = close_interval(history, quarter(index))
            history.trim(quarter(index).end)
            index += 1
    known = {index: one for index, one in early.items() if one is not None}
    assert known == {index: one for index in early if (one := close_interval(whole, quarter(index)))}
    if known:
        points = whole.points["export_wh"]
        first, last = min(known), max(known)
        start, end = counter_at(points, quarter(first).start), counter_at(points, quarter(last).end)
        assert start is not None
        assert end is not None
        assert sum(one.export_wh or 0 for one in known.values()) == end - start
        assert all((one.export_wh or 0) >= 0 for one in known.values())


def test_unknown_and_stale_values_are_passed_over() -> None:
    history = fed((0, 100), (5, None), (15, 160))
    history.append(reading(16 * MINUTE, Quality.STALE, export_wh=999))
    history.append(reading(17 * MINUTE, Quality.BAD, export_wh=None))
    assert len(history.points["export_wh"]) == 2
    interval = closed(history, 0)
    assert (interval.export_wh, interval.import_wh, interval.production_wh) == (60, None, None)


def test_a_gap_is_filled_from_the_counters_and_marked() -> None:
    steady = fed(*((minute, 10 * minute) for minute in range(0, 62)))
    assert [closed(steady, index).quality for index in range(4)] == [Metered.MEASURED] * 4
    holed = fed((-1, 0), (1, 20), (46, 470), (61, 620))
    intervals = [closed(holed, index) for index in range(4)]
    assert [one.export_wh for one in intervals] == [150, 150, 150, 150]
    assert [one.quality for one in intervals] == [Metered.ESTIMATED] * 4


def test_an_interval_is_unknown_until_there_is_a_reading_on_both_sides() -> None:
    history = fed((1, 10), (14, 100))
    assert not history.reaches(quarter(0).end)
    assert close_interval(history, quarter(0)) is None
    history.append(reading(15 * MINUTE, export_wh=110))
    assert history.reaches(quarter(0).end)
    assert close_interval(history, quarter(0)) is None
    assert close_interval(MeterHistory("m"), quarter(0)) is None


def test_a_silent_inverter_does_not_hide_the_grid_meter() -> None:
    history = MeterHistory("m", RULES)
    for minute in (-1, 4, 8):
        history.append(reading(minute * MINUTE, production_wh=10 * minute + 100))
    for minute in (-1, 16):
        history.append(reading(minute * MINUTE + 1, export_wh=100 + minute, import_wh=7))
    assert not history.reaches(quarter(0).end)
    interval = closed(history, 0)
    assert (interval.export_wh, interval.import_wh, interval.production_wh) == (15, 0, None)


def test_readings_of_another_meter_are_refused() -> None:
    with pytest.raises(ValueError, match="history of m"):
        MeterHistory("m").append(Reading("n", "t", Role.GRID, START, None, Quality.GOOD, {}))


def test_an_interval_in_which_a_counter_was_reset_holds_what_is_certain_and_says_so() -> None:
    history = fed((0, 90_000), (10, 90_100), (12, 2), (13, 12), (14, 20), (16, 40), (30, 180), (45, 330))
    first, second, third = (closed(history, index) for index in range(3))
    assert (first.export_wh, first.quality) == (128, Metered.UNKNOWN)
    assert (second.quality, third.quality) == (Metered.MEASURED, Metered.MEASURED)
    assert (first.export_wh or 0) + (second.export_wh or 0) + (third.export_wh or 0) == 100 + 328


def test_an_interval_in_which_the_clock_stood_still_is_an_estimate() -> None:
    shown = [(minute, 10 * minute) for minute in range(20)]
    history = fed(*shown[:8], (8, 80), (8, 90), (8, 100), *((m, 20 + wh) for m, wh in shown[9:]))
    assert (closed(history, 0).export_wh, closed(history, 0).quality) == (170, Metered.ESTIMATED)


def test_the_energy_of_an_interval_is_import_export_production() -> None:
    history = MeterHistory("m", RULES)
    for minute in range(17):
        history.append(
            reading(minute * MINUTE, import_wh=minute, export_wh=2 * minute, production_wh=3 * minute)
        )
    assert closed(history, 0).energy == (15, 30, 45)
