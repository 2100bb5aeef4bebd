"""What goes wrong with a meter, on a timetable of market time. Nothing else decides it, so a run repeats.

silence     nothing is answered or published
late        an answer comes 0.4 s of wall time late, whatever was asked meanwhile
exception2  every Modbus read is refused as an illegal address
hole        a Modbus read that touches the mains frequency is refused as an illegal address
wrong-unit  answers carry the next unit's number
sentinel    measured values are "not implemented" and counters read 0, as while an inverter restarts
frozen      the values of the fault's first instant are repeated, while the device goes on answering
dip         counters read 0
step-back   counters fall by 0.1 kWh in every third half minute, and come back
reset       counters begin at 0 at the fault's start; they show what they were again at its end
rollover    counters begin again at 655.36 kWh
skew        the device's own clock, in messages, is an hour behind
flap        the link goes down and comes back: down in every other half minute
broker      the embedded MQTT broker is down; the fault's meter is called "broker"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from firmware_sim.clock import instant_of

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
_EXAMPLE = "solar03:silence@2026-06-21T11:00Z+15m"
_WRITTEN = re.compile(r"(?P<meter>[^:]+):(?P<kind>[\w-]+)@(?P<start>.+)\+(?P<length>\d+)(?P<unit>[smh])")


class Kind(StrEnum):
    SILENCE = "silence"
    EXCEPTION2 = "exception2"
    SENTINEL = "sentinel"
    FROZEN = "frozen"
    LATE = "late"
    HOLE = "hole"
    WRONG_UNIT = "wrong-unit"
    DIP = "dip"
    STEP_BACK = "step-back"
    RESET = "reset"
    ROLLOVER = "rollover"
    SKEW = "skew"
    FLAP = "flap"
    BROKER = "broker"


LATE_S = 0.4
SKEW_MS = 3_600_000
_HALF_MINUTE = 30_000
MODBUS_ONLY = (Kind.EXCEPTION2, Kind.LATE, Kind.HOLE, Kind.WRONG_UNIT)
BROKER = "broker"
"""What a fault of the broker names as its meter."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault of the meter named ``meter`` in [start, end), ms."""

    meter: str
    kind: Kind
    start: int
    end: int


def parse_fault(text: str) -> Fault:
    """A fault written ``meter:kind@start+duration``, as ``solar03:silence@2026-06-21T11:00Z+15m``.

    The duration is a whole number of s, m or h of market time. Raises ``ValueError`` in one line.
    """
    if not (found := _WRITTEN.fullmatch(text)):
        raise ValueError(f"'{text}' is not meter:kind@start+duration, as {_EXAMPLE}")
    try:
        kind = Kind(found["kind"])
    except ValueError:
        raise ValueError(f"'{found['kind']}' is no fault; there are {', '.join(Kind)}") from None
    start = instant_of(found["start"])
    return Fault(found["meter"], kind, start, start + int(found["length"]) * _UNITS_MS[found["unit"]])


def steps_back(instant: int) -> bool:
    """Whether a counter that steps back is behind at ``instant`` (ms)."""
    return instant // _HALF_MINUTE % 3 == 0


def down(kind: Kind | None, instant: int) -> bool:
    """Whether nothing comes from a meter with this fault at ``instant`` (ms)."""
    return kind is Kind.SILENCE or (kind is Kind.FLAP and instant // _HALF_MINUTE % 2 == 0)


def active(faults: Iterable[Fault], instant: int) -> Fault | None:
    """The fault at ``instant``; of several the one that began first, then the first in the list."""
    now = [fault for fault in faults if fault.start <= instant < fault.end]
    return min(now, key=lambda fault: fault.start, default=None)
