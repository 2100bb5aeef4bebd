"""What inspections do: an order brings a declaration to inspection, a fail holds it and its contract's money.

Every act is in the audit trail.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from tradelane.settlement import declaration as way
from tradelane.settlement.declaration import Event as CustomsEvent
from tradelane.settlement.ehub.server import audit, customs
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.customs import declarations
from tradelane.settlement.ehub.server.inspection import disputes, orders
from tradelane.settlement.ehub.server.logistics import shipments
from tradelane.settlement.ehub.wire_declarations import DeclarationAnswer
from tradelane.settlement.ehub.wire_inspection import InspectionResult, OrderInspection
from tradelane.settlement.inspection import State
from tradelane.settlement.problem import Problem


def order(conn: Connection, command: Command, question: OrderInspection, *, actor: str) -> Answer:
    """Of a consignment or a shipment; the declaration waits for the result, where its state has that way."""
    declared = _declared(conn, question)
    orders.add(
        conn, question.inspection, declared.declaration, declared.contract, actor, question.reason,
        command.at, question.shipment,
    )  # fmt: skip
    _follow(conn, declared.declaration, CustomsEvent.ASK_INSPECTION, question.reason, command.at)
    told = {"declaration": declared.declaration, "reason": question.reason}
    audit.record(conn, command.at, actor, "inspection-ordered", question.inspection, told)
    return Answer.of(201, orders.state(orders.required(conn, question.inspection)))


def result(
    conn: Connection, command: Command, question: InspectionResult, *, inspection: str, actor: str
) -> Answer:
    """Once. A fail holds the declaration, and keeps the money of its contract for the operator to decide."""
    row = orders.required(conn, inspection)
    state = orders.end(conn, row, question.result, question.inspector, question.remarks, command.at)
    if state is State.FAILED:
        _hold(conn, row, question.remarks, command.at)
    told = {"result": question.result, "inspector": question.inspector, "remarks": question.remarks}
    audit.record(conn, command.at, actor, "inspection-ended", inspection, told)
    return Answer.of(200, orders.state(orders.required(conn, inspection)))


def _hold(conn: Connection, row: Row[Any], why: str, at: int) -> None:
    reason = f"inspection {row.inspection} failed: {why}"[:500]
    _follow(conn, row.declaration, CustomsEvent.HOLD, reason, at)
    money = disputes.held_money(conn, row.contract, at)
    if money is not None:
        disputes.begin(conn, money, reason, disputes.OPERATOR, at)


def _follow(conn: Connection, declaration: str, event: CustomsEvent, note: str, at: int) -> None:
    """Give the declaration an event, where its state takes it: what customs has released stays so, and its
    shipments go no further."""
    found = customs.find(conn, declaration)
    if found is not None and way.after(found.state, event) is not None:
        declarations.follow(conn, declaration, event, note, at)


def _declared(conn: Connection, question: OrderInspection) -> DeclarationAnswer:
    name = question.declaration
    if question.shipment is not None:
        shipment = shipments.find(conn, question.shipment)
        if shipment is None:
            raise Problem.field(422, "unknown-shipment", "shipment", "no such shipment")
        name = shipment.declaration
    found = customs.find(conn, name or "")
    if found is None:
        raise Problem.field(422, "unknown-declaration", "declaration", "no such declaration")
    return found
