"""Inspections as they stand: ordered, ended, and what they hold. Nothing here moves goods or money."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from tradelane.market.units import iso
from tradelane.settlement import inspection
from tradelane.settlement.ehub.server.inspection.tables import inspections as t
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_inspection import InspectionState
from tradelane.settlement.inspection import Event, State
from tradelane.settlement.problem import Problem

CUSTOMS = "customs"
"""Who orders the inspections of the red channel, and ends them by a release."""


def add(
    conn: Connection, id: str, declaration: str, contract: str, by: str, reason: str, at: int,
    shipment: str | None = None,
) -> None:  # fmt: skip
    """Problem 409 when the id is taken."""
    if find(conn, id) is not None:
        raise Problem.field(409, "duplicate-id", "inspection", "this inspection exists already")
    row = {"inspection": id, "declaration": declaration, "shipment": shipment, "contract": contract}
    row |= {"ordered_by": by, "reason": reason, "state": State.ORDERED.value}
    conn.execute(insert(t), {**row, "at": at})


def order_for_customs(conn: Connection, declaration: str, contract: str, reason: str, at: int) -> None:
    """The red channel's."""
    add(conn, f"{CUSTOMS}/{declaration}", declaration, contract, CUSTOMS, reason, at)


def end(conn: Connection, row: Row[Any], event: Event, inspector: str, remarks: str, at: int) -> State:
    """Give an inspection its result; Problem 409 when it has one."""
    to = inspection.after(State(row.state), event)
    if to is None:
        raise Problem.field(409, "inspection-state", "inspection", f"the inspection is {row.state} already")
    number = (conn.execute(_LAST).scalar() or 0) + 1
    done = {"state": to.value, "inspector": inspector, "remarks": remarks}
    conn.execute(
        update(t).where(t.c.inspection == row.inspection).values(**done, ended_at=at, ended_number=number)
    )
    return to


def check(conn: Connection, declaration: str) -> None:
    """Problem 409 while an inspection of the consignment is open, or its last result is a fail."""
    rows = conn.execute(_OF, {"of": declaration}).all()
    holds = inspection.holding(State(row.state) for row in rows)
    if holds is State.ORDERED:
        raise Problem.field(409, "inspection-open", "declaration", "its inspection has no result yet")
    if holds is State.FAILED:
        said = [row.remarks for row in rows if row.state == State.FAILED][-1]
        raise Problem.field(409, "inspection-failed", "declaration", f"its inspection failed: {said}")


def release_by_customs(conn: Connection, declaration: str, note: str, at: int) -> None:
    """The office's release ends what its own red channel ordered; then as ``check``."""
    for row in conn.execute(_OF, {"of": declaration}).all():
        if row.state == State.ORDERED and row.ordered_by == CUSTOMS:
            end(conn, row, Event.PASS, CUSTOMS, note, at)
    check(conn, declaration)


def find(conn: Connection, id: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": id}).first()


def required(conn: Connection, id: str) -> Row[Any]:
    """The inspection's row; Problem 404."""
    row = find(conn, id)
    if row is None:
        raise Problem.field(404, "unknown-inspection", "inspection", "no such inspection")
    return row


def listed(
    conn: Connection, wanted: State | None, declaration: str | None, after: str | None, limit: int
) -> Page[InspectionState]:
    query = select(t)
    if wanted is not None:
        query = query.where(t.c.state == wanted.value)
    if declaration is not None:
        query = query.where(t.c.declaration == declaration)
    return page(conn, query, t.c.inspection, after, limit, state)


def state(row: Row[Any]) -> InspectionState:
    """An inspection as the wire shows it."""
    fields = row._asdict()
    ended = fields["ended_at"]
    fields |= {"at": iso(fields["at"]), "ended_at": None if ended is None else iso(ended)}
    return InspectionState(**fields)


_FIND = select(t).where(t.c.inspection == bindparam("id"))
_OF = select(t).where(t.c.declaration == bindparam("of")).order_by(t.c.ended_number)
_LAST = select(func.max(t.c.ended_number))
