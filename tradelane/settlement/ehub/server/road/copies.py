"""Copies of declarations and shipments for the peers they concern: what was declared at export is known at
import.

Always true: a peer is told again whenever a record is another than it was last told, and only then. Nothing
is passed on that is itself a copy. Told is what the record's row says but for what is binary (the digest of
a buyer's code), so a copy never lags behind what the other rooms add to their records.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from tradelane.market.units import iso
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server.road import channel
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import copies as t
from tradelane.settlement.ehub.server.road.tables import peers as p
from tradelane.settlement.ehub.server.road.tables import sent_copies as s
from tradelane.settlement.ehub.server.tables import metadata
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_road import Copy

DECLARATION, SHIPMENT = "declaration", "shipment"
MOST_AT_ONCE = 200
NANO_COLUMN = "_nano"


class Changed(NamedTuple):
    """A record a peer was not told of as it is now; ``mark`` is what it then will have been told."""

    peer: str
    kind: str
    id: str
    mark: str


def changed(conn: Connection) -> list[Changed]:
    """What each peer has not been told of the records that concern it, some hundreds at once. Only reads: it
    looks at all of them."""
    known = conn.execute(select(p.c.peer, p.c.places).where(p.c.state == "known", p.c.places != "[]"))
    found = []
    for peer, places in known.all():
        for kind, query in (
            (DECLARATION, _changed_declarations(peer, json.loads(places))),
            (SHIPMENT, _changed_shipments(peer, json.loads(places))),
        ):
            rows = conn.execute(query.limit(MOST_AT_ONCE))
            found += [Changed(peer, kind, id, mark) for id, mark in rows]
    return found


def tell(conn: Connection, found: Sequence[Changed], at: int) -> int:
    """Write these records to the peers, each as it is by now; how many."""
    for one in found:
        body = said.CopyOf(kind=one.kind, id=one.id, body=_body(conn, one.kind, one.id))
        channel.write(conn, one.peer, body, at)
        place = (s.c.peer == one.peer) & (s.c.kind == one.kind) & (s.c.id == one.id)
        if not conn.execute(update(s).where(place).values(mark=one.mark)).rowcount:
            conn.execute(insert(s), one._asdict())
    return len(found)


def taken(conn: Connection, _road: Road, peer: str, body: said.CopyOf, at: int) -> None:
    """Handles ``copy-of``: the newest of a record counts."""
    key = {"peer": peer, "kind": body.kind, "id": body.id}
    conn.execute(delete(t).where(*(t.c[name] == value for name, value in key.items())))
    conn.execute(insert(t), key | {"body": json.dumps(body.body), "at": at})


def listed(conn: Connection, kind: str, after: str | None, limit: int) -> Page[Copy]:
    """Copies of a kind, by peer and id; ``after`` is a page's ``next``."""
    where = t.c.peer + "/" + t.c.id
    query = select(t).where(t.c.kind == kind, where > (after or "")).order_by(where).limit(limit + 1)
    rows = conn.execute(query).all()
    items = [
        Copy(peer=row.peer, id=row.id, at=iso(row.at), body=json.loads(row.body)) for row in rows[:limit]
    ]
    return Page(items=items, next=f"{items[-1].peer}/{items[-1].id}" if len(rows) > limit else None)


def _changed_declarations(peer: str, places: list[str]) -> Select[Any]:
    table = metadata.tables["declarations"]
    version = cast(table.c.version, String) if "version" in table.c else literal("")
    mark = table.c.state + ":" + version
    query = select(table.c.declaration, mark).where(table.c.destination.in_(places))
    return _not_told(query, peer, DECLARATION, table.c.declaration, mark)


def _changed_shipments(peer: str, places: list[str]) -> Select[Any]:
    table, declared = metadata.tables["shipments"], metadata.tables["declarations"]
    events = metadata.tables["shipment_events"]
    count = select(func.count()).where(events.c.shipment == table.c.shipment).scalar_subquery()
    mark = table.c.state + ":" + cast(count, String)
    query = (
        select(table.c.shipment, mark)
        .join_from(table, declared, declared.c.declaration == table.c.declaration)
        .where(declared.c.destination.in_(places))
    )
    return _not_told(query, peer, SHIPMENT, table.c.shipment, mark)


def _not_told(query: Select[Any], peer: str, kind: str, id: Any, mark: Any) -> Select[Any]:
    same = (s.c.peer == peer) & (s.c.kind == kind) & (s.c.id == id) & (s.c.mark == mark)
    return query.where(~select(s.c.id).where(same).exists()).order_by(id)


def _body(conn: Connection, kind: str, id: str) -> dict[str, Any]:
    table = metadata.tables[f"{kind}s"]
    body = shown(table, conn.execute(select(table).where(table.c[kind] == id)).one())
    if kind == SHIPMENT:
        events = metadata.tables["shipment_events"]
        rows = conn.execute(select(events).where(events.c.shipment == id).order_by(events.c.number))
        body["events"] = [shown(events, row) for row in rows]
    return body


def shown(table: Table, row: Row[Any]) -> dict[str, Any]:
    """A row as the API writes such things: money with its currency, instants in words, nothing binary."""
    body: dict[str, Any] = {}
    for column in table.columns:
        name, value = column.name, row._mapping[column.name]
        if isinstance(column.type, LargeBinary):
            continue
        if name.endswith(NANO_COLUMN) and value is not None:
            body[name.removesuffix(NANO_COLUMN)] = Total.of(value, row.currency).model_dump()
        elif name in ("at", "recorded_at") and isinstance(value, int):
            body[name] = iso(value)
        else:
            body[name] = value
    return body
