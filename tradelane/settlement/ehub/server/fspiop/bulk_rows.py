"""What is kept of a bulk and its transfers, and how both sides are told of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from tradelane.settlement.ehub.server.fspiop import outbox
from tradelane.settlement.ehub.server.fspiop.bulk_tables import bulk_items as i
from tradelane.settlement.ehub.server.fspiop.bulk_tables import bulks as b
from tradelane.settlement.ehub.server.fspiop.tables import transfers as t
from tradelane.settlement.fspiop_states import BulkState, TransferState

RESOURCE = "bulkTransfers"


def row(conn: Connection, bulk: str) -> Row[Any] | None:
    return conn.execute(select(b).where(b.c.bulk == bulk)).one_or_none()


def known(conn: Connection, bulk: str) -> Row[Any]:
    return conn.execute(select(b).where(b.c.bulk == bulk)).one()


def items(conn: Connection, bulk: str) -> Sequence[Row[Any]]:
    """Its items in order; ``state``, ``fulfilment`` and ``error`` are of the transfers that went on."""
    became = (t.c.transfer == i.c.transfer) & i.c.refused.is_(None)
    query: Select[Any] = (
        select(i.c.place, i.c.transfer, i.c.refused, t.c.state, t.c.fulfilment, t.c.error)
        .join_from(i, t, became, isouter=True)
        .where(i.c.bulk == bulk)
        .order_by(i.c.place)
    )
    return conn.execute(query).all()


def reserved(items: Sequence[Row[Any]]) -> list[str]:
    return [one.transfer for one in items if one.state == TransferState.RESERVED]


def outcome(items: Sequence[Row[Any]]) -> BulkState:
    done = any(one.state == TransferState.COMMITTED for one in items)
    return BulkState.COMPLETED if done else BulkState.REJECTED


def end(conn: Connection, bulk: str, state: BulkState, at: int) -> None:
    conn.execute(update(b).where(b.c.bulk == bulk).values(state=state.value, completed_at=at))


def tell(conn: Connection, row: Row[Any], to: str, at: int) -> None:
    """The state, and of each transfer that has ended how."""
    results = [_result(one) for one in items(conn, row.bulk) if one.state != TransferState.RESERVED]
    body: dict[str, Any] = {"bulkTransferState": row.state}
    if results:
        body["individualTransferResults"] = results
    if row.completed_at is not None:
        body["completedTimestamp"] = outbox.timestamp(row.completed_at)
    say(conn, row, to, "", body, at)


def say(conn: Connection, row: Row[Any], to: str, tail: str, body: Any, at: int) -> None:
    path = f"/{RESOURCE}/{row.bulk}{tail}"
    outbox.post(conn, outbox.own(to, row.bulk, path, (RESOURCE, row.version), body, at), at)


def _result(item: Row[Any]) -> dict[str, Any]:
    error = item.refused or item.error
    if error is None:
        return {"transferId": item.transfer, "fulfilment": item.fulfilment}
    return {"transferId": item.transfer, "errorInformation": json.loads(error)["errorInformation"]}
