"""An inspection of a consignment, from its order to its result, as one transition table. Pure.

While one is open, and when the last result was a fail, the goods are not released and go no further.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    ORDERED = "ordered"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.ORDERED: {
        Event.PASS: State.PASSED,
        Event.FAIL: State.FAILED,
        Event.CANCEL: State.CANCELLED,
    },
    State.PASSED: {},
    State.FAILED: {},
    State.CANCELLED: {},
}


def after(state: State, event: Event) -> State | None:
    """The state ``event`` leads to; None when the table has no such way."""
    return TRANSITIONS[state].get(event)


def holding(states: Iterable[State]) -> State | None:
    """What keeps a consignment where it is, by the states of its inspections in the order they ended: one
    that is open, or the last result when that is a fail."""
    known = list(states)
    if State.ORDERED in known:
        return State.ORDERED
    results = [one for one in known if one in (State.PASSED, State.FAILED)]
    return State.FAILED if results and results[-1] is State.FAILED else None
