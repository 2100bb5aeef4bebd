"""Market time: it starts at an origin and runs at a speed. Instants as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MarketClock:
    """At wall time ``wall_origin`` it is ``origin`` (both Unix ms); market time runs at ``speed``."""

    origin: int
    wall_origin: int
    speed: float = 1.0

    def at(self, wall: int) -> int:
        """Market time in ms at wall time ``wall`` (ms)."""
        return self.origin + int((wall - self.wall_origin) * self.speed)


def instant_of(text: str) -> int:
    """Unix milliseconds of an ISO 8601 date and time with a zone. Raises ``ValueError`` in one line."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no ISO 8601 date and time") from None
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no time zone: end it with Z for UTC")
    return round(moment.timestamp() * 1000)


def iso(instant: int) -> str:
    """ISO 8601 in UTC with milliseconds and Z, from Unix milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
