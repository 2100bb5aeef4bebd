"""Interval closing and the counter's states, against naive twins."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market.units import MINUTE, Interval
from tradelane.meter.counter import NEXT, Counter, Rules, Seen, State, track
from tradelane.meter.metering import Metered, MeteredInterval, MeterHistory, Point, close_interval, counter_at
from tradelane.meter.reading import Quality, Reading, Role, Value

QUARTER = 15 * MINUTE
START = 1_750_000_500_000 // QUARTER * QUARTER
RULES = Rules(max_power_w=50_000, slack_wh=100, confirm=3)


def reading(time: int, quality: Quality = Quality.GOOD, **values: Value) -> Reading:
    return Reading("m", "test", Role.GRID, START + time, None, quality, values)


def fed(*shown: tuple[int, int | None]) -> MeterHistory:
    """A history from (minutes after START, export counter)."""
    history = MeterHistory("m", RULES)
    for minute, wh in shown:
        history.append(reading(minute * MINUTE, export_wh=wh))
    return history


def quarter(index: int) -> Interval:
    return Interval(START + index * QUARTER, START + (index + 1) * QUARTER)


def closed(history: MeterHistory, index: int) -> MeteredInterval:
    interval = close_interval(history, quarter(index))
    assert interval is not None
    return interval


def naive_counter_at(points: list[Point], instant: int) -> int | None:
    """The same by trying every pair of neighbours with rationals."""
    for before, after in pairwise(points):
        if before.time <= instant <= after.time:
            share = Fraction(instant - before.time, after.time - before.time)
            return floor(before.total + (after.total - before.total) * share)
    return points[0].total if len(points) == 1 and points[0].time == instant else None


growth = st.lists(st.tuples(st.integers(1_000, 40 * MINUTE), st.integers(0, 110)), min_size=1, max_size=60)


def as_points(steps: list[tuple[int, int]]) -> list[Point]:
    points, time, total = [], START - 7_000, 5_000_000
    for later, more in steps:
        points.append(Point(time, total))
        time, total = time + later, total + more
    return points


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


@given(growth, st.lists(st.integers(0, 8_000_000), min_size=1, max_size=2), st.integers(0, 59))
def test_a_short_glitch_of_any_height_bills_nothing_that_the_counter_did_not_count(
    steps: list[tuple[int, int]], glitch: list[int], at: int
) -> None:
    """Glitches shorter than the confirmation may hide energy for a while but never invent any, but for the
    slack and the power that make a step plausible in the first place."""
    points = as_points(steps)
    shown = [(point.time, point.total) for point in points]
    at = at % len(shown)
    if at == 0:
        return
    width = shown[at][0] - shown[at - 1][0]
    bad = [(shown[at - 1][0] + (index + 1) * width // 4, wh) for index, wh in enumerate(glitch)]
    counter = Counter()
    for time, wh in [*shown[:at], *bad, *shown[at:]]:
        counter, _ = track(counter, time, wh, RULES)
    assert counter.last is not None
    true = shown[-1][1] - shown[0][1]
    spike = max((wh - shown[at - 1][1] for _, wh in bad), default=0)
    plausible = RULES.slack_wh + RULES.max_power_w * width // 3_600_000
    assert counter.last.total <= max(true, min(spike, 2 * plausible) + true)


@given(growth, st.integers(0, 40), st.integers(3, 20))
def test_a_counter_that_stands_at_zero_for_long_and_comes_back_bills_its_true_growth(
    steps: list[tuple[int, int]], at: int, zeros: int
) -> None:
    shown = [(point.time, point.total) for point in as_points(steps)]
    at = 1 + at % len(shown)
    later = zeros * MINUTE
    bad = [(shown[at - 1][0] + (index + 1) * MINUTE, 0) for index in range(zeros)]
    after = [(time + later, wh) for time, wh in shown[at:]]
    counter, totals = Counter(), []
    for time, wh in [*shown[:at], *bad, *after]:
        counter, event = track(counter, time, wh, RULES)
        totals.append(event.total)
    assert counter.last is not None
    counted = [total for total in totals if total is not None]
    assert counted == sorted(counted)
    assert counter.last.total == (after or shown[:at])[-1][1] - shown[0][1]


def test_a_true_reset_starts_a_new_base_once_it_is_confirmed() -> None:
    history = fed((0, 90_000), (1, 90_010), (2, 3), (3, 5), (4, 9), (5, 20), (16, 30))
    assert [point.total for point in history.points["export_wh"]] == [0, 10, 16, 27, 37]
    assert history.counters["export_wh"].state is State.RESET


def test_a_dip_and_its_return_bill_the_true_difference() -> None:
    history = fed((0, 90_000), (1, 90_010), (2, 0), (3, 90_020), (16, 90_100))
    assert [point.total for point in history.points["export_wh"]] == [0, 10, 20, 100]


def test_a_small_step_back_stands_still_until_it_is_passed() -> None:
    shown = [(minute, 90_010 + minute) for minute in range(1, 30)]
    history = fed((0, 90_020), *shown)
    assert history.points["export_wh"][-1].total == 19


def test_a_spike_is_told_and_not_billed() -> None:
    history = fed((0, 90_000), (1, 90_010))
    told = history.append(reading(2 * MINUTE, export_wh=9_203_000))
    assert [(name, event.seen, event.total) for name, event in told] == [("export_wh", Seen.JUMP, None)]
    history.append(reading(16 * MINUTE, export_wh=90_160))
    assert closed(history, 0).export_wh == 150


def test_a_spike_that_stays_is_a_new_base_and_the_way_back_is_not_billed() -> None:
    history = fed(
        (0, 1_000_000), (1, 1_050_000), (2, 1_050_001), (3, 1_050_002), (4, 1_000_020), (5, 1_000_030)
    )
    assert [point.total for point in history.points["export_wh"]] == [0, 2, 20, 30]


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


def test_a_late_reading_changes_nothing() -> None:
    history = fed((0, 0), (10, 100))
    before = list(history.points["export_wh"])
    ((_, event),) = history.append(reading(5 * MINUTE, export_wh=10))
    assert event.seen is Seen.LATE
    assert history.points["export_wh"] == before


def test_every_state_that_counts_has_a_way_for_every_reading() -> None:
    unsuspicious = {Seen.FORWARD, Seen.BACK, Seen.DROP, Seen.JUMP}
    assert {seen for state, seen in NEXT if state is State.OK} == unsuspicious
    assert {seen for state, seen in NEXT if state is State.RESET} == unsuspicious | {Seen.RETURN}
    assert {seen for state, seen in NEXT if state is State.SUSPECT} == set(Seen) - {Seen.FIRST, Seen.LATE}


@given(st.lists(st.tuples(st.integers(-5_000, 3_600_000), st.integers(0, 3_000_000)), max_size=80))
def test_whatever_a_device_shows_the_total_never_falls(shown: list[tuple[int, int]]) -> None:
    counter, time, total = Counter(), START, 0
    for later, wh in shown:
        time += later
        counter, event = track(counter, time, wh, RULES)
        if event.total is not None:
            assert event.total >= total
            total = event.total
