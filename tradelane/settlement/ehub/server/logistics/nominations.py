"""Nominations: what zones tell operators of a day, revision by revision, and what operators answer.

Always true: a revision once given is told again as it was; a new one is made only by a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from tradelane.market.units import MINUTE, Interval, instant, iso
from tradelane.settlement import nomination as rules
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.logistics.tables import (
    nomination_lanes,
    nomination_points,
    nomination_revisions,
    nominations,
)
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_nominations import (
    Acknowledge,
    AcknowledgementState,
    Nominate,
    NominatedPoint,
    NominationLine,
    NominationState,
    SeriesState,
)
from tradelane.settlement.nomination import MOST_REVISIONS, Nomination, Refusal, Schedule
from tradelane.settlement.problem import Problem

t, r, s, p = nominations, nomination_revisions, nomination_lanes, nomination_points
ACCEPTED = "A01"
CONFLICTS = (Refusal.DIFFERS, Refusal.MOST, Refusal.ANSWERED)


def nominate(conn: Connection, command: Command, question: Nominate) -> Answer:
    """Take what is known of a day; a change is a new revision, and no change is none."""
    said = _said(question)
    day, resolution = _day(question), question.resolution_minutes * MINUTE
    refusal = rules.refusal_of(day, resolution, question.domain, said)
    if refusal is not None:
        raise _refused(refusal)
    before = _newest(conn, question.nomination)
    _keep_head(conn, question, day, resolution)
    known = {one.lane: one for one in before.schedules} if before else {}
    changes = [change for one in said for change in _changes(one, known.get(one.lane))]
    if before is None or changes or set(known) < {one.lane for one in said} | set(known):
        revision = before.revision + 1 if before else 1
        if revision > MOST_REVISIONS:
            raise _refused(Refusal.MOST)
        _keep(conn, question.nomination, revision, said, known, changes, command.at)
    found = _newest(conn, question.nomination)
    assert found is not None
    return Answer.of(201, _state(conn, found))


def acknowledge(conn: Connection, command: Command, question: Acknowledge, *, nomination: str) -> Answer:
    """The operator's answer to one revision, once; Problem 404, 422 or 409."""
    required(conn, nomination)
    of = (r.c.nomination == nomination, r.c.revision == question.revision)
    row = conn.execute(select(r).where(*of)).first()
    if row is None:
        raise _refused(Refusal.NO_REVISION)
    if row.code is None:
        values = {"code": question.code, "text": question.text, "answered_at": command.at}
        conn.execute(update(r).where(*of).values(**values))
    elif (row.code, row.text) != (question.code, question.text):
        raise _refused(Refusal.ANSWERED)
    return Answer.of(200, _state(conn, required(conn, nomination, question.revision)))


def show(conn: Connection, nomination: str, revision: int | None) -> NominationState:
    """One revision, the newest by default; Problem 404."""
    return _state(conn, required(conn, nomination, revision))


def required(conn: Connection, nomination: str, revision: int | None = None) -> Nomination:
    """A nomination as one of its revisions said it, the newest by default; Problem 404."""
    found = _newest(conn, nomination, revision)
    if found is None:
        raise Problem.field(404, "unknown-nomination", "nomination", "no such nomination or revision")
    return found


