"""Where the sun stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=16_384)
def sun_elevation(latitude: float, longitude: float, instant: int) -> float:
    """Degrees above the horizon at ``instant`` (Unix ms), negative at night; north and east are positive.

    By the NOAA formulas, as astral has them, with refraction.
    """
    from astral import Observer
    from astral.sun import elevation

    return elevation(Observer(latitude, longitude), _EPOCH + timedelta(milliseconds=instant))
