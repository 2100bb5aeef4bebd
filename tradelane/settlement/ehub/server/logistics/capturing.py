"""Captured EPCIS documents: each event moves its shipment on, all of them or none.

Always true: an event is captured once by its id, however often it is sent; the buyer's code is neither kept
nor shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select

from tradelane.market.units import instant, iso, plain
from tradelane.settlement import epcis, exact_json
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.logistics import events, proofs, shipments
from tradelane.settlement.ehub.server.logistics.tables import captures
from tradelane.settlement.ehub.wire_epcis import CaptureJob, EpcisDocument, ObjectEvent
from tradelane.settlement.ehub.wire_logistics import RecordEvent
from tradelane.settlement.epcis_hash import event_id
from tradelane.settlement.problem import Problem

ALL_OR_NONE = "rollback"


def read(body: bytes) -> EpcisDocument:
    """The document in a request. Raises Problem 400, naming the fields."""
    try:
        return EpcisDocument.model_validate(exact_json.loads(body))
    except ValidationError as error:
        faults = [(".".join(map(str, e["loc"])) or "body", str(e["msg"])) for e in error.errors()]
        faults = [(field, reason.removeprefix("Value error, ")) for field, reason in faults]
        detail = "; ".join(f"{field}: {reason}" for field, reason in faults)
        raise Problem(400, "validation", "The request is not valid", detail, faults) from error
    except ValueError as error:
        raise Problem.field(400, "validation", "body", f"not JSON: {error}") from error


def capture(conn: Connection, command: Command, question: EpcisDocument, *, secret: bytes) -> Answer:
    """A job that is over: its events are captured, or none of them is and it says why.

    The buyers' codes are made from ``secret``.
    """
    name = name_of(command.key)
    errors = []
    try:
        with conn.begin_nested():
            for number, event in enumerate(question.body.event_list):
                with _at(number):
                    _capture_event(conn, event, question, command.at, secret)
    except _Refused as refused:
        errors = [refused.problem.body()]
        if isinstance(refused.cause, proofs.WrongProof):
            shipment = epcis.shipment_of(_fields(question.body.event_list[refused.number]))
            proofs.count(conn, str(shipment))
    row = {"capture": name, "success": not errors, "errors": json.dumps(errors), "at": command.at}
    conn.execute(insert(captures), row)
    return Answer(202, _job(conn, name))


def name_of(key: str) -> str:
    """The capture job that was asked for under an idempotency key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def job(conn: Connection, name: str) -> str:
    """What became of a captured document, as JSON; Problem 404."""
    if conn.execute(select(captures.c.at).where(captures.c.capture == name)).first() is None:
        raise Problem.field(404, "unknown-capture", "capture", "no such capture job")
    return _job(conn, name)


def _job(conn: Connection, name: str) -> str:
    row = conn.execute(select(captures).where(captures.c.capture == name)).one()
    told = CaptureJob(
        capture_id=name,
        created_at=iso(row.at),
        finished_at=iso(row.at),
        running=False,
        success=row.success,
        behaviour=ALL_OR_NONE,
        errors=json.loads(row.errors),
    )
    return told.model_dump_json(by_alias=True)


class _Refused(Exception):
    """The event at fault: its place in the document, and why."""

    def __init__(self, number: int, cause: Problem) -> None:
        super().__init__(number)
        self.number = number
        self.cause = cause

    @property
    def problem(self) -> Problem:
        """The cause, its fields named by their place in the document."""
        place = f"epcisBody.eventList.{self.number}"
        errors = [(f"{place}.{field}", reason) for field, reason in self.cause.errors]
        detail = "; ".join(f"{field}: {reason}" for field, reason in errors)
        return Problem(self.cause.status, self.cause.code, self.cause.title, detail, errors)


@contextmanager
def _at(number: int) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        raise _Refused(number, problem) from problem


def _fields(event: ObjectEvent) -> dict[str, Any]:
    return event.model_dump(by_alias=True, exclude_unset=True)


def _capture_event(
    conn: Connection, event: ObjectEvent, document: EpcisDocument, at: int, secret: bytes
) -> None:
    said = _fields(event)
    code = said.pop(epcis.PROOF_CODE, None)
    said.setdefault("eventID", event_id(said))
    said = _with_context(said, document.context)
    known = events.stored(conn, said["eventID"])
    if known is not None and events.is_same(known, said):
        return
    shipment = epcis.shipment_of(said)
    if isinstance(shipment, epcis.Refusal):
        raise _refused(shipment)
    row = shipments.required(conn, shipment)
    what = epcis.said(said, row.unit, shipments.left(row))
    if isinstance(what, epcis.Refusal):
        raise _refused(what)
    question = _question(what, said["eventTime"], code)
    shipments.move(conn, row, question, at, secret)
    events.add(conn, said, shipment, at)


def _question(what: epcis.Said, event_time: str, code: Any) -> RecordEvent:
    try:
        return RecordEvent(
            event=what.event,
            at=iso(instant(event_time)),
            quantity=None if what.quantity is None else plain(what.quantity),
            proof_code=code,
        )
    except ValidationError as error:
        faults = [(_FIELDS[str(e["loc"][0])], str(e["msg"])) for e in error.errors()]
        raise Problem.field(422, "validation", *faults[0]) from error


def _with_context(said: dict[str, Any], context: Any) -> dict[str, Any]:
    """The event with what its document says about prefixes beyond the standard's own."""
    more = [one for one in (context if isinstance(context, list) else [context]) if one != epcis.CONTEXT]
    if "@context" in said or not more or not any(":" in name for name in said):
        return said
    return {"@context": more if len(more) > 1 else more[0], **said}


def _refused(refusal: epcis.Refusal) -> Problem:
    return Problem.field(422, refusal.code, refusal.field, refusal.reason)


_FIELDS: Mapping[str, str] = {"quantity": "quantityList", "proof_code": epcis.PROOF_CODE, "at": "eventTime"}
