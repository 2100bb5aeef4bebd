from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.clock import instant_of
from firmware_sim.house import UJ_PER_MWH, UJ_PER_WH, Counters, Home, House
from firmware_sim.street import DEFAULT_PLACES
from firmware_sim.sun import DAY, MINUTE

SINCE = instant_of("2026-03-29T00:00Z")
SPAN = 3 * DAY
homes = st.builds(
    Home,
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**31),
    st.sampled_from(DEFAULT_PLACES),
    st.sampled_from([0.0, 0.4, 4.2, 9.9, 120.0]),
)
moments = st.integers(SINCE, SINCE + SPAN - 1)


def naive_counters(house: House, instant: int) -> Counters:
    """Every minute's power summed, one after the other; the last one as far as it has gone."""
    start = house.counters(SINCE)
    made, imported, exported, used = start.production, start.imported, start.exported, start.load
    for minute in range(SINCE, instant, MINUTE):
        length = min(MINUTE, instant - minute)
        production, load = house.power(minute)
        made += production * length
        used += load * length
        imported += max(0, load - production) * length
        exported += max(0, production - load) * length
    return Counters(made, imported, exported, used)


@settings(max_examples=40)
@given(homes, moments)
def test_counters_are_the_sum_of_every_minute(home: Home, instant: int) -> None:
    house = House(home, SINCE)
    assert house.counters(instant) == naive_counters(house, instant)


@settings(max_examples=60)
@given(homes, moments, moments)
def test_energy_balances_exactly(home: Home, one: int, other: int) -> None:
    house = House(home, SINCE)
    for instant in (one, other):
        now = house.counters(instant)
        assert now.production - now.load == now.exported - now.imported
    first, last = house.counters(min(one, other)), house.counters(max(one, other))
    assert last.production >= first.production
    assert last.imported >= first.imported
    assert last.exported >= first.exported


@settings(max_examples=40)
@given(homes, st.integers(0, SPAN // MINUTE - 1))
def test_a_minute_is_a_whole_number_of_mwh(home: Home, minute: int) -> None:
    house = House(home, SINCE)
    now = house.counters(SINCE + minute * MINUTE)
    assert {value % UJ_PER_MWH for value in (now.production, now.imported, now.exported, now.load)} == {0}


@settings(max_examples=40)
@given(homes, moments)
def test_a_house_is_either_importing_or_exporting(home: Home, instant: int) -> None:
    house = House(home, SINCE)
    minute = instant - instant % MINUTE
    first, last = house.counters(minute), house.counters(minute + MINUTE)
    assert first.imported == last.imported or first.exported == last.exported


@settings(max_examples=40)
@given(homes, moments)
def test_a_house_built_anew_continues(home: Home, instant: int) -> None:
    lived = House(home, SINCE)
    for day in range(SINCE, instant, DAY):
        lived.counters(day)
    assert House(home, SINCE + 5_000_000).counters(instant) == lived.counters(instant)


def test_wh_are_cut_off_below() -> None:
    just_less = Counters(UJ_PER_WH * 5 - 1, UJ_PER_WH * 5, UJ_PER_WH * 5 + 1, 0)
    assert just_less.wh() == {"production_wh": 4, "import_wh": 5, "export_wh": 5}


def test_without_panels_nothing_is_made_or_sent_out() -> None:
    house = House(Home(3, 1, DEFAULT_PLACES[0], 0.0), SINCE)
    now = house.counters(SINCE + SPAN - 1)
    assert (now.production, now.exported) == (0, 0)
    assert now.imported == now.load > house.counters(SINCE).imported


def test_meters_start_at_readings_of_their_own() -> None:
    starts = {
        House(Home(seed, 1, DEFAULT_PLACES[0], 5.0), SINCE).counters(SINCE).imported for seed in range(9)
    }
    assert len(starts) == 9


def test_before_the_first_day_there_is_no_reading() -> None:
    with pytest.raises(ValueError, match="later day"):
        House(Home(1, 1, DEFAULT_PLACES[0], 5.0), SINCE).counters(SINCE - 1)
