from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import instant_of
from firmware_sim.street import DEFAULT_PLACES
from firmware_sim.sun import (
    DAY,
    MINUTE,
    Place,
    clear_sky,
    cloud_cover,
    daylight,
    elevation,
    transmission,
)

AMSTERDAM, LEEDS, KRISTIANSAND = DEFAULT_PLACES
MIDSUMMER = instant_of("2026-06-21T00:00Z")
MIDWINTER = instant_of("2026-12-21T00:00Z")
places = st.builds(Place, st.just("X"), st.floats(-89, 89), st.floats(-179, 179))
instants = st.integers(instant_of("2020-01-01T00:00Z"), instant_of("2040-01-01T00:00Z"))


@pytest.mark.parametrize("place", DEFAULT_PLACES, ids=lambda place: place.zone)
@pytest.mark.parametrize("seed", range(5))
def test_noon_is_bright_and_midnight_dark(place: Place, seed: int) -> None:
    for day in (MIDSUMMER, MIDWINTER):
        light = daylight(seed, place, day // DAY)
        assert light[720] > 0
        assert light[0] == light[1439] == 0
    assert sum(daylight(seed, place, MIDSUMMER // DAY)) > sum(daylight(seed, place, MIDWINTER // DAY))


def test_the_sun_stands_where_the_calendar_says() -> None:
    """At solar noon of a solstice its height is 90° − latitude ± 23.4°."""
    noon = MIDSUMMER + 12 * 60 * MINUTE - round(LEEDS.longitude * 4 * MINUTE)
    assert elevation(LEEDS, noon) == pytest.approx(90 - LEEDS.latitude + 23.43, abs=0.1)
    winter = MIDWINTER + 12 * 60 * MINUTE - round(LEEDS.longitude * 4 * MINUTE)
    assert elevation(LEEDS, winter) == pytest.approx(90 - LEEDS.latitude - 23.43, abs=0.1)


def test_clear_sky_is_haurwitz() -> None:
    assert clear_sky(90) == pytest.approx(1037.16, abs=0.01)
    assert clear_sky(30) == pytest.approx(489.85, abs=0.01)
    assert clear_sky(0) == clear_sky(-10) == 0
    assert all(low <= high for low, high in pairwise(clear_sky(height) for height in range(-5, 91)))


def test_a_full_cover_leaves_a_quarter_of_the_light() -> None:
    assert transmission(0) == 1
    assert transmission(1) == 0.25


@given(places, instants, st.integers(0, 2**32))
def test_light_follows_sun_and_clouds(place: Place, instant: int, seed: int) -> None:
    """At the knots the table of a day is the formula itself."""
    minute = instant % DAY // MINUTE // 10 * 10
    at = instant - instant % DAY + minute * MINUTE
    naive = clear_sky(elevation(place, at)) * transmission(cloud_cover(seed, place, at))
    assert daylight(seed, place, at // DAY)[minute] == pytest.approx(naive, rel=1e-9)


@given(places, instants)
def test_light_between_knots_is_close(place: Place, instant: int) -> None:
    knot = instant - instant % (10 * MINUTE)
    line = (elevation(place, knot) + elevation(place, knot + 10 * MINUTE)) / 2
    assert clear_sky(line) == pytest.approx(clear_sky(elevation(place, knot + 5 * MINUTE)), abs=1)


@given(instants, st.integers(0, 2**32))
def test_neighbours_share_their_clouds(instant: int, seed: int) -> None:
    next_door = Place("NL", AMSTERDAM.latitude + 0.002, AMSTERDAM.longitude + 0.002)
    here = cloud_cover(seed, AMSTERDAM, instant)
    assert 0 <= here <= 1
    assert cloud_cover(seed, next_door, instant) == pytest.approx(here, abs=0.05)


def test_weather_differs_by_seed_place_and_day() -> None:
    def days(seed: int, place: Place) -> list[float]:
        return [cloud_cover(seed, place, MIDSUMMER + day * DAY) for day in range(40)]

    assert days(1, AMSTERDAM) != days(2, AMSTERDAM)
    assert days(1, AMSTERDAM) != days(1, KRISTIANSAND)
    covers = days(1, AMSTERDAM)
    assert min(covers) < 0.3
    assert max(covers) > 0.8
