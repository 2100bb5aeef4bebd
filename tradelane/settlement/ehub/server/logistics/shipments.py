"""Shipments: booked against a declaration, moved on by the carrier's events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from tradelane.market.units import instant, iso, plain
from tradelane.settlement import epcis
from tradelane.settlement.declaration import State as DeclarationState
from tradelane.settlement.ehub.server import customs, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection import orders
from tradelane.settlement.ehub.server.logistics import events, lanes, proofs
from tradelane.settlement.ehub.wire import Total
from tradelane.settlement.ehub.wire_logistics import (
    BookShipment,
    ProofCode,
    RecordEvent,
    ShipmentAnswer,
    ShipmentStep,
    WaiveProof,
)
from tradelane.settlement.logistics import (
    DELIVERIES,
    FINAL,
    NEED_RELEASE,
    Refusal,
    ShipmentState,
    advance,
    proof_code,
    proof_digest,
)
from tradelane.settlement.problem import Problem

t, e = tables.shipments, tables.shipment_events
HTTP_STATUS = dict.fromkeys((Refusal.ILLEGAL_EVENT, Refusal.NOT_RELEASED, Refusal.LOCKED), 409)


def book(conn: Connection, command: Command, question: BookShipment, *, secret: bytes) -> Answer:
    """A shipment of a declared contract's goods; the buyer's code is made from ``secret``."""
    if _row(conn, question.shipment) is not None:
        raise Problem.field(409, "duplicate-id", "shipment", "this shipment exists already")
    declaration = customs.find(conn, question.declaration)
    if declaration is None:
        raise Problem.field(422, "unknown-declaration", "declaration", "no such declaration")
    if declaration.contract != question.contract:
        raise Problem.field(422, "wrong-contract", "contract", "the declaration is for another contract")
    conn.execute(
        insert(t),
        {
            **question.model_dump(),
            "delivered": "0",
            "state": ShipmentState.BOOKED.value,
            "proof": proof_digest(secret, question.shipment, proof_code(secret, question.shipment)),
            "at": command.at,
        },
    )
    lanes.book(conn, question, command.at)
    return Answer.of(201, _found(find(conn, question.shipment)))


def record(
    conn: Connection, command: Command, question: RecordEvent, *, shipment: str, secret: bytes
) -> Answer:
    """Move a shipment on by one event; 409 when its state does not allow it, 422 for a wrong proof."""
    row = required(conn, shipment)
    try:
        with conn.begin_nested():
            handed = move(conn, row, question, command.at, secret)
            carried = left(row) if handed is None else handed
            made = epcis.object_event(_consignment(conn, row), question.event, instant(question.at), carried)
            events.add(conn, made, shipment, command.at, field="at")
    except proofs.WrongProof as wrong:
        proofs.count(conn, shipment)
        return Answer(wrong.status, wrong.json())
    return Answer.of(200, _found(find(conn, shipment)))


def show_code(conn: Connection, shipment: str, secret: bytes) -> ProofCode:
    """The code, for the buyer; Problem 404."""
    required(conn, shipment)
    return ProofCode(shipment=shipment, proof_code=proof_code(secret, shipment))


def waive_proof(conn: Connection, command: Command, question: WaiveProof, *, shipment: str) -> Answer:
    """The operator's word in place of the buyer's code; it lifts a lock too."""
    row = required(conn, shipment)
    if ShipmentState(row.state) in FINAL:
        raise _refused(Refusal.ILLEGAL_EVENT, row.state)
    proofs.waive(conn, shipment, question.reason, command.at)
    return Answer.of(200, _found(find(conn, shipment)))


def move(conn: Connection, row: Row[Any], question: RecordEvent, at: int, secret: bytes) -> Decimal | None:
    """Move a shipment on; what was handed over by it, None when nothing was.

    Raises Problem; a WrongProof is to be counted.
    """
    if question.event in NEED_RELEASE:
        orders.check(conn, row.declaration)
    proof, wrong_tries = proofs.judged(conn, secret, row, question.proof_code)
    after = advance(
        ShipmentState(row.state),
        question.event,
        released=_released(conn, row),
        proof=proof,
        wrong_tries=wrong_tries,
        quantity=None if question.quantity is None else Decimal(question.quantity),
        left=left(row),
    )
    if isinstance(after, Refusal):
        raise _refused(after, row.state)
    handed = None
    if question.event in DELIVERIES:
        handed = left(row) if question.quantity is None else Decimal(question.quantity)
    number = conn.execute(_COUNT, {"id": row.shipment}).scalar_one() + 1
    conn.execute(
        insert(e),
        {
            "shipment": row.shipment,
            "number": number,
            "event": question.event.value,
            "quantity": None if handed is None else plain(handed),
            "at": instant(question.at),
            "recorded_at": at,
        },
    )
    delivered = plain(Decimal(row.delivered) + (handed or 0))
    conn.execute(_MOVE, {"id": row.shipment, "after": after.value, "handed": delivered})
    return handed


def left(row: Row[Any]) -> Decimal:
    """What is still to be delivered, in the shipment's unit."""
    return Decimal(row.quantity) - Decimal(row.delivered)