def listed(
    conn: Connection, after: str | None, limit: int, domain: str | None, receiver: str | None
) -> Page[NominationLine]:
    """Nominations with their newest revisions; ``acknowledged`` is the code of the answer to it."""
    newest = select(r.c.nomination, func.max(r.c.revision).label("revision")).group_by(r.c.nomination)
    last = newest.subquery("last")
    asked = (
        select(t, r.c.revision, r.c.at, r.c.code)
        .join(last, last.c.nomination == t.c.nomination)
        .join(r, (r.c.nomination == t.c.nomination) & (r.c.revision == last.c.revision))
        .order_by(t.c.nomination)
        .limit(limit + 1)
    )
    for column, value in ((t.c.domain, domain), (t.c.receiver, receiver)):
        asked = asked if value is None else asked.where(column == value)
    rows = conn.execute(asked if after is None else asked.where(t.c.nomination > after)).all()
    items = [
        NominationLine(
            nomination=row.nomination,
            revision=row.revision,
            domain=row.domain,
            receiver=row.receiver,
            start=iso(row.day_start),
            at=iso(row.at),
            acknowledged=row.code,
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next=items[-1].nomination if len(rows) > limit else None)


def _said(question: Nominate) -> list[Schedule]:
    found = []
    for series in question.series:
        wh = {instant(point.start): point.wh for point in series.points}
        if len(wh) < len(series.points):
            raise _refused(Refusal.OFF_GRID)
        found.append(Schedule(series.lane, series.in_domain, series.out_domain, wh))
    return found


def _day(question: Nominate) -> Interval:
    try:
        return Interval(instant(question.start), instant(question.end))
    except ValueError as error:
        raise Problem.field(422, "wrong-period", "end", str(error)) from error


def _keep_head(conn: Connection, question: Nominate, day: Interval, resolution: int) -> None:
    head = {
        "nomination": question.nomination,
        "sender": question.sender,
        "receiver": question.receiver,
        "domain": question.domain,
        "day_start": day.start,
        "day_end": day.end,
        "resolution": resolution,
    }
    known = _head(conn, question.nomination)
    if known is None:
        conn.execute(insert(t), head)
    elif known._mapping != head:
        raise _refused(Refusal.DIFFERS)


def _changes(said: Schedule, known: Schedule | None) -> list[dict[str, Any]]:
    """Intervals that are not what they were; one never said is zero."""
    before: Mapping[int, int] = known.wh if known else {}
    if known and (known.in_domain, known.out_domain) != (said.in_domain, said.out_domain):
        raise _refused(Refusal.WRONG_DOMAIN)
    return [
        {"lane": said.lane, "start": start, "wh": wh}
        for start, wh in said.wh.items()
        if wh != before.get(start, 0)
    ]


def _keep(
    conn: Connection, nomination: str, revision: int, said: Sequence[Schedule],
    known: Mapping[str, Schedule], changes: Sequence[Mapping[str, Any]], at: int,
) -> None:  # fmt: skip
    of = {"nomination": nomination, "revision": revision}
    conn.execute(insert(r), {**of, "at": at})
    added = [
        {**of, "lane": one.lane, "in_domain": one.in_domain, "out_domain": one.out_domain}
        for one in said
        if one.lane not in known
    ]
    for table, rows in ((s, added), (p, [{**of, **change} for change in changes])):
        if rows:
            conn.execute(insert(table), rows)


def _head(conn: Connection, nomination: str) -> Row[Any] | None:
    return conn.execute(select(t).where(t.c.nomination == nomination)).first()


def _newest(conn: Connection, nomination: str, revision: int | None = None) -> Nomination | None:
    """What the nomination said at a revision, the newest by default."""
    head = _head(conn, nomination)
    asked = select(r).where(r.c.nomination == nomination).order_by(r.c.revision.desc()).limit(1)
    row = conn.execute(asked if revision is None else asked.where(r.c.revision == revision)).first()
    if head is None or row is None:
        return None
    return Nomination(
        head.nomination,
        row.revision,
        head.sender,
        head.receiver,
        head.domain,
        Interval(head.day_start, head.day_end),
        head.resolution,
        row.at,
        _schedules(conn, nomination, row.revision),
    )


def _schedules(conn: Connection, nomination: str, revision: int) -> list[Schedule]:
    until = select(p).where(p.c.nomination == nomination, p.c.revision <= revision).order_by(p.c.revision)
    wh: dict[str, dict[int, int]] = {}
    for row in conn.execute(until):
        wh.setdefault(row.lane, {})[row.start] = row.wh
    lanes = select(s).where(s.c.nomination == nomination, s.c.revision <= revision).order_by(s.c.lane)
    return [
        Schedule(row.lane, row.in_domain, row.out_domain, wh.get(row.lane, {})) for row in conn.execute(lanes)
    ]


def _state(conn: Connection, of: Nomination) -> NominationState:
    row = conn.execute(select(r).where(r.c.nomination == of.id, r.c.revision == of.revision)).one()
    return NominationState(
        nomination=of.id,
        revision=of.revision,
        sender=of.sender,
        receiver=of.receiver,
        domain=of.domain,
        start=iso(of.day.start),
        end=iso(of.day.end),
        resolution_minutes=of.resolution // MINUTE,
        at=iso(of.created),
        series=[
            SeriesState(
                lane=one.lane,
                in_domain=one.in_domain,
                out_domain=one.out_domain,
                points=[NominatedPoint(start=iso(at), wh=one.wh[at]) for at in sorted(one.wh)],
            )
            for one in of.schedules
        ],
        acknowledgement=None if row.code is None else _answer(row),
    )


def _answer(row: Row[Any]) -> AcknowledgementState:
    return AcknowledgementState(
        revision=row.revision,
        accepted=row.code == ACCEPTED,
        code=row.code,
        text=row.text,
        at=iso(row.answered_at),
    )


def _refused(refusal: Refusal) -> Problem:
    status = 409 if refusal in CONFLICTS else 422
    return Problem.field(status, refusal.code, refusal.field, refusal.reason)
