"""One energy counter over time: which of its readings count.

Always true: ``total`` never falls; a counter that steps back, or forward by more than its connection can
carry, adds nothing until it is confirmed; what is then believed is a new base, and the step itself is never
billed. Totals matter by their differences only.

Known limits: a step back of less than a tenth is never taken for a reset (as Home Assistant does it): the
counter stands still until it passes its old mark. A swap for a meter that stands a little lower needs a new
meter name. After a reset, the one step that passes the old mark may count for less than it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

HOUR = 3_600_000


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
    BACK = "back"
    DROP = "drop"
    JUMP = "jump"
    AGAIN = "again"
    CONFIRMED = "confirmed"
    RETURN = "return"
    LATE = "late"


NEXT: dict[tuple[State, Seen], State] = {
    (State.NEW, Seen.FIRST): State.OK,
    (State.OK, Seen.FORWARD): State.OK,
    (State.OK, Seen.BACK): State.SUSPECT,
    (State.OK, Seen.DROP): State.SUSPECT,
    (State.OK, Seen.JUMP): State.SUSPECT,
    (State.SUSPECT, Seen.FORWARD): State.OK,
    (State.SUSPECT, Seen.BACK): State.SUSPECT,
    (State.SUSPECT, Seen.DROP): State.SUSPECT,
    (State.SUSPECT, Seen.JUMP): State.SUSPECT,
    (State.SUSPECT, Seen.AGAIN): State.SUSPECT,
    (State.SUSPECT, Seen.CONFIRMED): State.RESET,
    (State.SUSPECT, Seen.RETURN): State.OK,
    (State.RESET, Seen.FORWARD): State.RESET,
    (State.RESET, Seen.BACK): State.SUSPECT,
    (State.RESET, Seen.DROP): State.SUSPECT,
    (State.RESET, Seen.JUMP): State.SUSPECT,
    (State.RESET, Seen.RETURN): State.OK,
}
"""LATE leaves every state as it is. SUSPECT with a mark goes FORWARD to RESET: it was on a new base."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is plausible. ``max_power_w``: the most the connection carries (its fuse); ``slack_wh``: the
    counter's resolution and the clocks' play; ``confirm``: readings that must agree before a reset."""

    max_power_w: int = 50_000
    slack_wh: int = 100
    confirm: int = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A counter's value ``wh`` at ``time`` (Unix ms), and the total it stood for."""

    time: int
    wh: int
    total: int


@dataclass(frozen=True, slots=True)
class Counter:
    """``last``: the last reading that counted. ``old``: where the base before a reset ended. ``held``: the
    first and the latest of ``count`` readings that agree with each other but not with ``last``."""

    state: State = State.NEW
    last: Mark | None = None
    old: Mark | None = None
    held: tuple[Mark, Mark] | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What became of one reading. ``total`` (Wh) is set when it counted."""

    seen: Seen
    time: int
    wh: int
    total: int | None


def track(counter: Counter, time: int, wh: int, rules: Rules) -> tuple[Counter, Event]:
    """The counter after a reading of ``wh`` at ``time`` (ms), and what that reading was."""
    seen = _seen(counter, time, wh, rules)
    if seen is Seen.LATE:
        return counter, Event(seen, time, wh, None)
    after = _apply(counter, seen, time, wh)
    counted = after.last is not None and after.last.time == time
    return after, Event(seen, time, wh, after.last.total if counted and after.last else None)


def plausible(start: Mark, time: int, wh: int, rules: Rules) -> bool:
    """Whether a counter at ``start`` can stand at ``wh`` at ``time``."""
    most = rules.slack_wh + rules.max_power_w * max(time - start.time, 0) // HOUR
    return 0 <= wh - start.wh <= most


def _seen(counter: Counter, time: int, wh: int, rules: Rules) -> Seen:
    last = counter.last
    if last is None:
        return Seen.FIRST
    latest = counter.held[1] if counter.held else last
    if time <= latest.time:
        return Seen.LATE
    if counter.old is not None and last.wh < counter.old.wh and plausible(counter.old, time, wh, rules):
        return Seen.RETURN
    if plausible(last, time, wh, rules):
        return Seen.FORWARD
    if counter.old is not None and plausible(counter.old, time, wh, rules):
        return Seen.RETURN
    if last.wh * 9 // 10 <= wh < last.wh:
        return Seen.BACK
    if counter.held is not None and plausible(counter.held[1], time, wh, rules):
        return Seen.CONFIRMED if counter.count + 1 >= rules.confirm else Seen.AGAIN
    return Seen.DROP if wh < last.wh else Seen.JUMP


def _apply(counter: Counter, seen: Seen, time: int, wh: int) -> Counter:
    state = NEXT[counter.state, seen]
    last, held = counter.last, counter.held
    if last is None:
        return Counter(state, Mark(time, wh, 0))
    if seen is Seen.FORWARD:
        state = State.RESET if counter.old is not None else state
        return Counter(state, Mark(time, wh, last.total + wh - last.wh), counter.old)
    if seen is Seen.RETURN:
        assert counter.old is not None
        total = max(last.total, counter.old.total + wh - counter.old.wh)
        return Counter(state, Mark(time, wh, total))
    if seen is Seen.CONFIRMED:
        assert held is not None
        return Counter(state, Mark(time, wh, last.total + wh - held[0].wh), last)
    now = Mark(time, wh, last.total)
    if seen is Seen.AGAIN:
        assert held is not None
        return replace(counter, held=(held[0], now), count=counter.count + 1)
    return replace(counter, state=state, held=(now, now), count=1)
