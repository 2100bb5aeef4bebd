"""How much a roof will have to spare: the last intervals, carried on along the sun's way. Pure.

What the panels gave per unit of clear sky and what the house drew are taken from the last few intervals;
the sun's elevation in the interval asked for is known, and from it the clear sky (Haurwitz 1945). Without a
production counter the export itself is carried on. The low value is what was exceeded in most recent cases
(nine of ten, unless asked otherwise): the same forecast is made for each past interval and compared with what
was metered.

Known limit: it knows no weather but that of the last hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from tradelane.market.units import Interval
from tradelane.meter.metering import MeteredInterval

RECENT = 4
"""Intervals whose average is carried on."""
CASES = 96
"""Past forecasts whose errors make the low value."""
LOW_SUN = 30.0
"""W/m² of clear sky below which production tells nothing of the sky."""

Elevation = Callable[[int], float]
"""Instant (Unix ms) → the sun's elevation in degrees."""
Sun = Callable[[Interval], float]
"""Interval → the mean clear-sky irradiance in it, W/m²."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Surplus of one interval in Wh: expected, and what is very likely there at least. Never negative.

    ``low_wh`` rests on ``cases`` past forecasts; without any it is 0.
    """

    interval: Interval
    expected_wh: int
    low_wh: int
    cases: int = field(default=0, compare=False)


def forecast(
    recent: Sequence[MeteredInterval], interval: Interval, elevation: Elevation, low: float = 0.1
) -> Forecast:
    """The surplus in ``interval`` from metered intervals, oldest first. Nothing known gives nothing to spare.

    ``low``: the share of cases in which less than ``low_wh`` may come.
    """
    known = [one for one in recent if one.export_wh is not None][-CASES - RECENT :]
    sun = cache(partial(mean_sun, elevation))
    expected = expected_wh(known, interval, sun)
    errors = _errors(known, interval, sun)
    likely = expected + min(_quantile(errors, low), 0) if errors else 0
    return Forecast(interval, expected, max(likely, 0), len(errors))


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
    lead = interval.start - known[-1].interval.start
    errors = []
    for index in range(RECENT, len(known)):
        target = known[index]
        earlier = [one for one in known[:index] if one.interval.start + lead <= target.interval.start]
        if len(earlier) >= RECENT:
            errors.append((target.export_wh or 0) - expected_wh(earlier, target.interval, sun))
    return errors


def _quantile(errors: Sequence[int], share: float) -> int:
    """The value that ``share`` of the errors lie below, on the safe side."""
    return sorted(errors)[int(share * (len(errors) - 1))]
