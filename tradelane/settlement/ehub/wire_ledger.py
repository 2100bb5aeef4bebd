"""Messages about the ledger itself: entries ordered in batches, and the lines of its journal."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from tradelane.settlement.ehub.fields import Id, Instant, Name, Text
from tradelane.settlement.ehub.wire import PositiveAmount, Question, Total
from tradelane.settlement.ledger import Phase, Result, State

MOST_ENTRIES = 10_000
OWN_PREFIXES = ("deposit/", "reservation/", "release/", "dispute/")
"""How the e-hub's own entries begin; ``:expired/`` stands in those that it ends by time."""
EXPIRED = ":expired/"


class Ordered(StrEnum):
    """The phases a client may order; a pending expires by itself."""

    SINGLE = "single"
    PENDING = "pending"
    POST = "post"
    VOID = "void"


def _not_the_hubs(id: str) -> str:
    if id.startswith(OWN_PREFIXES) or EXPIRED in id:
        raise ValueError(
            f"ids that begin with {', '.join(OWN_PREFIXES)} or hold {EXPIRED} are the e-hub's own"
        )
    return id


EntryId = Annotated[Id, AfterValidator(_not_the_hubs)]


class LedgerEntry(Question):
    """Single and pending take source, target and amount (a pending may leave the target to its posts); post
    and void take the pending entry's id, and a post what differs from it. ``linked``: together with the next
    entry or not at all."""

    id: EntryId
    phase: Ordered
    source: Id | None = None
    target: Id | None = None
    amount: PositiveAmount | None = None
    pending: EntryId | None = None
    linked: bool = False
    expires_at: Instant | None = None
    kind: Name
    memo: Text = ""


class OrderTransfers(Question):
    entries: Annotated[list[LedgerEntry], Field(min_length=1, max_length=MOST_ENTRIES)]


class EntryOutcome(BaseModel):
    """``exists``: this very entry took effect before. A refused one has no effect and uses up no id."""

    id: str
    result: Result
    code: str | None = None
    field: str | None = None
    reason: str | None = None


class TransfersAnswer(BaseModel):
    """One outcome for each entry, in their order."""

    outcomes: list[EntryOutcome]
    at: str


class LedgerLine(BaseModel):
    """A line of the journal. ``pending`` is the id of the entry it ends; ``state`` what has become of a
    pending entry, null for the others; ``hash`` chains it to the line before."""

    seq: int
    id: str
    phase: Phase
    state: State | None
    pending: str | None
    source: str
    target: str | None
    amount: Total
    kind: str
    memo: str
    expires_at: str | None
    closed_at: str | None
    at: str
    hash: str
