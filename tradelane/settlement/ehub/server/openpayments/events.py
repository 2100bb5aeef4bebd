"""What happened to members: written in the transaction of its cause, told in order by SSE and webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, Row, func, insert, select

from tradelane.market.units import iso
from tradelane.settlement.ehub.server.openpayments.tables import events as t

RECEIPT = "receipt.created"
PAID = "outgoing_payment.completed"
FULL = "incoming_payment.completed"
MOST = 100
Said = tuple[str | None, str, BaseModel]
"""Whom it concerns (None: only the operator), its type, and what it is about."""


def write(conn: Connection, said: Iterable[Said], at: int) -> None:
    """Keep what happened at ``at`` (ms)."""
    rows = [
        {"member": member, "type": type, "data": about.model_dump_json(), "at": at}
        for member, type, about in said
    ]
    if rows:
        conn.execute(insert(t), rows)


def newest(conn: Connection) -> int:
    """The number of the last event; 0 when there is none."""
    return conn.execute(select(func.max(t.c.seq))).scalar_one() or 0


def after(conn: Connection, member: str | None, seq: int) -> list[Row[Any]]:
    """A member's next events, everybody's for the operator (None), oldest first."""
    query = select(t).where(t.c.seq > seq).order_by(t.c.seq).limit(MOST)
    return list(conn.execute(query if member is None else query.where(t.c.member == member)))


def concerned(conn: Connection, seq: int) -> dict[str | None, int]:
    """Whom the events after ``seq`` concern, with the number of their last."""
    query = select(t.c.member, func.max(t.c.seq)).where(t.c.seq > seq).group_by(t.c.member)
    return {row[0]: row[1] for row in conn.execute(query)}


def payload(row: Row[Any]) -> str:
    """An event as JSON text, as Standard Webhooks has it."""
    return f'{{"type":"{row.type}","timestamp":"{iso(row.at)}","data":{row.data}}}'
