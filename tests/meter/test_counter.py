"""The states of one counter: what is believed, what is held, what is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meter.counters import RULES, START, as_points, closed, fed, growth, reading, totals
from tradelane.market.units import MINUTE
from tradelane.meter.counter import NEXT, Counter, Mark, Rules, Seen, State, plausible, track, wraps
from tradelane.meter.history import MeterHistory


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
    points = history.points["export_wh"]
    assert totals(history) == [0, 10, 10, 16, 27, 37]
    assert [point.sure for point in points] == [True, True, False, True, True, True]
    assert points[2].time == START + 2 * MINUTE, "from its first reading on the new base counts"
    assert history.counters["export_wh"].state is State.RESET


def test_a_reset_that_was_confirmed_too_soon_is_taken_back_when_the_counter_returns() -> None:
    zeros = [(minute, 0) for minute in range(2, 12)]
    history = fed((0, 90_000), (1, 90_010), *zeros, (12, 90_120), (13, 90_130))
    assert totals(history) == [0, 10, 120, 130]
    assert all(point.sure for point in history.points["export_wh"])
    assert history.changed == START + MINUTE


def test_a_new_counter_that_has_counted_goes_on_past_the_old_mark() -> None:
    history = fed((0, 140), (1, 150), (2, 0), (3, 5), (4, 10), *((m, 10 * m) for m in range(5, 20)))
    assert totals(history)[-1] == 10 + 190, "150 was passed on the way: that is no return"
    assert history.counters["export_wh"].state is State.OK


def test_a_dip_and_its_return_bill_the_true_difference() -> None:
    history = fed((0, 90_000), (1, 90_010), (2, 0), (3, 90_020), (16, 90_100))
    assert totals(history) == [0, 10, 20, 100]


WRAPS = replace(RULES, wraps_at=655_360, resolution_wh=10)


def test_a_rollover_counts_all_that_flowed() -> None:
    history = fed((0, 655_300), (1, 655_340), (2, 20), (3, 60), (4, 100), (5, 140), rules=WRAPS)
    assert totals(history) == [0, 40, 80, 160, 200]
    assert all(point.sure for point in history.points["export_wh"])
    assert history.counters["export_wh"].state is State.OK


def test_a_dip_just_before_the_rollover_is_none() -> None:
    history = fed((0, 655_300), (1, 655_310), (2, 0), (3, 655_320), (4, 655_330), rules=WRAPS)
    assert totals(history) == [0, 10, 20, 30]


def test_without_a_place_to_wrap_at_the_same_is_a_reset() -> None:
    history = fed((0, 655_300), (1, 655_340), (2, 20), (3, 60), (4, 100), (5, 140))
    assert totals(history) == [0, 40, 40, 120, 160]


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(1, 60))
def test_what_wraps_is_what_is_plausible_on_an_endless_counter(before: int, after: int, minutes: int) -> None:
    last, first = Mark(START, 655_360 - before, 0), Mark(START + minutes * MINUTE, after, 0)
    endless = plausible(last, first.time, 655_360 + after, WRAPS)
    assert wraps(last, first, 655_360, WRAPS) == (endless and after < last.wh)


@given(st.lists(st.booleans(), min_size=5, max_size=200))
def test_a_counter_that_flickers_by_one_step_bills_nothing_and_is_told_once(backs: list[bool]) -> None:
    history, told = MeterHistory("m", replace(RULES, resolution_wh=100)), []
    for k, back in enumerate([False, *backs]):
        told += history.append(reading(k * 10_000, export_wh=16_000_000 - 100 * back))
    assert totals(history)[-1] == 0
    assert [one.seen for one in told] == ([Seen.NOISE] if any(backs) else [])
    assert history.counters["export_wh"].state is State.OK
    assert history.points["export_wh"][-1].time == START + len(backs) * 10_000, "it closes intervals as ever"


def test_a_coarse_counter_is_no_jump() -> None:
    history = fed((0, 5_000_000), (30, 5_000_000), (31, 5_001_000), (60, 5_002_000),
                  rules=replace(RULES, resolution_wh=1_000))  # fmt: skip
    assert totals(history) == [0, 0, 1_000, 2_000]


def test_a_small_step_back_stands_still_until_it_is_passed() -> None:
    shown = [(minute, 90_010 + minute) for minute in range(1, 30)]
    history = fed((0, 90_020), *shown)
    assert history.points["export_wh"][-1].total == 19


def test_a_spike_is_told_and_not_billed() -> None:
    history = fed((0, 90_000), (1, 90_010))
    told = history.append(reading(2 * MINUTE, export_wh=9_203_000))
    assert [(one.what, one.seen, one.wh) for one in told] == [("export_wh", Seen.JUMP, 9_203_000)]
    history.append(reading(16 * MINUTE, export_wh=90_160))
    assert closed(history, 0).export_wh == 150


def test_a_spike_that_stays_is_a_new_base_and_the_way_back_is_not_billed() -> None:
    history = fed(
        (0, 1_000_000), (1, 1_050_000), (2, 1_050_001), (3, 1_050_002), (4, 1_000_020), (5, 1_000_030)
    )
    assert totals(history) == [0, 20, 30]


@pytest.mark.parametrize(("power", "expected"), [(-5_000, 2_506), (None, 6), (0, 6), (5_000, 6)])
def test_a_counter_that_stood_still_catches_up_only_with_what_its_power_tells(
    power: int | None, expected: int
) -> None:
    """Half an hour at 5 kW without a count, then all at once: nothing else in the reading was still."""
    history = MeterHistory("m", RULES)
    for k in range(31):
        history.append(reading(k * MINUTE, export_wh=90_000, power_w=power, frequency_hz=50 + k / 100))
    for k in range(31, 35):
        history.append(reading(k * MINUTE, export_wh=92_500 + 2 * (k - 31), power_w=power))
    assert totals(history)[-1] == expected
    assert closed(history, 1).export_wh == (1_210 if power == -5_000 else 0)
    assert history.changed == (START if power == -5_000 else None)


def test_a_clock_that_stands_still_loses_nothing() -> None:
    """Ours never goes back: set back by an hour, it gives an hour of readings one instant."""
    counter = Counter()
    for k in range(360):
        counter, _ = track(counter, START, 90_000 + 14 * k, RULES)
    counter, event = track(counter, START + MINUTE, 90_000 + 14 * 360, RULES)
    assert event.total == 14 * 360


def test_a_reading_older_than_the_last_changes_nothing() -> None:
    counter, _ = track(Counter(), START, 100, RULES)
    assert track(counter, START - 1, 150, RULES) == (counter, track(counter, START - 1, 150, RULES)[1])
    assert track(counter, START - 1, 150, RULES)[1].seen is Seen.LATE
    assert track(counter, START, 60_000, RULES)[1].seen is Seen.LATE, "and one that leaps at the same instant"


def test_every_state_that_counts_has_a_way_for_every_reading() -> None:
    always = {Seen.FORWARD, Seen.NOISE, Seen.BACK, Seen.DROP, Seen.JUMP}
    verdicts = {Seen.AGAIN, Seen.CONFIRMED, Seen.ROLLOVER, Seen.CAUGHT_UP, Seen.RETURN}
    assert {seen for state, seen in NEXT if state is State.OK} == always
    assert {seen for state, seen in NEXT if state is State.RESET} == always | {Seen.RETURN}
    assert {seen for state, seen in NEXT if state is State.SUSPECT} == always | verdicts


shown = st.lists(st.tuples(st.integers(-5_000, 3_600_000), st.integers(0, 3_000_000)), max_size=80)


@given(shown, st.sampled_from([RULES, WRAPS, replace(RULES, resolution_wh=1_000)]))
def test_whatever_a_device_shows_no_energy_is_taken_back_but_what_was_counted_on_a_false_base(
    steps: list[tuple[int, int]], rules: Rules
) -> None:
    history, time = MeterHistory("m", rules), 0
    for later, wh in steps:
        time += later
        history.append(reading(time, export_wh=wh))
        points = history.points["export_wh"]
        assert [point.total for point in points] == sorted(point.total for point in points)
        assert [point.time for point in points] == sorted(point.time for point in points)
