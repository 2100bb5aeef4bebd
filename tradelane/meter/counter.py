"""One energy counter over time: which of its readings count. Pure.

Always true: a counter that steps back, or forward by more than its connection can carry, adds nothing until
it is confirmed. What is then believed is a rollover or a standstill that ended, whose energy is known, or a
new base, whose step is never billed and leaves a point that is not ``sure``. When it turns out that an old
base is back, all that was believed since is taken back (``rewind``). Totals matter by differences only.

Known limits: a step back of less than a tenth is never taken for a reset (as Home Assistant does it): the
counter stands still until it passes its old mark. A swap for a meter that stands a little lower needs a new
meter name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

HOUR = 3_600_000
MINUTE = 60_000
REMEMBERED = 24 * HOUR
"""How long after a reset the old base may still come back."""


class State(StrEnum):
    """NEW: nothing seen. OK: counting. SUSPECT: the latest does not fit. RESET: counting on a new base."""

    NEW = "new"
    OK = "ok"
    SUSPECT = "suspect"
    RESET = "reset"


class Seen(StrEnum):
    """What a reading is, against what is known of the counter."""

    FIRST = "first"
    FORWARD = "forward"
    NOISE = "noise"
    BACK = "back"
    DROP = "drop"
    JUMP = "jump"
    AGAIN = "again"
    CONFIRMED = "reset confirmed"
    ROLLOVER = "rollover"
    CAUGHT_UP = "caught up"
    RETURN = "return"
    LATE = "late"


_FITS = {Seen.FORWARD: State.OK, Seen.NOISE: State.OK}
_DOUBTS = dict.fromkeys((Seen.BACK, Seen.DROP, Seen.JUMP), State.SUSPECT)
NEXT: dict[tuple[State, Seen], State] = {
    (State.NEW, Seen.FIRST): State.OK,
    **{(State.OK, seen): state for seen, state in (_FITS | _DOUBTS).items()},
    **{(State.SUSPECT, seen): state for seen, state in (_FITS | _DOUBTS).items()},
    (State.SUSPECT, Seen.AGAIN): State.SUSPECT,
    (State.SUSPECT, Seen.CONFIRMED): State.RESET,
    (State.SUSPECT, Seen.ROLLOVER): State.OK,
    (State.SUSPECT, Seen.CAUGHT_UP): State.OK,
    (State.SUSPECT, Seen.RETURN): State.OK,
    **{(State.RESET, seen): State.RESET for seen in _FITS},
    **{(State.RESET, seen): state for seen, state in _DOUBTS.items()},
    (State.RESET, Seen.RETURN): State.OK,
}
"""LATE leaves every state as it is. SUSPECT goes FORWARD to RESET while an old base is remembered."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is plausible. ``max_power_w``: the most the connection carries (its fuse); ``slack_wh``: the play
    of clocks; ``confirm``: readings that must agree before anything new is believed; ``resolution_wh``: the
    counter's smallest step; ``wraps_at``: where it starts again from 0, if known."""

    max_power_w: int = 50_000
    slack_wh: int = 100
    confirm: int = 3
    resolution_wh: int = 1
    wraps_at: int | None = None

    @property
    def play_wh(self) -> int:
        """Wh that may come at once: a coarse counter shows nothing, then a whole step."""
        return max(self.slack_wh, 2 * self.resolution_wh)


@dataclass(frozen=True, slots=True)
class Mark:
    """A counter's value ``wh`` at ``time`` (Unix ms), and the total it stood for."""

    time: int
    wh: int
    total: int


