"""What goes wrong with a meter, on a timetable of market time.

silence     nothing is answered or published
exception2  every Modbus read is refused as an illegal address
sentinel    measured values are "not implemented" and counters read 0, as while an inverter restarts
frozen      the values of the fault's first instant are repeated, while the device goes on answering
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from firmware_sim.clock import instant_of

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
_EXAMPLE = "solar03:silence@2026-06-21T11:00Z+15m"
_WRITTEN = re.compile(r"(?P<meter>[^:]+):(?P<kind>\w+)@(?P<start>.+)\+(?P<length>\d+)(?P<unit>[smh])")


class Kind(StrEnum):
    SILENCE = "silence"
    EXCEPTION2 = "exception2"
    SENTINEL = "sentinel"
    FROZEN = "frozen"


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


def active(faults: Iterable[Fault], instant: int) -> Fault | None:
    """The fault at ``instant``; of several the one that began first, then the first in the list."""
    now = [fault for fault in faults if fault.start <= instant < fault.end]
    return min(now, key=lambda fault: fault.start, default=None)
