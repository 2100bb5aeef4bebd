"""What a household draws: standing load, a morning and an evening peak, appliances, and a flicker.

A pure function of (seed, time). Local time is the sun's mean time at the house, from its longitude.
"""

from __future__ import annotations

from functools import lru_cache

from firmware_sim.noise import mix, unit
from firmware_sim.sun import MINUTES, Place

# by the local hour, straight lines between the hours
_NIGHT_AND_MORNING = (0.10, 0.06, 0.05, 0.05, 0.06, 0.15, 0.45, 0.80, 0.70, 0.45, 0.38, 0.40)
_AFTERNOON_AND_EVENING = (0.48, 0.42, 0.35, 0.35, 0.45, 0.70, 0.95, 1.00, 0.90, 0.75, 0.50, 0.25)
_APPLIANCES = (
    # (most runs a day, W, shortest and longest run in minutes, earliest and latest start, local minute)
    (6, 2000, 2, 4, 390, 1380),  # kettle
    (2, 1800, 12, 45, 420, 1230),  # cooker and oven
    (1, 1900, 35, 80, 540, 1260),  # washing machine, heating its water
    (1, 1500, 30, 60, 1140, 1370),  # dishwasher
)
_STANDING, _PEAK, _RUNS, _START, _LENGTH, _FLICKER = range(6)


def local_minute(place: Place, minute: int) -> int:
    """The minute of the local day at ``minute`` of the UTC day."""
    return (minute + round(place.longitude * 4)) % MINUTES


@lru_cache(maxsize=1)
def _curve() -> tuple[float, ...]:
    hours = (*_NIGHT_AND_MORNING, *_AFTERNOON_AND_EVENING, _NIGHT_AND_MORNING[0])
    return tuple(
        hours[minute // 60] + (hours[minute // 60 + 1] - hours[minute // 60]) * (minute % 60) / 60
        for minute in range(MINUTES)
    )


def appliance_runs(seed: int, place: Place, day: int) -> list[tuple[int, int, int]]:
    """(first minute, minute after the last, W) of every run in a UTC day; a run ends with the day."""
    runs = []
    for kind, (most, watts, shortest, longest, earliest, latest) in enumerate(_APPLIANCES):
        for turn in range(int(unit(seed, _RUNS, kind, day) * (most + 1))):
            local = earliest + unit(seed, _START, kind, day, turn) * (latest - earliest)
            start = (int(local) - round(place.longitude * 4)) % MINUTES
            length = shortest + int(unit(seed, _LENGTH, kind, day, turn) * (longest - shortest + 1))
            runs.append((start, min(MINUTES, start + length), watts))
    return runs


def _flicker(seed: int, first_minute: int) -> list[float]:
    """A number in [0, 1) for each minute of a day; one mixing of the keys serves four minutes."""
    wobble = []
    for quad in range(first_minute, first_minute + MINUTES, 4):
        bits = mix(seed, _FLICKER, quad)
        wobble += [(bits >> shift & 0xFFFF) / 65536 for shift in (0, 16, 32, 48)]
    return wobble


def household(seed: int, place: Place, day: int) -> list[float]:
    """The load in W in each minute of a UTC day (days counted from 1970). Never below 70 W."""
    standing, peak = 70 + 160 * unit(seed, _STANDING), 250 + 450 * unit(seed, _PEAK)
    curve, shift, first = _curve(), local_minute(place, 0), day * MINUTES
    turned = curve[shift:] + curve[:shift]
    load = [
        standing + peak * share * (0.7 + 0.6 * wobble)
        for share, wobble in zip(turned, _flicker(seed, first), strict=True)
    ]
    for start, end, watts in appliance_runs(seed, place, day):
        for minute in range(start, end):
            load[minute] += watts
    return load
