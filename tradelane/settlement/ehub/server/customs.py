"""Declarations: assessed and sent to their channel as they come in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import iso
from tradelane.settlement import customs
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.wire import DeclarationAnswer, Declare, Total
from tradelane.settlement.problem import Problem

t = tables.declarations


def declare(conn: Connection, command: Command, question: Declare) -> Answer:
    """Take a declaration, assess its duty, and release it when its channel is green."""
    if find(conn, question.declaration) is not None:
        raise Problem.field(409, "duplicate-id", "declaration", "this declaration exists already")
    value = question.value.money
    channel = customs.channel(question.hs_code, question.origin, question.destination)
    conn.execute(
        insert(t),
        {
            **question.model_dump(exclude={"value"}),
            "currency": value.currency,
            "value_nano": value.nano,
            "duty_nano": customs.assess(value, question.duty_ppm).nano,
            "channel": channel.value,
            "state": customs.state(channel).value,
            "at": command.at,
        },
    )
    return Answer.of(201, _required(find(conn, question.declaration)))


def find(conn: Connection, declaration: str) -> DeclarationAnswer | None:
    row = conn.execute(_FIND, {"id": declaration}).first()
    return None if row is None else answer(row)


def answer(row: Row[Any]) -> DeclarationAnswer:
    """A declaration as the wire shows it."""
    return DeclarationAnswer(
        declaration=row.declaration,
        contract=row.contract,
        hs_code=row.hs_code,
        origin=row.origin,
        destination=row.destination,
        quantity=row.quantity,
        unit=row.unit,
        value=Total.of(row.value_nano, row.currency),
        duty_ppm=row.duty_ppm,
        duty=Total.of(row.duty_nano, row.currency),
        channel=row.channel,
        state=row.state,
        at=iso(row.at),
    )


def _required(found: DeclarationAnswer | None) -> DeclarationAnswer:
    assert found is not None
    return found


_FIND = select(t).where(t.c.declaration == bindparam("id"))
