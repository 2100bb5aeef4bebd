"""Declarations as the wire shows them. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from tradelane.market.units import iso
from tradelane.settlement.ehub.server.customs import nomenclature
from tradelane.settlement.ehub.server.customs.tables import (
    declaration_documents,
    declaration_steps,
    declarations,
)
from tradelane.settlement.ehub.wire import Total
from tradelane.settlement.ehub.wire_declarations import (
    DeclarationAnswer,
    DeclarationStep,
    Declare,
    DocumentAsked,
    Figures,
)

t, s, d = declarations, declaration_steps, declaration_documents


def find(conn: Connection, declaration: str) -> DeclarationAnswer | None:
    row = conn.execute(_FIND, {"id": declaration}).first()
    return None if row is None else answer(conn, row)


def required(found: DeclarationAnswer | None) -> DeclarationAnswer:
    assert found is not None
    return found


def answer(conn: Connection, row: Row[Any]) -> DeclarationAnswer:
    """A declaration with its papers and steps."""
    declared = Declare.model_validate_json(row.body)
    figures = Figures.model_validate_json(row.figures)
    currency = figures.duty.currency
    named = {"id": row.declaration}
    return DeclarationAnswer(
        **declared.model_dump(include=_SHOWN),
        goods=nomenclature.name_of(conn, row.hs_code),
        value=Total.of(row.value_nano, row.currency),
        duty_ppm=row.duty_ppm,
        duty=Total.of(row.duty_nano, currency),
        tax=Total.of(_nano(figures, "tax"), currency),
        lines=figures.lines,
        charged=Total.of(row.charged_duty_nano + row.charged_tax_nano, currency),
        channel=row.channel,
        risk_rule=row.risk_rule,
        documents=[
            DocumentAsked(name=one.name, sha256=one.sha256, reference=one.reference)
            for one in conn.execute(_DOCUMENTS, named)
        ],
        state=row.state,
        version=row.version,
        steps=[
            DeclarationStep(event=one.event, state=one.state, note=one.note, at=iso(one.at))
            for one in conn.execute(_STEPS, named)
        ],
        at=iso(row.at),
    )


def _nano(figures: Figures, kind: str) -> int:
    return sum(line.amount.money.nano for line in figures.lines if line.kind == kind)


_SHOWN = {
    "declaration", "contract", "hs_code", "origin", "destination", "quantity", "unit", "weight_kg",
    "consignor", "consignee", "incoterm", "payer", "assessment",
}  # fmt: skip
_FIND = select(t).where(t.c.declaration == bindparam("id"))
_STEPS = select(s).where(s.c.declaration == bindparam("id")).order_by(s.c.number)
_DOCUMENTS = select(d).where(d.c.declaration == bindparam("id")).order_by(d.c.name)
