"""Messages about nominations: what a zone tells an operator of its borders, and the operator's answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from tradelane.settlement import eic
from tradelane.settlement.ehub.fields import Id, Instant, Text
from tradelane.settlement.ehub.wire import Question
from tradelane.settlement.market_document import LONGEST_ID

GREATEST_WH = 10**15
MOST_SERIES = 200
Eic = Annotated[str, Field(max_length=100), AfterValidator(eic.checked)]
NominationId = Annotated[str, Field(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_ID - 1}}}$")]
ReasonCode = Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}$")]


class NominatedPoint(Question):
    """Wh sold in the interval that begins at ``start``."""

    start: Instant
    wh: Annotated[int, Field(ge=0, le=GREATEST_WH, strict=True)]


class NominatedSeries(Question):
    """A lane in its one direction: out of a domain, into another."""

    lane: Id
    in_domain: Eic
    out_domain: Eic
    points: Annotated[list[NominatedPoint], Field(max_length=1500)]


class Nominate(Question):
    """What is known now of a day: intervals not named stay as they were, at first zero."""

    nomination: NominationId
    sender: Eic
    receiver: Eic
    domain: Eic
    start: Instant
    end: Instant
    resolution_minutes: Annotated[int, Field(ge=1, le=1440, strict=True)]
    series: Annotated[list[NominatedSeries], Field(max_length=MOST_SERIES)]


class Acknowledge(Question):
    """The operator's answer to a revision: A01 accepts it, A02 rejects it, A03 finds fault with a series."""

    revision: Annotated[int, Field(ge=1, strict=True)]
    code: ReasonCode
    text: Text = ""


class AcknowledgementState(BaseModel):
    revision: int
    accepted: bool
    code: str
    text: str
    at: str


class SeriesState(BaseModel):
    lane: str
    in_domain: str
    out_domain: str
    points: list[NominatedPoint]


class NominationState(BaseModel):
    """``revision`` grows with every change; ``acknowledgement`` is the answer to it, null before one came."""

    nomination: str
    revision: int
    sender: str
    receiver: str
    domain: str
    start: str
    end: str
    resolution_minutes: int
    at: str
    series: list[SeriesState]
    acknowledgement: AcknowledgementState | None


class NominationLine(BaseModel):
    """One nomination in a list, without its schedules."""

    nomination: str
    revision: int
    domain: str
    receiver: str
    start: str
    at: str
    acknowledged: str | None