@dataclass(frozen=True, slots=True)
class Counter:
    """``last``: the last reading that counted. ``moved``: when it last rose. ``base``: where its base began.
    ``old``: where the base before a reset ended. ``held``: the first and the latest of ``count`` readings
    that agree with each other but not with ``last``."""

    state: State = State.NEW
    last: Mark | None = None
    moved: int = 0
    base: Mark | None = None
    old: Mark | None = None
    held: tuple[Mark, Mark] | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What became of one reading. ``total`` (Wh) is set when it counted. ``start``: a mark before it that
    counts with it, ``sure`` unless energy in the step to it is not known. ``rewind``: nothing after this
    instant (ms) was true."""

    seen: Seen
    time: int
    wh: int
    total: int | None = None
    start: Mark | None = None
    sure: bool = True
    rewind: int | None = None


def track(
    counter: Counter, time: int, wh: int, rules: Rules, evidence_wh: int | None = None
) -> tuple[Counter, Event]:
    """The counter after a reading of ``wh`` at ``time`` (ms), and what that reading was.

    ``evidence_wh``: the energy that the meter's own power says flowed since the counter last rose, None
    where it does not say; it tells a counter that stood still from one that jumped.
    """
    seen = _seen(counter, time, wh, rules, evidence_wh)
    if seen is Seen.LATE:
        return counter, Event(seen, time, wh)
    if seen in (Seen.CONFIRMED, Seen.ROLLOVER, Seen.CAUGHT_UP):
        return _believed(counter, seen, time, wh, rules)
    if seen is Seen.RETURN:
        assert counter.old is not None
        old, total = counter.old, counter.old.total + wh - counter.old.wh
        after = Counter(State.OK, Mark(time, wh, total), time, old)
        return after, Event(seen, time, wh, total, rewind=old.time)
    after = _apply(counter, seen, time, wh)
    counted = after.last is not None and after.last.time == time and after.held is None
    return after, Event(seen, time, wh, after.last.total if counted and after.last else None)


def plausible(start: Mark, time: int, wh: int, rules: Rules) -> bool:
    """Whether a counter at ``start`` can stand at ``wh`` at ``time``."""
    most = rules.play_wh + rules.max_power_w * max(time - start.time, 0) // HOUR
    return 0 <= wh - start.wh <= most


def _seen(counter: Counter, time: int, wh: int, rules: Rules, evidence_wh: int | None) -> Seen:
    last, old = counter.last, counter.old
    if last is None:
        return Seen.FIRST
    latest = counter.held[1] if counter.held else last
    if time <= latest.time:
        return Seen.FORWARD if _same_instant(counter, time, wh, rules) else Seen.LATE
    if counter.held is not None and latest.wh > last.wh and plausible(latest, time, wh, rules):
        return _confirming(counter, rules, evidence_wh)  # or the wait alone would make a jump plausible
    returned = old is not None and time - old.time <= REMEMBERED and plausible(old, time, wh, rules)
    if plausible(last, time, wh, rules):
        asleep = counter.base is not None and last.wh - counter.base.wh <= rules.resolution_wh
        return Seen.RETURN if returned and asleep and old and last.wh < old.wh else Seen.FORWARD
    if returned:
        return Seen.RETURN
    if last.wh - rules.resolution_wh <= wh < last.wh:
        return Seen.NOISE
    if last.wh * 9 // 10 <= wh < last.wh:
        return Seen.BACK
    if counter.held is not None and plausible(latest, time, wh, rules):
        return _confirming(counter, rules, evidence_wh)
    return Seen.DROP if wh < last.wh else Seen.JUMP


def _same_instant(counter: Counter, time: int, wh: int, rules: Rules) -> bool:
    """A clock that was set back stands still until it is caught up with; the counter goes on meanwhile."""
    last = counter.last
    if last is None or counter.held is not None or time != last.time:
        return False
    return last.wh < wh and plausible(replace(last, time=time - MINUTE), time, wh, rules)


def _confirming(counter: Counter, rules: Rules, evidence_wh: int | None) -> Seen:
    """What readings are that agree with each other, but not with the last that counted."""
    if counter.count + 1 < rules.confirm:
        return Seen.AGAIN
    assert counter.last is not None and counter.held is not None
    last, first = counter.last, counter.held[0]
    if rules.wraps_at is not None and wraps(last, first, rules.wraps_at, rules):
        return Seen.ROLLOVER
    flowed = -1 if evidence_wh is None else evidence_wh + evidence_wh // 4 + rules.play_wh
    if 0 < first.wh - last.wh <= flowed:
        return Seen.CAUGHT_UP
    return Seen.CONFIRMED


def wraps(last: Mark, first: Mark, wraps_at: int, rules: Rules) -> bool:
    """Whether the counter went over ``wraps_at`` between the two."""
    return first.wh < last.wh and plausible(last, first.time, first.wh + wraps_at, rules)


def _believed(counter: Counter, seen: Seen, time: int, wh: int, rules: Rules) -> tuple[Counter, Event]:
    assert counter.last is not None and counter.held is not None
    last, first = counter.last, counter.held[0]
    stepped = 0
    if seen is Seen.ROLLOVER:
        stepped = first.wh + (rules.wraps_at or 0) - last.wh
    elif seen is Seen.CAUGHT_UP:
        stepped = first.wh - last.wh
    start = replace(first, total=last.total + stepped)
    total = start.total + wh - first.wh
    reset = seen is Seen.CONFIRMED
    state = NEXT[counter.state, seen]
    after = Counter(state, Mark(time, wh, total), time, start, last if reset else None)
    rewind = counter.moved if seen is Seen.CAUGHT_UP else None
    return after, Event(seen, time, wh, total, start, not reset, rewind)


def _apply(counter: Counter, seen: Seen, time: int, wh: int) -> Counter:
    state = NEXT[counter.state, seen]
    last, held, old = counter.last, counter.held, counter.old
    if last is None:
        first = Mark(time, wh, 0)
        return Counter(state, first, time, first)
    if seen is Seen.FORWARD:
        if old is not None and (last.wh < old.wh <= wh or time - old.time > REMEMBERED):
            old = None
        now = Mark(time, wh, last.total + wh - last.wh)
        moved = time if wh > last.wh else counter.moved
        return Counter(State.OK if old is None else State.RESET, now, moved, counter.base, old)
    if seen is Seen.NOISE:
        state = State.OK if old is None else State.RESET
        return Counter(state, replace(last, time=time), counter.moved, counter.base, old)
    now = Mark(time, wh, last.total)
    if seen is Seen.AGAIN:
        assert held is not None
        return replace(counter, held=(held[0], now), count=counter.count + 1)
    return replace(counter, state=state, held=(now, now), count=1)
