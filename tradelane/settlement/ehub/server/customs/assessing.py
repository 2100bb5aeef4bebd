"""What a consignment owes on a day, and landed prices kept so that a declaration can be held to them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Connection, bindparam, insert, select

from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.figures import figures_of
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.customs import nomenclature
from tradelane.settlement.ehub.server.customs.tables import assessments as t
from tradelane.settlement.ehub.wire_declarations import (
    Assess,
    AssessmentAnswer,
    Declare,
    Facts,
    Figures,
)
from tradelane.settlement.landed import Unassessable
from tradelane.settlement.problem import Problem

VALID_MS = 24 * 60 * MINUTE
"""How long a landed price holds."""
FACTS = tuple(Facts.model_fields)


def assess(conn: Connection, command: Command, question: Assess) -> Answer:
    """Keep a landed price. Problem 422 when no rule knows it."""
    if find(conn, question.assessment) is not None:
        raise Problem.field(409, "duplicate-id", "assessment", "this assessment exists already")
    nomenclature.check(conn, question.hs_code)
    shown = AssessmentAnswer(
        **due(question, day_of(command.at)).model_dump(),
        assessment=question.assessment,
        at=iso(command.at),
        expires_at=iso(command.at + VALID_MS),
    )
    conn.execute(
        insert(t),
        {
            "assessment": question.assessment,
            "body": question.model_dump_json(),
            "answer": shown.model_dump_json(),
            "expires_at": command.at + VALID_MS,
            "at": command.at,
        },
    )
    return Answer.of(201, shown)


def find(conn: Connection, assessment: str) -> AssessmentAnswer | None:
    text = conn.execute(_ANSWER, {"id": assessment}).scalar()
    return None if text is None else AssessmentAnswer.model_validate_json(text)


def held_to(conn: Connection, declared: Declare, at: int) -> Figures:
    """The figures of a declaration, the same as those of the assessment it refers to. Raises Problem."""
    nomenclature.check(conn, declared.hs_code)
    found = due(declared, day_of(at))
    if declared.assessment is None:
        return found
    row = conn.execute(_KEPT, {"id": declared.assessment}).first()
    if row is None:
        raise Problem.field(422, "unknown-assessment", "assessment", "no such assessment")
    if row.expires_at <= at:
        reason = f"the assessment was valid until {iso(row.expires_at)}"
        raise Problem.field(409, "assessment-expired", "assessment", reason)
    asked = Assess.model_validate_json(row.body)
    other = next((name for name in FACTS if getattr(asked, name) != getattr(declared, name)), None)
    if other is not None:
        raise Problem.field(409, "assessment-differs", other, "the assessment was for something else")
    shown = AssessmentAnswer.model_validate_json(row.answer)
    if Figures(**shown.model_dump()) != found:
        reason = f"{shown.total.value} was shown, {found.total.value} would be due"
        raise Problem.field(409, "assessment-differs", "assessment", reason)
    return found


def due(facts: Facts, on: date) -> Figures:
    """``figures_of``; Problem 422, naming the field, for what no rule knows."""
    try:
        return figures_of(facts, on)
    except Unassessable as refused:
        raise Problem.field(422, refused.code, refused.field, refused.reason) from None


def day_of(at: int) -> date:
    """The day (UTC) of an instant."""
    return datetime.fromtimestamp(at / 1000, UTC).date()


_ANSWER = select(t.c.answer).where(t.c.assessment == bindparam("id"))
_KEPT = select(t.c.body, t.c.answer, t.c.expires_at).where(t.c.assessment == bindparam("id"))
