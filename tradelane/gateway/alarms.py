"""What the operator is called for, decided from what is known of a market. Pure.

Instants and spans are market ms. An alarm's ``since`` is when its limit was passed, or what made it began; it
is found anew each time, so that after a restart the same alarms stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, takewhile

from tradelane.market.units import PPM, Interval

OURSELVES = "here"
"""Whose clock it is, where it is this machine's."""


class Alarming(StrEnum):
    """What is wrong; in brackets what ``value`` counts."""

    LANE_FULL = "lane_full"
    """A lane carries all it can (ms it has)."""
    METER_SILENT = "meter_silent"
    """A member's meter states nothing (ms since its last interval)."""
    IMBALANCE = "imbalance"
    """Too much of what was sold is not delivered (millionths of the newest interval's sales)."""
    OVERDUE = "overdue"
    """Power is delivered and not settled (contracts)."""
    CLOCK_SKEW = "clock_skew"
    """A clock is ahead, or behind (real ms)."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """``about``: the lane, the member, or nothing where it is about the market."""

    kind: Alarming
    about: str
    since: int
    value: int

    @property
    def key(self) -> str:
        """The same for an alarm that goes and comes back."""
        return f"{self.kind}/{self.about}"


@dataclass(frozen=True, slots=True)
class Used:
    """What a lane sent in an interval, of the most it could, in Wh."""

    lane: str
    interval: Interval
    sent: int
    capacity: int

    @property
    def is_full(self) -> bool:
        return self.sent >= self.capacity > 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was sold for an interval, and what of it was not delivered, in Wh."""

    interval: Interval
    sold: int
    imbalance: int

    @property
    def ppm(self) -> int:
        return self.imbalance * PPM // self.sold if self.sold else 0


@dataclass(frozen=True, slots=True)
class Skew:
    """By how many real ms a clock is ahead, and when it was first seen to be."""

    whose: str
    ms: int
    since: int


def lanes_full(uses: Iterable[Used], now: int, limit: int) -> Iterator[Alarm]:
    """Lanes that have been full up to ``now`` for ``limit`` without a break."""
    begun = (use for use in uses if use.interval.start < now)
    ordered = sorted(begun, key=lambda use: (use.lane, use.interval.start))
    for lane, group in groupby(ordered, key=lambda use: use.lane):
        full = _unbroken([(use.interval, use.is_full) for use in group])
        lasted = 0 if full is None else min(full.end, now) - full.start
        if full is not None and lasted >= limit:
            yield Alarm(Alarming.LANE_FULL, lane, full.start, lasted)


def meters_silent(stated: Mapping[str, int], now: int, limit: int) -> Iterator[Alarm]:
    """``stated``: until when each member's meter has told what it counted."""
    for member, until in sorted(stated.items()):
        if now - until > limit:
            yield Alarm(Alarming.METER_SILENT, member, until + limit, now - until)


def imbalanced(measured: Iterable[Measured], limit_ppm: int) -> Iterator[Alarm]:
    """Where the newest interval that was measured is beyond the limit: since the first of those in a row."""
    ordered = sorted(measured, key=lambda one: one.interval.start)
    beyond = _unbroken([(one.interval, one.ppm > limit_ppm) for one in ordered])
    if beyond is not None:
        yield Alarm(Alarming.IMBALANCE, "", beyond.start, ordered[-1].ppm)


def overdue(ends: Sequence[int], now: int, limit: int) -> Iterator[Alarm]:
    """``ends``: when the delivery of each contract that is not settled was over."""
    late = [end for end in ends if now - end > limit]
    if late:
        yield Alarm(Alarming.OVERDUE, "", min(late) + limit, len(late))


def clocks_off(skews: Iterable[Skew], limit: int) -> Iterator[Alarm]:
    for skew in skews:
        if abs(skew.ms) > limit:
            yield Alarm(Alarming.CLOCK_SKEW, skew.whose, skew.since, skew.ms)


def _unbroken(ordered: Sequence[tuple[Interval, bool]]) -> Interval | None:
    """The time up to the newest interval in which all hold and none is missing; None where it does not."""
    held = [interval for interval, _ in takewhile(lambda one: one[1], reversed(ordered))]
    if not held:
        return None
    start = held[0].start
    for interval in held[1:]:
        if interval.end != start:
            break
        start = interval.start
    return Interval(start, held[0].end)
