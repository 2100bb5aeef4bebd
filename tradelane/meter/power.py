"""How much energy a meter's own power says has flowed since its counter last rose. Pure.

It never counts as energy: it only tells a counter that stood still and caught up from one that jumped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradelane.meter.reading import Reading, Role

LONGEST_MS = 5 * 60_000
"""Power is carried on for at most so long after it was read."""
W_MS_PER_WH = 3_600_000
_SIGN = {("import_wh", Role.GRID): 1, ("export_wh", Role.GRID): -1, ("production_wh", Role.SOLAR): 1}


@dataclass(frozen=True, slots=True)
class Flow:
    """Watt-milliseconds since the counter last rose; ``time`` (Unix ms) and ``power`` (W, not negative) of
    the latest reading. ``known``: power was shown at all."""

    time: int = 0
    power: float = 0.0
    w_ms: int = 0
    known: bool = False

    @property
    def wh(self) -> int | None:
        return self.w_ms // W_MS_PER_WH if self.known else None

    def afresh(self) -> Flow:
        """Nothing has flowed yet."""
        return replace(self, w_ms=0)


def flowed(flow: Flow, name: str, reading: Reading) -> Flow:
    """The flow through counter ``name`` after a reading."""
    sign, power = _SIGN.get((name, reading.role)), reading.values.get("power_w")
    if sign is None or power is None:
        return flow
    passed = min(max(reading.gateway_time - flow.time, 0), LONGEST_MS) if flow.known else 0
    return Flow(reading.gateway_time, max(0.0, sign * power), flow.w_ms + round(flow.power * passed), True)
