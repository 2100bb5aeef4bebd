"""What two people decide: the life of a proposal, as one table. Pure.

Always true: what is not in the table does not happen; whoever proposed does not approve.
"""

from __future__ import annotations

from enum import StrEnum

from tradelane.market.units import MINUTE
from tradelane.settlement.refusal import Refusals

LIFE_MS = 7 * 24 * 60 * MINUTE
"""A proposal that nobody decided on for a week is over."""


class State(StrEnum):
    PROPOSED = "PROPOSED"
    CARRIED_OUT = "CARRIED_OUT"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class Act(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"


TRANSITIONS: dict[tuple[State, Act], State] = {
    (State.PROPOSED, Act.APPROVE): State.CARRIED_OUT,
    (State.PROPOSED, Act.REJECT): State.REJECTED,
    (State.PROPOSED, Act.EXPIRE): State.EXPIRED,
}


class Refusal(Refusals):
    """Why a decision is not taken."""

    CLOSED = ("approval-closed", "approval", "it was decided on before, or nobody did in time")
    SAME_OPERATOR = ("same-operator", "approval", "who proposed it cannot approve it: another operator does")


def decide(state: State, act: Act, proposed_by: str, by: str) -> State | Refusal:
    """What becomes of a proposal. Whoever proposed may take it back, but not approve it."""
    after = TRANSITIONS.get((state, act))
    if after is None:
        return Refusal.CLOSED
    return Refusal.SAME_OPERATOR if act is Act.APPROVE and by == proposed_by else after


def seen(state: State, expires_at: int, at: int) -> State:
    """The state as it counts at ``at`` (ms), whether or not anybody has written down that it is over."""
    return State.EXPIRED if state is State.PROPOSED and expires_at <= at else state
