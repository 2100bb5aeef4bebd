"""EPCIS events as the hub keeps them, once by their id, and queries over them in the order of recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, insert, select

from tradelane.market.units import instant
from tradelane.settlement import exact_json
from tradelane.settlement.ehub.server.bank.booking import next_number
from tradelane.settlement.ehub.server.logistics.tables import epcis_events, epcis_names
from tradelane.settlement.epcis import moment
from tradelane.settlement.epcis_hash import event_id
from tradelane.settlement.problem import Problem

t, n = epcis_events, epcis_names
HUBS_OWN = ("eventID", "recordTime")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; None for anything. Instants are Unix ms, ``after`` is the last number seen."""

    biz_steps: Sequence[str] | None = None
    event_ids: Sequence[str] | None = None
    since: int | None = None
    before: int | None = None
    recorded_since: int | None = None
    recorded_before: int | None = None
    epcs: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    after: int = 0


def add(conn: Connection, said: Mapping[str, Any], shipment: str, at: int, field: str = "eventID") -> None:
    """Keep an event that was recorded at ``at``; it gets its content's id if it has none.

    Raises Problem 409, naming ``field``, when an event has this id already.
    """
    id = said.get("eventID") or event_id(said)
    if stored(conn, id) is not None:
        raise Problem.field(409, "duplicate-id", field, "this event, or another with its id, was recorded")
    seq = next_number(conn, t.c.seq)
    body = {**said, "eventID": id, "recordTime": moment(at)}
    conn.execute(
        insert(t),
        {
            "seq": seq,
            "event_id": id,
            "shipment": shipment,
            "biz_step": said["bizStep"],
            "event_time": instant(said["eventTime"]),
            "recorded_at": at,
            "body": exact_json.dumps(body),
        },
    )
    names = {(epc, "epc") for epc in said.get("epcList", ())}
    names |= {(one["epcClass"], "epcClass") for one in said.get("quantityList", ())}
    conn.execute(insert(n), [{"name": name, "kind": kind, "seq": seq} for name, kind in sorted(names)])


def stored(conn: Connection, id: str) -> str | None:
    """The event with this id, as JSON."""
    return conn.execute(select(t.c.body).where(t.c.event_id == id)).scalar()


def is_same(body: str, said: Mapping[str, Any]) -> bool:
    """Whether a stored event says the same, but for what the hub said of it."""
    known = exact_json.loads(body.encode())
    return _bare(known) == _bare(said)


def found(conn: Connection, query: Query, limit: int) -> list[Row[Any]]:
    """The next ``limit`` events after ``query.after``, as rows with ``seq`` and ``body``, and one more."""
    asked: Select[Any] = select(t.c.seq, t.c.body).where(t.c.seq > query.after)
    for column, values in ((t.c.biz_step, query.biz_steps), (t.c.event_id, query.event_ids)):
        if values is not None:
            asked = asked.where(column.in_(values))
    for column, since, before in (
        (t.c.event_time, query.since, query.before),
        (t.c.recorded_at, query.recorded_since, query.recorded_before),
    ):
        if since is not None:
            asked = asked.where(column >= since)
        if before is not None:
            asked = asked.where(column < before)
    for kind, names in (("epc", query.epcs), ("epcClass", query.classes)):
        if names is not None:
            asked = asked.where(exists().where(n.c.name.in_(names), n.c.kind == kind, n.c.seq == t.c.seq))
    return list(conn.execute(asked.order_by(t.c.seq).limit(limit + 1)))


def _bare(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in HUBS_OWN}
