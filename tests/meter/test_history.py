"""What counts and when: late readings, device clocks, standing values; the history kept and taken up."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.counters import QUARTER, RULES, START, closed, fed, quarter, reading, totals
from tradelane.market.units import MINUTE
from tradelane.meter.counter import Seen
from tradelane.meter.frozen import same_again
from tradelane.meter.history import MeterHistory, Told
from tradelane.meter.metering import Metered
from tradelane.meter.power import Flow, flowed
from tradelane.meter.reading import Quality, Reading, Role
from tradelane.meter.snapshot import restored, saved
from tradelane.meter.timing import Timing, measured_at

SKEW = -37 * MINUTE
"""The device's clock is so far behind ours."""


def clocked(taken: int, arrived: int, wh: int, skew: int = SKEW) -> Reading:
    return reading(arrived, device_time=START + taken + skew, export_wh=wh)


def test_a_late_reading_corrects_the_interval_it_belongs_to() -> None:
    """All flowed before minute 14, which only the readings held back by the network know."""
    history = MeterHistory("m", RULES)
    for k in range(6):
        history.append(clocked(k * MINUTE, k * MINUTE, 1_000))
    history.append(clocked(16 * MINUTE, 16 * MINUTE, 1_500))
    history.append(clocked(17 * MINUTE, 17 * MINUTE, 1_510))
    assert (closed(history, 0).export_wh, closed(history, 0).quality) == (454, Metered.ESTIMATED)
    assert history.changed is None
    for k in (10, 12, 14):
        history.append(clocked(k * MINUTE, 17 * MINUTE + k, 1_000 + 35 * k))
    assert (closed(history, 0).export_wh, closed(history, 0).quality) == (495, Metered.MEASURED)
    assert history.changed == START + 5 * MINUTE
    assert totals(history)[-1] == 510, "and nothing is counted twice"


def test_what_a_battery_gave_is_not_counted_as_sold_nor_mixed_with_the_grid_s_counter() -> None:
    alone, hybrid = MeterHistory("m", RULES), MeterHistory("m", RULES)
    for k in range(16):
        grid = reading(k * MINUTE, export_wh=1_000 + 10 * k)
        battery = replace(grid, role=Role.BATTERY, values={"export_wh": 700_000 + 33 * k})
        alone.append(grid)
        hybrid.append(grid)
        assert hybrid.append(battery) == []
    assert closed(hybrid, 0) == closed(alone, 0)
    assert closed(hybrid, 0).export_wh == 150


@given(st.lists(st.tuples(st.integers(0, 1_200_000), st.integers(0, 2_000)), max_size=20))
def test_late_readings_never_change_the_sum(late: list[tuple[int, int]]) -> None:
    history = MeterHistory("m", RULES)
    for k in range(21):
        history.append(clocked(k * MINUTE, k * MINUTE, 1_000 + 25 * k))
    for n, (taken, wh) in enumerate(late):
        history.append(clocked(taken, 22 * MINUTE + n, wh))
    points = [point for point in history.points["export_wh"] if point.time <= START + 20 * MINUTE]
    assert points == sorted(points)
    assert points[-1].total == 500


def test_a_device_clock_that_is_set_back_is_learnt_again() -> None:
    history = MeterHistory("m", RULES)
    for k in range(60):
        skew = SKEW if k < 10 else SKEW - 60 * MINUTE
        history.append(clocked(k * MINUTE, k * MINUTE, 1_000 + (25 * k if k < 20 else 500), skew))
    assert history.points["export_wh"][-1].time == START + 59 * MINUTE, "also while nothing flows"
    assert [closed(history, k).export_wh for k in range(3)] == [375, 125, 0]
    assert history.timing.usual == -SKEW + 60 * MINUTE


