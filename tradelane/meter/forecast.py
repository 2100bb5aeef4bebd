"""How much a roof will have to spare: the last intervals, carried on along the sun's way. Pure.

What the panels gave per unit of clear sky and what the house drew are taken from the last few intervals;
the sun's elevation in the interval asked for is known, and from it the clear sky (Haurwitz 1945). Without a
production counter the export itself is carried on. Quantiles come from the record: the same forecast is made
for each past interval and compared with what was metered; by day, errors count in proportion to the sun.

Known limit: it knows no weather but that of the last hour.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from tradelane.market.units import Interval
from tradelane.meter.metering import MeteredInterval

RECENT = 4
"""Intervals whose average is carried on."""
CASES = 288
"""Past forecasts whose errors make the quantiles."""
LOW_SUN = 30.0
"""W/m² of clear sky below which production tells nothing of the sky."""

Elevation = Callable[[int], float]
"""Instant (Unix ms) → the sun's elevation in degrees."""
Sun = Callable[[Interval], float]
"""Interval → the mean clear-sky irradiance in it, W/m²."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Surplus of one interval in Wh: expected, and what is very likely there at least. Never negative.

    ``share`` of cases may bring less than ``low_wh``. It rests on ``cases`` past forecasts; without any it
    is 0.
    """

    interval: Interval
    expected_wh: int
    low_wh: int
    cases: int = field(default=0, compare=False)
    share: float = field(default=0.1, compare=False)


def forecast(
    recent: Sequence[MeteredInterval], interval: Interval, elevation: Elevation, low: float = 0.1
) -> Forecast:
    """The surplus in ``interval`` from metered intervals, oldest first. Nothing known gives nothing to spare.

    ``low``: the share of cases in which less than ``low_wh`` may come.
    """
    expected, errors = _record(recent, interval, elevation)
    likely = min(_quantile(expected, errors, low), expected) if errors else 0
    return Forecast(interval, expected, likely, len(errors), low)


def quantiles(
    recent: Sequence[MeteredInterval], interval: Interval, elevation: Elevation, shares: Sequence[float]
) -> list[int]:
    """The surplus in ``interval`` that each of ``shares`` of cases may fall short of, Wh; empty without a
    record."""
    expected, errors = _record(recent, interval, elevation)
    return [_quantile(expected, errors, share) for share in shares] if errors else []


def _record(
    recent: Sequence[MeteredInterval], interval: Interval, elevation: Elevation
) -> tuple[int, list[int]]:
    """The expected surplus, and the errors, in order, that it may have."""
    length = interval.end - interval.start
    known = [one.lasting(length) for one in recent if one.export_wh is not None][-CASES - RECENT :]
    sun = cache(partial(mean_sun, elevation))
    return expected_wh(known, interval, sun), sorted(_errors(known, interval, sun))


def _quantile(expected: int, errors: Sequence[int], share: float) -> int:
    """What comes with the error that ``share`` of the errors lie below, on the safe side."""
    return max(expected + errors[int(share * (len(errors) - 1))], 0)


def expected_wh(known: Sequence[MeteredInterval], interval: Interval, sun: Sun) -> int:
    """The expected surplus alone; ``known`` are intervals with an export."""
    last = known[-RECENT:]
    if not last:
        return 0
    there = sun(interval)
    balances = [_balance(one) for one in last]
    if any(balance is None for balance in balances):
        return _carried([float(one.export_wh or 0) for one in last], last, there, sun)
    production = _carried([float(one.production_wh or 0) for one in last], last, there, sun)
    drawn = sum(balance for balance in balances if balance is not None) / len(last)
    return max(round(production - drawn), 0)


def mean_sun(elevation: Elevation, interval: Interval) -> float:
    """The mean clear-sky irradiance in ``interval``, W/m², by Simpson's rule."""
    start, middle, end = interval.start, (interval.start + interval.end) // 2, interval.end
    return (clear_sky(elevation(start)) + 4 * clear_sky(elevation(middle)) + clear_sky(elevation(end))) / 6


def clear_sky(degrees: float) -> float:
    """Irradiance on level ground under a clear sky, W/m²: 1098·s·exp(−0.059/s), s the sine of the elevation.

    B. Haurwitz, Insolation in relation to cloudiness and cloud density, J. Meteorology 2 (1945).
    """
    sine = math.sin(math.radians(degrees))
    return 1098 * sine * math.exp(-0.059 / sine) if sine > 0 else 0.0


def _balance(one: MeteredInterval) -> int | None:
    """What the house drew in Wh, where all three counters are known."""
    if one.production_wh is None or one.import_wh is None or one.export_wh is None:
        return None
    return one.production_wh + one.import_wh - one.export_wh


def _carried(energies: Sequence[float], last: Sequence[MeteredInterval], there: float, sun: Sun) -> int:
    """Energy per sun of the last intervals, the latest weighing most, times the sun ``there``."""
    weighed, suns = 0.0, 0.0
    for weight, (energy, one) in enumerate(zip(energies, last, strict=True), 1):
        here = sun(one.interval)
        if here >= LOW_SUN:
            weighed += weight * energy
            suns += weight * here
    return round(weighed / suns * there) if suns else 0


def _errors(known: Sequence[MeteredInterval], interval: Interval, sun: Sun) -> list[int]:
    """Metered minus forecast for past intervals, each forecast from as long before as this one is."""
    if not known:
        return []
    lead, there = interval.start - known[-1].interval.start, sun(interval)
    starts = [one.interval.start for one in known]
    errors = []
    for index in range(RECENT, len(known)):
        target = known[index]
        count = min(bisect_right(starts, target.interval.start - lead), index)
        if count >= RECENT:
            error = (target.export_wh or 0) - expected_wh(known[:count][-RECENT:], target.interval, sun)
            here = sun(target.interval)
            if min(here, there) >= LOW_SUN:
                errors.append(round(error * there / here))
            elif max(here, there) < LOW_SUN or lead == 0:
                errors.append(error)
    return errors
