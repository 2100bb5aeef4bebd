from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.load import appliance_runs, household, local_minute
from firmware_sim.street import DEFAULT_PLACES
from firmware_sim.sun import MINUTES, Place

AMSTERDAM = DEFAULT_PLACES[0]
FAR_EAST = Place("JP", 35.7, 139.7)
seeds = st.integers(0, 2**63 - 1)
days = st.integers(18_000, 25_000)


@given(seeds, days)
def test_a_house_draws_between_its_standing_load_and_its_fuse(seed: int, day: int) -> None:
    load = household(seed, AMSTERDAM, day)
    assert len(load) == MINUTES
    assert min(load) >= 70
    assert max(load) < 12_000
    assert load == household(seed, AMSTERDAM, day)


@given(seeds, days)
def test_appliances_run_within_the_day_and_add_their_watts(seed: int, day: int) -> None:
    load = household(seed, AMSTERDAM, day)
    runs = appliance_runs(seed, AMSTERDAM, day)
    for start, end, _ in runs:
        assert 0 <= start < end <= MINUTES
    for minute in range(0, MINUTES, 7):
        running = sum(watts for start, end, watts in runs if start <= minute < end)
        assert load[minute] - running < 1_500


def test_a_usual_house_uses_a_usual_amount_with_its_peak_in_the_evening() -> None:
    daily = [household(seed, AMSTERDAM, 20_625) for seed in range(200)]
    kwh = sum(sum(day) for day in daily) / 60_000 / len(daily)
    assert 7 < kwh < 16

    def mean(hour: int) -> float:
        return sum(sum(day[hour * 60 : hour * 60 + 60]) for day in daily) / 60 / len(daily)

    assert mean(19) > mean(12) > mean(2)
    assert mean(7) > mean(4)


def test_people_get_up_with_their_own_sun() -> None:
    assert local_minute(FAR_EAST, 0) == 559
    east = [household(seed, FAR_EAST, 20_625) for seed in range(100)]
    night_utc = range(16 * 60, 20 * 60)  # 01:19 to 05:19 there
    evening_utc = range(8 * 60, 12 * 60)
    assert sum(day[m] for day in east for m in night_utc) < sum(day[m] for day in east for m in evening_utc)
