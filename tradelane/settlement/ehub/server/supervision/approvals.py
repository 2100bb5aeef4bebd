"""Four eyes: one operator proposes, another carries out, in one transaction with the act itself.

A kind of act is a function ``(conn, fields, at)``: it does what the fields say at ``at`` (ms), in the given
transaction, or raises Problem (of fields it does not take, pydantic's ValidationError) and does nothing. Its
fields are those of the proposal, with ``subject`` (what it is about) and ``by`` (who decided), for the audit
trail. It is tried once when it is proposed, and taken back: what cannot be is not proposed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, insert, select, update

from tradelane.market.units import iso
from tradelane.settlement.approval import LIFE_MS, Act, Refusal, State, decide, seen
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.supervision.tables import approvals as t
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_supervision import ADDED, ApprovalState, Approve, Propose, Reject
from tradelane.settlement.problem import Problem

Fields = Mapping[str, Any]
CarryOut = Callable[[Connection, Fields, int], None]
Kinds = Mapping[str, CarryOut]
SUBJECT, BY = ADDED
HTTP_STATUS = {Refusal.CLOSED: 409, Refusal.SAME_OPERATOR: 403}


def propose(
    conn: Connection, command: Command, question: Propose, *, by: str, alone: bool, kinds: Kinds
) -> Answer:
    """Keep it until another decides; where one may act ``alone`` it is carried out at once. Raises Problem,
    also when it could not be carried out as things stand."""
    row = {
        "approval": (conn.execute(_LAST).scalar() or 0) + 1,
        **question.model_dump(exclude={"fields"}),
        "fields": json.dumps(question.fields, ensure_ascii=False),
        "state": State.PROPOSED,
        "proposed_by": by,
        "proposed_at": command.at,
        "expires_at": command.at + LIFE_MS,
    }
    made = conn.execute(insert(t).returning(t), row).one()
    if alone:
        _carry_out(conn, made, kinds, command.at, by)
        _ended(conn, made, State.CARRIED_OUT, None, command.at)
    else:
        _try(conn, made, kinds, command.at, by)
        _note(conn, made, "approval-proposed", by, command.at)
    return Answer.of(201, _state(_known(conn, made.approval), command.at))


def approve(
    conn: Connection, command: Command, _question: Approve, *, approval: int, by: str, kinds: Kinds
) -> Answer:
    """Carry it out. Problem 403 to who proposed it, 409 when it is not open any more, or the act's own."""
    row = _decided(conn, approval, Act.APPROVE, by, command.at)
    _note(conn, row, "approval-approved", by, command.at)
    _carry_out(conn, row, kinds, command.at, f"{row.proposed_by}, {by}")
    return Answer.of(200, _state(_known(conn, approval), command.at))


def reject(conn: Connection, command: Command, question: Reject, *, approval: int, by: str) -> Answer:
    """It will not be carried out; also who proposed it may say so. Problem 409 when it is not open."""
    row = _decided(conn, approval, Act.REJECT, by, command.at, question.reason)
    _note(conn, row, "approval-rejected", by, command.at, reason=question.reason)
    return Answer.of(200, _state(_known(conn, approval), command.at))


def expire(conn: Connection, at: int) -> int:
    """End every proposal that nobody decided on by ``at`` (ms); how many there were."""
    due = conn.execute(select(t).where(t.c.state == State.PROPOSED, t.c.expires_at <= at)).all()
    for row in due:
        _ended(conn, row, State.EXPIRED, None, row.expires_at)
        _note(conn, row, "approval-expired", "e-hub", at)
    return len(due)


def listed(conn: Connection, after: int, limit: int, at: int) -> Page[ApprovalState]:
    """The oldest first."""
    query = select(t).where(t.c.approval > after).order_by(t.c.approval).limit(limit + 1)
    rows = conn.execute(query).all()
    items = [_state(row, at) for row in rows[:limit]]
    return Page(items=items, next=str(items[-1].approval) if len(rows) > limit else None)


def _try(conn: Connection, row: Row[Any], kinds: Kinds, at: int, by: str) -> None:
    trial = conn.begin_nested()
    try:
        _carry_out(conn, row, kinds, at, by)
    finally:
        trial.rollback()


def _carry_out(conn: Connection, row: Row[Any], kinds: Kinds, at: int, by: str) -> None:
    if row.kind not in kinds:
        raise Problem.field(422, "unknown-kind", "kind", f"none of {', '.join(sorted(kinds))}")
    try:
        kinds[row.kind](conn, {**json.loads(row.fields), SUBJECT: row.subject, BY: by}, at)
    except ValidationError as error:
        raise _wrong(error) from error


def _wrong(error: ValidationError) -> Problem:
    faults = [(".".join(["fields", *map(str, one["loc"])]), one["msg"]) for one in error.errors()]
    return Problem(422, "wrong-fields", "Wrong fields", "; ".join(map(": ".join, faults)), faults)


def _decided(
    conn: Connection, approval: int, act: Act, by: str, at: int, reason: str | None = None
) -> Row[Any]:
    row = _known(conn, approval)
    after = decide(seen(State(row.state), row.expires_at, at), act, row.proposed_by, by)
    if isinstance(after, Refusal):
        raise Problem.field(HTTP_STATUS[after], after.code, after.field, after.reason)
    _ended(conn, row, after, by, at, reason)
    return row


def _ended(
    conn: Connection, row: Row[Any], state: State, by: str | None, at: int, reason: str | None = None
) -> None:
    values = {"state": state, "decided_by": by, "decided_at": at, "reason": reason}
    conn.execute(update(t).where(t.c.approval == row.approval).values(values))


def _known(conn: Connection, approval: int) -> Row[Any]:
    row = conn.execute(select(t).where(t.c.approval == approval)).first()
    if row is None:
        raise Problem.field(404, "unknown-approval", "approval", "no such approval")
    return row


def _note(conn: Connection, row: Row[Any], action: str, by: str, at: int, **more: str) -> None:
    told = {"approval": row.approval, "kind": row.kind, "fields": row.fields, **more}
    audit.record(conn, at, by, action, row.subject, told)


def _state(row: Row[Any], at: int) -> ApprovalState:
    state = seen(State(row.state), row.expires_at, at)
    ended = row.expires_at if state is State.EXPIRED else row.decided_at
    return ApprovalState(
        approval=row.approval,
        kind=row.kind,
        subject=row.subject,
        fields=json.loads(row.fields),
        state=state,
        proposed_by=row.proposed_by,
        proposed_at=iso(row.proposed_at),
        expires_at=iso(row.expires_at),
        decided_by=row.decided_by,
        decided_at=None if ended is None else iso(ended),
        reason=row.reason,
    )


_LAST = select(func.max(t.c.approval))