def _consignment(conn: Connection, row: Row[Any]) -> epcis.Consignment:
    """What all events of a shipment have in common."""
    declared = customs.find(conn, row.declaration)
    assert declared is not None, "a foreign key"
    return epcis.Consignment(
        shipment=row.shipment,
        contract=row.contract,
        lane=row.lane,
        origin=declared.origin,
        destination=declared.destination,
        hs_code=declared.hs_code,
        unit=row.unit,
    )


def required(conn: Connection, shipment: str) -> Row[Any]:
    """The shipment's row; Problem 404."""
    row = _row(conn, shipment)
    if row is None:
        raise Problem.field(404, "unknown-shipment", "shipment", "no such shipment")
    return row


def find(conn: Connection, shipment: str) -> ShipmentAnswer | None:
    row = _row(conn, shipment)
    return None if row is None else answer(conn, row)


def answer(conn: Connection, row: Row[Any]) -> ShipmentAnswer:
    """A shipment with its events, as the wire shows it; never its proof code."""
    steps = [
        ShipmentStep(
            event=step.event, at=iso(step.at), recorded_at=iso(step.recorded_at), quantity=step.quantity
        )
        for step in conn.execute(_EVENTS, {"id": row.shipment})
    ]
    booked, proof = lanes.booking(conn, row.shipment), proofs.standing(conn, row.shipment)
    return ShipmentAnswer(
        shipment=row.shipment,
        contract=row.contract,
        declaration=row.declaration,
        lane=row.lane,
        quantity=row.quantity,
        delivered=row.delivered,
        unit=row.unit,
        state=row.state,
        booked_at=iso(row.at),
        carrier=None if booked is None else booked.carrier,
        freight=None if booked is None else Total.of(booked.freight_nano, booked.currency),
        eta=None if booked is None else iso(booked.eta),
        wrong_codes=proof.wrong_tries,
        proof_waived=proof.waived,
        events=steps,
    )


def _released(conn: Connection, row: Row[Any]) -> bool:
    declaration = customs.find(conn, row.declaration)
    return declaration is not None and declaration.state is DeclarationState.RELEASED


def _refused(refusal: Refusal, state: str) -> Problem:
    reason = f"{refusal.reason} (it is {state})" if refusal is Refusal.ILLEGAL_EVENT else refusal.reason
    kind = proofs.WrongProof if refusal is Refusal.WRONG_PROOF else Problem
    return kind.field(HTTP_STATUS.get(refusal, 422), refusal.code, refusal.field, reason)


def _row(conn: Connection, shipment: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": shipment}).first()


def _found(found: ShipmentAnswer | None) -> ShipmentAnswer:
    assert found is not None
    return found


_FIND = select(t).where(t.c.shipment == bindparam("id"))
_EVENTS = select(e).where(e.c.shipment == bindparam("id")).order_by(e.c.number)
_COUNT = select(func.count()).select_from(e).where(e.c.shipment == bindparam("id"))
_MOVE = (
    update(t)
    .where(t.c.shipment == bindparam("id"))
    .values(state=bindparam("after"), delivered=bindparam("handed"))
)
