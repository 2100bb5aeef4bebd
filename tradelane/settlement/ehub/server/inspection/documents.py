"""Papers on file: what the office has seen, for whom or what, and for which days."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import iso
from tradelane.settlement import requirement
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection.tables import documents as t
from tradelane.settlement.ehub.server.inspection.tables import gc_devices
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_inspection import DocumentState, FileDocument
from tradelane.settlement.problem import Problem


def file(conn: Connection, command: Command, question: FileDocument, *, actor: str) -> Answer:
    """Keep a paper; one of a kind, issuer and number, once."""
    if _find(conn, question.document) is not None:
        raise Problem.field(409, "duplicate-id", "document", "this document exists already")
    same = conn.execute(_SAME, question.model_dump(include={"kind", "issuer", "number"})).first()
    if same is not None:
        raise Problem.field(409, "duplicate-id", "number", f"the document {same.document} is this one")
    _check_length(conn, question)
    row = question.model_dump() | {
        "valid_from": question.valid_from.isoformat(),
        "valid_until": question.valid_until.isoformat(),
    }
    conn.execute(insert(t), {**row, "at": command.at})
    told = {"kind": question.kind, "number": question.number, "subject": question.subject}
    audit.record(conn, command.at, actor, "document-filed", question.document, told)
    return Answer.of(201, state(required(conn, question.document)))


def on_file(
    conn: Connection, kinds: Collection[str], subjects: Collection[str], on: date
) -> dict[str, Row[Any]]:
    """Kind → a paper of this kind that holds on a day for one of these subjects; the one that holds
    longest."""
    if not kinds:
        return {}
    day = on.isoformat()
    query = (
        select(t)
        .where(t.c.kind.in_(kinds), t.c.subject.in_(subjects))
        .where(t.c.valid_from <= day, t.c.valid_until >= day)
        .order_by(t.c.valid_until, t.c.document)
    )
    return {row.kind: row for row in conn.execute(query)}


def required(conn: Connection, document: str) -> Row[Any]:
    """The document's row; Problem 404."""
    row = _find(conn, document)
    if row is None:
        raise Problem.field(404, "unknown-document", "document", "no such document")
    return row


def listed(
    conn: Connection, subject: str | None, kind: str | None, after: str | None, limit: int
) -> Page[DocumentState]:
    query = select(t)
    if subject is not None:
        query = query.where(t.c.subject == subject)
    if kind is not None:
        query = query.where(t.c.kind == kind)
    return page(conn, query, t.c.document, after, limit, state)


def state(row: Row[Any]) -> DocumentState:
    """A document as the wire shows it."""
    return DocumentState(**{**row._asdict(), "at": iso(row.at)})


def _check_length(conn: Connection, question: FileDocument) -> None:
    """A calibration of a known meter holds as long as its country lets it."""
    country = conn.execute(_COUNTRY, {"id": question.subject}).scalar()
    rule = None if country is None else requirement.for_meter(country, question.valid_from)
    if rule is None or rule.kind != question.kind:
        return
    if rule.too_long(question.valid_from, question.valid_until):
        reason = f"at most {rule.most_years} years: {rule.source}"
        raise Problem.field(422, "validity-too-long", "valid_until", reason)


def _find(conn: Connection, document: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": document}).first()


_FIND = select(t).where(t.c.document == bindparam("id"))
_SAME = select(t.c.document).where(
    t.c.kind == bindparam("kind"), t.c.issuer == bindparam("issuer"), t.c.number == bindparam("number")
)
_COUNTRY = select(gc_devices.c.country).where(gc_devices.c.device == bindparam("id"))
