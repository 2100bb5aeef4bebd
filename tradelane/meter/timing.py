"""When a reading was taken: on arrival, or earlier, by what the device's own clock says. Pure.

Device clocks are wrong by any amount and drift, so only their steadiness is used: the offset to our clock
that is usual for the device. A reading whose offset is much greater was held back on its way, and was taken
when the device's clock says it was, the usual offset added. A device's clock that is set back looks the same
at first; but the offset then stays as it is, while readings held back arrive in a burst.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.meter.reading import Reading

LATE_MS = 60_000
REMEMBERED = 16
"""Readings in which the least offset is the usual one."""
STEADY_MS, STEADY_FOR_MS = 5_000, 30_000
"""An offset that moves less than the one in the other is the clock's, not the way's."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The latest offsets (ms) of readings that were not late; of those that are, the arrival (Unix ms) and
    the offset of the first that the others agree with."""

    offsets: tuple[int, ...] = ()
    odd: tuple[int, int] | None = None

    @property
    def usual(self) -> int | None:
        """The offset to expect, ms; None until something is known."""
        return min(self.offsets, default=None)


def measured_at(timing: Timing, reading: Reading) -> tuple[Timing, int | None]:
    """The timing after a reading, and when the reading was taken if it is late (Unix ms, by our clock)."""
    offset, usual = reading.offset, timing.usual
    if offset is None or reading.device_time is None:
        return timing, None
    if usual is None or offset - usual <= LATE_MS:
        return Timing((*timing.offsets, offset)[-REMEMBERED:]), None
    odd = timing.odd
    if odd is None or abs(offset - odd[1]) > STEADY_MS:
        odd = reading.gateway_time, offset
    if reading.gateway_time - odd[0] >= STEADY_FOR_MS:
        return Timing((offset,)), None
    return Timing(timing.offsets, odd), reading.device_time + usual