def test_a_device_clock_that_runs_ahead_or_leaps_changes_nothing() -> None:
    history = MeterHistory("m", RULES)
    for k in range(46):
        history.append(
            clocked(k * MINUTE, k * MINUTE, 1_000 + 25 * k, SKEW + 100 * k + k // 20 * 90 * MINUTE)
        )
    assert [closed(history, k).export_wh for k in range(3)] == [375] * 3
    assert history.changed is None


def test_only_what_is_much_later_than_usual_is_late() -> None:
    timing, late = measured_at(Timing(), clocked(0, 0, 1))
    assert (timing.usual, late) == (-SKEW, None)
    assert measured_at(timing, clocked(0, 60_000, 1))[1] is None
    assert measured_at(timing, clocked(0, 60_001, 1))[1] == START
    assert measured_at(timing, reading(0, export_wh=1)) == (timing, None)


def test_values_that_came_earlier_count_when_they_came() -> None:
    history = fed((0, 1_000))
    at, ages = START + 16 * MINUTE, {"export_wh": 2 * MINUTE}
    older = Reading("m", "t", Role.GRID, at, None, Quality.GOOD, {"export_wh": 1_140}, ages)
    history.append(older)
    assert history.points["export_wh"][-1].time == START + 14 * MINUTE
    assert not history.reaches(quarter(0).end)


def test_a_device_that_repeats_itself_counts_again_when_it_wakes() -> None:
    """Its half hour is filled from the counter, though 2 kWh at once were no plausible step."""
    history = MeterHistory("m", RULES)
    for k in range(61):
        shown = 10 if 10 <= k < 40 else k
        values = {"export_wh": 90_000 + 70 * shown, "voltage_l1_v": 230 + shown / 10}
        assert history.append(reading(k * MINUTE, shown=values)) == []
    assert [closed(history, k).export_wh for k in range(4)] == [1_050] * 4
    assert [closed(history, k).quality for k in range(4)] == [
        *[Metered.ESTIMATED] * 3,
        Metered.MEASURED,
    ]


def test_counters_alone_may_stand_still() -> None:
    assert same_again(same_again(None, {"export_wh": 5}), {"export_wh": 5}).repeats == 0
    lively = {"export_wh": 5, "frequency_hz": 50.01}
    assert same_again(same_again(None, lively), lively).repeats == 1
    assert same_again(same_again(None, lively), {**lively, "frequency_hz": None}).repeats == 0


@pytest.mark.parametrize(
    ("name", "role", "power", "expected"),
    [
        ("export_wh", Role.GRID, -3_600, 60),
        ("export_wh", Role.GRID, 3_600, 0),
        ("import_wh", Role.GRID, 3_600, 60),
        ("production_wh", Role.SOLAR, 3_600, 60),
        ("production_wh", Role.SOLAR, None, None),
        ("export_wh", Role.BATTERY, 3_600, None),
    ],
)
def test_power_says_what_flows_through_a_counter(
    name: str, role: Role, power: int | None, expected: int | None
) -> None:
    flow = Flow()
    for minute in (0, 1):
        at = START + minute * MINUTE
        flow = flowed(flow, name, Reading("m", "t", role, at, None, Quality.GOOD, {"power_w": power}))
    assert flow.wh == expected
    assert flow.afresh().wh == (None if expected is None else 0)


def test_the_same_is_told_once_an_hour() -> None:
    history, told = fed((0, 90_000)), []
    for k in range(1, 150):
        told += history.append(reading(k * MINUTE, export_wh=90_000 + (k - 3_000 if k % 2 else k)))
    assert [(one.seen, one.time) for one in told] == [
        (Seen.BACK, START + minute * MINUTE) for minute in (1, 61, 121)
    ]


steps = st.lists(
    st.tuples(
        st.integers(1_000, 10 * MINUTE),
        st.sampled_from([0, 1, 7, 40, -5, -100_000, 100_000]),
        st.sampled_from([None, -900, -9_000]),
        st.sampled_from([None, 0, 5_000, 3_600_000]),
    ),
    max_size=40,
)


def readings(drawn: list[tuple[int, int, int | None, int | None]]) -> list[Reading]:
    time, wh, found = 0, 400_000, []
    for later, more, power, behind in drawn:
        time, wh = time + later, max(wh + more, 0)
        device_time = None if behind is None else START + time - behind
        values = {"export_wh": wh, "power_w": power, "voltage_l1_v": 230.0, "current_l1_a": 3.9}
        found.append(reading(time, device_time=device_time, shown=values))
    return found


@given(steps, st.integers(0, 40))
def test_a_history_taken_up_again_goes_on_as_if_it_had_never_stopped(
    drawn: list[tuple[int, int, int | None, int | None]], cut: int
) -> None:
    shown = readings(drawn)
    one, other = MeterHistory("m", RULES), MeterHistory("m", RULES)
    before = [told for reading in shown[:cut] for told in one.append(reading)]
    assert before == [told for reading in shown[:cut] for told in other.append(reading)]
    other = restored("m", json.loads(json.dumps(saved(other))), RULES, {})
    for reading_ in shown[cut:]:
        told: list[Told] = one.append(reading_)
        assert told == other.append(reading_)
    assert one == other


@given(st.lists(st.tuples(st.integers(1_000, 4 * MINUTE), st.integers(0, 60)), min_size=30, max_size=60))
def test_thinning_changes_no_interval_that_is_closed(drawn: list[tuple[int, int]]) -> None:
    history, thinned = MeterHistory("m", RULES), MeterHistory("m", RULES)
    time, wh = 0, 1_000
    for later, more in drawn:
        time, wh = time + later, wh + more
        for each in (history, thinned):
            each.append(reading(time, export_wh=wh))
    boundaries = [START + k * QUARTER for k in range(1, time // QUARTER + 1)]
    thinned.thin(boundaries)
    thinned.thin(boundaries)
    for k in range(1, time // QUARTER):
        assert closed(thinned, k).energy == closed(history, k).energy
    since = boundaries[-1] if boundaries else START
    assert (
        len([p for p in thinned.points["export_wh"] if p.time < since]) <= 2 * len(boundaries)
        or not boundaries
    )
    assert thinned.points["export_wh"][-1] == history.points["export_wh"][-1]
