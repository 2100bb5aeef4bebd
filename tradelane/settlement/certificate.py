"""Granular certificates of origin, one for each Wh that a device was metered to have made. Pure.

Names follow EnergyTag's API. The certificates of a device are numbered from 1 in the order of their issue,
and no number is given twice. A bundle is a run of numbers of one issuance in one account; its quantity is
its end minus its start plus one. Always true: the active and the cancelled certificates of an issuance
together are what was issued, which is what was metered; no two bundles share a number; what is cancelled
stays so.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from tradelane.market.units import MINUTE
from tradelane.settlement.refusal import Refusals

HOUR = 60 * MINUTE
LONGEST_MS = HOUR
"""An interval of production is at most an hour: longer ones prove no hour's energy."""
MEASURED = "measured"
"""The quality of an interval of which every reading was there."""


class Status(StrEnum):
    """Of a bundle."""

    ACTIVE = "Active"
    CANCELLED = "Cancelled"


class Action(StrEnum):
    ISSUE = "issue"
    CORRECT = "correct"
    TRANSFER = "transfer"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.ACTIVE, Action.TRANSFER): Status.ACTIVE,
    (Status.ACTIVE, Action.CANCEL): Status.CANCELLED,
}
"""Everything that a holder may do with certificates."""


class EnergySource(StrEnum):
    SOLAR = "solar"
    WIND = "wind"
    HYDRO = "hydro"
    BIOGAS = "biogas"


class Refusal(Refusals):
    """Why certificates are not issued, or not moved."""

    BAD_INTERVAL = (
        "not-an-interval",
        "production_ending_interval",
        "production is of an interval above zero and at most an hour",
    )
    NOT_OVER = ("not-over", "production_ending_interval", "the interval is not over yet")
    NOT_MEASURED = ("not-measured", "quality", "only what was measured without a gap gets certificates")
    TOO_MUCH = ("beyond-capacity", "quantity", "more than the device can make in the interval")
    OVERLAPS = ("interval-overlaps", "production_starting_interval", "another interval covers a part of this")
    RAISED = ("production-raised", "quantity", "a correction only lowers what was reported")
    MOVED = ("production-moved", "quantity", "certificates of this interval were transferred or cancelled")
    WRONG_HEAD = ("wrong-head", "head", "the meter's chain was longer, or another, when it was reported last")
    WRONG_SEAL = ("wrong-head", "head_signature", "is not by this member's key")
    NOT_HELD = (
        "not-held",
        "bundle_id_range_start",
        "these certificates are not all active in the account that gives them",
    )


class Range(NamedTuple):
    """Numbers from ``start`` to ``end``, both included."""

    start: int
    end: int

    @property
    def quantity(self) -> int:
        """Wh."""
        return self.end - self.start + 1


class Report(NamedTuple):
    """``wh`` made from ``start`` to ``end`` (Unix ms), of a ``quality`` as the meter's gateway says it."""

    start: int
    end: int
    wh: int
    quality: str


def fault(report: Report, capacity_w: int, at: int) -> Refusal | None:
    """Why nothing can be issued for a report that comes at ``at`` (ms), whatever came before."""
    length = report.end - report.start
    if not 0 < length <= LONGEST_MS:
        return Refusal.BAD_INTERVAL
    if report.end > at:
        return Refusal.NOT_OVER
    if report.quality != MEASURED:
        return Refusal.NOT_MEASURED
    return Refusal.TOO_MUCH if report.wh * HOUR > capacity_w * length else None


def numbered(last: int, wh: int) -> Range:
    """The numbers after ``last``; of nothing, a range that ends before it starts."""
    return Range(last + 1, last + wh)


def corrected(issued: Range, held: Sequence[Range], wh: int) -> Range | Refusal:
    """What stays of ``issued`` when it was only ``wh``; ``held`` is what its maker holds of it, active."""
    if wh > issued.quantity:
        return Refusal.RAISED
    if list(held) != [issued]:
        return Refusal.MOVED
    return numbered(issued.start - 1, wh)


def cut(held: Sequence[Range], wanted: Range) -> list[Range] | Refusal:
    """What is left when ``wanted`` is taken out of ``held``: ranges in order, each with a part of it."""
    reached = wanted.start
    for one in held:
        if one.start > reached:
            return Refusal.NOT_HELD
        reached = one.end + 1
    if reached <= wanted.end:
        return Refusal.NOT_HELD
    before = Range(held[0].start, wanted.start - 1)
    behind = Range(wanted.end + 1, held[-1].end)
    return [one for one in (before, behind) if one.quantity > 0]
