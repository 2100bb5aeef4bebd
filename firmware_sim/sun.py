"""Sunlight on a roof: the sun's height, a clear sky, and clouds.

The sun's height comes from astral. Clear sky: Haurwitz, GHI = 1098·cos z·exp(−0.057/cos z) W/m²
(B. Haurwitz, Journal of Meteorology 2 (1945) 154–166 and 3 (1946) 123–124, as given by Reno, Hansen and
Stein, SAND2012-2389). Clouds: Kasten and Czeplak, GHI = clear·(1 − 0.75·N^3.4) for a cover N from 0 to 1
(Solar Energy 24 (1980) 177–189). Panels lie flat; what tilt, wires and heat do is one performance ratio.

Height is worked out every ten minutes, cover every five, with straight lines between: a clear sky's light
is then wrong by less than 1 W/m².
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import exp, pow, radians, sin

from firmware_sim.noise import smooth

MINUTE = 60_000
"""Milliseconds."""
DAY = 86_400_000
"""Milliseconds."""
MINUTES = 1440
"""Minutes in a day."""
_HEIGHT_STEP, _COVER_STEP = 10, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000
# (hours a cloud field lives, weight): weather, showers, single clouds
_OCTAVES = ((5.0, 0.62), (0.8, 0.26), (0.2, 0.12))
_CELL_DEG = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a roof is: its bidding zone's code, degrees north, degrees east."""

    zone: str
    latitude: float
    longitude: float


def elevation(place: Place, instant: int) -> float:
    """The sun's height above the horizon in degrees, without refraction, ``instant`` in ms."""
    from astral import Observer
    from astral.sun import elevation as height

    observer = Observer(place.latitude, place.longitude, 0.0)
    return float(height(observer, _EPOCH + timedelta(milliseconds=instant), False))


def clear_sky(height: float) -> float:
    """Global horizontal irradiance in W/m² under a clear sky with the sun ``height`` degrees up."""
    cosine = sin(radians(height))
    return 1098.0 * cosine * exp(-0.057 / cosine) if cosine > 1e-3 else 0.0


def cloud_cover(seed: int, place: Place, instant: int) -> float:
    """The covered part of the sky, 0 to 1. Smooth in time and place, so neighbours share their clouds."""
    north, east, hours = place.latitude / _CELL_DEG, place.longitude / _CELL_DEG, instant / _HOUR
    field = sum(
        weight * smooth(seed + octave, north, east, hours / span)
        for octave, (span, weight) in enumerate(_OCTAVES)
    )
    return min(1.0, max(0.0, (field - 0.25) / 0.42))


def transmission(cover: float) -> float:
    """The part of a clear sky's light that a cloud ``cover`` of 0 to 1 lets through."""
    return 1.0 - 0.75 * pow(cover, 3.4)


def _line(knots: list[float], step: int) -> list[float]:
    """The values of each minute on straight lines between knots ``step`` minutes apart."""
    return [start + (end - start) * minute / step for start, end in pairwise(knots) for minute in range(step)]


@lru_cache(maxsize=64)
def daylight(seed: int, place: Place, day: int) -> tuple[float, ...]:
    """Irradiance in W/m² on level ground in each minute of a UTC day (counted from 1970), taken at its start.

    ``seed`` is the weather's. Roofs at one place share the answer.
    """
    midnight = day * DAY
    heights = _line(
        [elevation(place, midnight + minute * MINUTE) for minute in range(0, MINUTES + 1, _HEIGHT_STEP)],
        _HEIGHT_STEP,
    )
    clear = [clear_sky(height) for height in heights]
    clearness = _line(
        [
            transmission(cloud_cover(seed, place, midnight + minute * MINUTE))
            for minute in range(0, MINUTES + 1, _COVER_STEP)
        ],
        _COVER_STEP,
    )
    return tuple(light * share for light, share in zip(clear, clearness, strict=True))
