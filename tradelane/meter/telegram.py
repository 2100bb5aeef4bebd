"""What one frame of a smart meter said, whatever it was spelt in."""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.meter.obis import Told, values
from tradelane.meter.reading import Reading, Role, quality_of


@dataclass(frozen=True, slots=True)
class Telegram:
    """``device``: the meter's own id, "" where the frame has none. ``at``: its clock (Unix ms), where it says
    which instant it means."""

    protocol: str
    device: str
    at: int | None
    told: Told

    def reading(self, meter: str, now: int) -> Reading:
        """As of ``now`` (Unix ms), when it came; BAD when nothing in it is known."""
        found = values(self.told)
        return Reading(meter, self.protocol, Role.GRID, now, self.at, quality_of(found), found)
