"""What one meter said at one instant, and how a source of such readings looks.

Always true: a value that is not known is None, never 0; counters (names ending in ``_wh``) are whole
watt-hours. Signs: grid power + is import, solar + is production, battery + is discharge. Values that a
device does not publish together keep their own age.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol

from tradelane.market.units import instant, iso, rounded

Value = int | float | None


class MeterError(Exception):
    """Anything that keeps a meter from being read."""


class Unreachable(MeterError):
    """Nobody answers: no connection, no answer in time, or a gateway says its unit is silent."""


class Closed(Unreachable):
    """The connection was closed from the other side instead of an answer."""


class LinkDown(Unreachable):
    """The connection itself cannot be made: no unit behind it can answer."""


class BadAnswer(MeterError):
    """An answer came, but it is not what was asked for."""


class IllegalAddress(BadAnswer):
    """The device has no such registers (exception 2), or will not give so many at once (exception 3)."""


class UnknownProfile(MeterError):
    """No profile, dialect or SunSpec marker says how this meter is to be read."""


class BadProfile(MeterError):
    """A profile's or dialect's text is wrong: ``file``, ``key``, ``reason``."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}")
        self.file, self.key, self.reason = file, key, reason


class Quality(StrEnum):
    """GOOD is fresh and from the meter; STALE is a repeated or lost one; BAD carries no value at all."""

    GOOD = "good"
    STALE = "stale"
    BAD = "bad"


class Role(StrEnum):
    """What the meter measures."""

    GRID = "grid"
    SOLAR = "solar"
    BATTERY = "battery"
    LOAD = "load"


_PHASES = ("l1", "l2", "l3")
VALUE_NAMES = frozenset(
    ["power_w", "import_wh", "export_wh", "production_wh", "frequency_hz", "power_factor", "soc_pct"]
    + [f"power_{phase}_w" for phase in _PHASES]
    + [f"voltage_{phase}_v" for phase in _PHASES]
    + [f"current_{phase}_a" for phase in _PHASES]
)
"""Every name a value may have; the unit is the name's last part (power_factor: 1)."""

COUNTERS = ("import_wh", "export_wh", "production_wh")
DECIMALS = 4
LARGEST = 2**63
"""No meter counts this far: a value this large is not one."""


def at_the_door(name: str, above: int, below: int) -> int | float:
    """A device's number above/below as a reading keeps it: counters whole, the rest at most four decimals."""
    if below == 1 or above % below == 0:
        return above // below
    if name.endswith("_wh"):
        return rounded(Fraction(above, below))
    return round(above / below, DECIMALS) + 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One meter's values at ``gateway_time`` (Unix ms, ours) and ``device_time`` (its own clock, if any).

    ``ages``: how old (ms) a value was at ``gateway_time``, for those that came earlier than the others.
    """

    meter: str
    profile: str
    role: Role
    gateway_time: int
    device_time: int | None
    quality: Quality
    values: Mapping[str, Value]
    ages: Mapping[str, int] = field(default_factory=dict)

    @property
    def offset(self) -> int | None:
        """How far our clock is ahead of the device's, ms, the message's way included."""
        return None if self.device_time is None else self.gateway_time - self.device_time

    def time_of(self, name: str) -> int:
        """When the value was true, by our clock (Unix ms)."""
        return self.gateway_time - self.ages.get(name, 0)

    def to_json(self) -> dict[str, Any]:
        """The public form: times as ISO 8601, values by name, unknown as null, ages only where there are."""
        body = {
            "meter": self.meter,
            "profile": self.profile,
            "role": self.role.value,
            "gateway_time": iso(self.gateway_time),
            "device_time": None if self.device_time is None else iso(self.device_time),
            "quality": self.quality.value,
            "values": dict(self.values),
        }
        return body | {"ages_ms": dict(self.ages)} if self.ages else body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Reading:
        """The inverse of to_json; KeyError or ValueError when the form is not that."""
        device_time = body["device_time"]
        return cls(
            meter=body["meter"],
            profile=body["profile"],
            role=Role(body["role"]),
            gateway_time=instant(body["gateway_time"]),
            device_time=None if device_time is None else instant(device_time),
            quality=Quality(body["quality"]),
            values=dict(body["values"]),
            ages=dict(body.get("ages_ms", {})),
        )


def quality_of(values: Mapping[str, Value]) -> Quality:
    """BAD when nothing is known, GOOD otherwise."""
    return Quality.BAD if all(value is None for value in values.values()) else Quality.GOOD


def lost(reading: Reading, now: int) -> Reading:
    """The same meter once it stopped answering: stale, every value unknown."""
    unknown = dict.fromkeys(reading.values)
    return Reading(reading.meter, reading.profile, reading.role, now, None, Quality.STALE, unknown)


class Source(Protocol):
    """Endless readings of one or more meters; a failing meter shows as stale readings, never as an error."""

    def readings(self) -> AsyncIterator[Reading]: ...

    async def close(self) -> None: ...
