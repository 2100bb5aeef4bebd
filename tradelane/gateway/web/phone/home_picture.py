"""Sun → house → abroad: what one closed interval moved, as arrows. Geometry is the template's."""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.meter.metering import MeteredInterval

NARROWEST, WIDEST = 3.0, 14.0
"""Stroke widths, SVG user units."""


@dataclass(frozen=True, slots=True)
class Flow:
    """``wh`` along one arrow; ``width`` of its stroke."""

    wh: int
    width: float


@dataclass(frozen=True, slots=True)
class HomePicture:
    """Over ``minutes``: from the sun (None where no meter counts it), out and in over the connection, and
    what the house used (None where that is not known)."""

    minutes: int
    sun: Flow | None
    out: Flow
    taken: Flow
    used_wh: int | None


def home_picture(last: MeteredInterval) -> HomePicture:
    """Arrows as wide as their energy, the widest of them WIDEST."""
    out, taken, made = last.export_wh or 0, last.import_wh or 0, last.production_wh
    most = max(out, taken, made or 0)

    def flow(wh: int) -> Flow:
        share = wh / most if most else 0.0
        return Flow(wh, round(NARROWEST + (WIDEST - NARROWEST) * share, 1))

    used = None if made is None else max(0, made + taken - out)
    sun = None if made is None else flow(made)
    return HomePicture((last.interval.end - last.interval.start) // 60_000, sun, flow(out), flow(taken), used)
