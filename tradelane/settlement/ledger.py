"""Double entry in two phases, pure: the words of the ledger, and the one table of its states.

An entry is single (money moves at once), pending (money is held), or it ends a pending: post (all or a part
of what is held moves, the rest is let go), void, or expire (the ledger's own, when the time is over). How
entries are judged stands in ``judging``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tradelane.market.units import Money
from tradelane.settlement.refusal import Refusals

GREATEST = 4 * 10**18
"""Greatest balance, in nano-units either side of zero, so that sums of two stay within 64 bits."""


class Phase(StrEnum):
    SINGLE = "single"
    PENDING = "pending"
    POST = "post"
    VOID = "void"
    EXPIRE = "expire"


class State(StrEnum):
    """Of a pending entry; all but ``pending`` are final."""

    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


TRANSITIONS: dict[tuple[State, Phase], State] = {
    (State.PENDING, Phase.POST): State.POSTED,
    (State.PENDING, Phase.VOID): State.VOIDED,
    (State.PENDING, Phase.EXPIRE): State.EXPIRED,
}
"""Everything that may happen to a pending entry."""
MOVING = (Phase.SINGLE, Phase.POST)
"""The phases that move money; the others only hold it or let it go."""


@dataclass(slots=True)
class Account:
    """Balances in nano-units of ``currency``. ``held`` is what pendings hold of ``posted``; ``limit`` the
    lowest allowed available balance, None for an account without one (an issuer, a currency desk)."""

    currency: str
    posted: int = 0
    held: int = 0
    limit: int | None = 0

    @property
    def available(self) -> int:
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Transfer:
    """``amount`` from ``source`` to ``target``. ``id`` is made by whoever orders it; ``kind`` says why."""

    id: str
    source: str
    target: str
    amount: Money
    kind: str
    memo: str = ""


class Entry(NamedTuple):
    """What a client orders. Make them by :func:`single`, :func:`pending`, :func:`post` and :func:`void`.

    A ``linked`` entry takes effect only together with the next one. ``expires_at`` is in Unix ms.
    """

    id: str
    phase: Phase
    source: str | None = None
    target: str | None = None
    amount: Money | None = None
    pending: str | None = None
    linked: bool = False
    expires_at: int | None = None
    kind: str = ""
    memo: str = ""


def single(transfer: Transfer, *, linked: bool = False) -> Entry:
    """Move the money at once."""
    t = transfer
    return Entry(t.id, Phase.SINGLE, t.source, t.target, t.amount, None, linked, None, t.kind, t.memo)


def pending(
    id: str,
    source: str,
    target: str | None,
    amount: Money,
    *,
    kind: str,
    memo: str = "",
    expires_at: int | None = None,
    linked: bool = False,
) -> Entry:
    """Hold the money in ``source``. Without a target each post of it names one."""
    return Entry(id, Phase.PENDING, source, target, amount, None, linked, expires_at, kind, memo)


def post(
    id: str,
    pending: str,
    amount: Money | None = None,
    *,
    target: str | None = None,
    kind: str,
    memo: str = "",
    linked: bool = False,
) -> Entry:
    """Move ``amount`` of what is held, or all of it. The rest is let go, unless the same linked set posts it
    too."""
    return Entry(id, Phase.POST, None, target, amount, pending, linked, None, kind, memo)


def void(id: str, pending: str, *, kind: str, memo: str = "", linked: bool = False) -> Entry:
    """Let go of all that is held."""
    return Entry(id, Phase.VOID, None, None, None, pending, linked, None, kind, memo)


def expire(pending: str) -> Entry:
    """The ledger's own end of a pending whose time is over. No client's id begins as this one does."""
    return Entry(f":expired/{pending}", Phase.EXPIRE, None, None, None, pending)


class Refusal(Refusals):
    """Why an entry is refused: the problem's code, the field at fault, and a sentence for a person."""

    SAME_ACCOUNT = ("same-account", "target", "source and target are the same account")
    NOT_POSITIVE = ("not-positive", "amount", "the amount must be greater than zero")
    WRONG_FIELDS = ("wrong-fields", "phase", "this phase takes other fields than these")
    UNKNOWN_SOURCE = ("unknown-account", "source", "no such account")
    UNKNOWN_TARGET = ("unknown-account", "target", "no such account")
    SOURCE_CURRENCY = ("currency-mismatch", "source", "the account is kept in another currency")
    TARGET_CURRENCY = ("currency-mismatch", "target", "the account is kept in another currency")
    PENDING_CURRENCY = ("currency-mismatch", "amount", "the pending entry is in another currency")
    DUPLICATE_ID = ("duplicate-id", "id", "this id was used for a different transfer")
    UNKNOWN_PENDING = ("unknown-pending", "pending", "no such pending entry")
    OTHER_TARGET = ("pending-mismatch", "target", "the pending entry has another target")
    EXCEEDS_PENDING = ("exceeds-pending", "amount", "more than the pending entry holds")
    POSTED = ("pending-posted", "pending", "the pending entry was posted")
    VOIDED = ("pending-voided", "pending", "the pending entry was voided")
    EXPIRED = ("pending-expired", "pending", "the pending entry has expired")
    NOT_EXPIRED = ("pending-not-expired", "pending", "the pending entry has not expired")
    EXPIRES_BEFORE = ("expires-in-the-past", "expires_at", "the entry would have expired already")
    INSUFFICIENT_FUNDS = ("insufficient-funds", "amount", "the account would go below its limit")
    OUT_OF_RANGE = ("balance-out-of-range", "amount", "the balance would be too large to keep")
    LINKED = ("linked-refused", "linked", "another entry of the linked set was refused")
    LINKED_OPEN = ("linked-open", "linked", "the last entry of a batch is linked to nothing")


CLOSED = {State.POSTED: Refusal.POSTED, State.VOIDED: Refusal.VOIDED, State.EXPIRED: Refusal.EXPIRED}
"""Why a pending in a final state takes nothing more."""


class Result(StrEnum):
    DONE = "done"
    EXISTS = "exists"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """``exists``: this very entry took effect before. A refused entry has no effect and uses up no id."""

    result: Result
    refusal: Refusal | None = None


DONE = Outcome(Result.DONE)
EXISTS = Outcome(Result.EXISTS)
REFUSED = {refusal: Outcome(Result.REFUSED, refusal) for refusal in Refusal}
