"""Devices that make energy: registered by the operator, who has looked at them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import iso
from tradelane.settlement.certificate import EnergySource
from tradelane.settlement.ehub.server import audit
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection.tables import gc_devices as t
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_certificates import DeviceState, RegisterDevice
from tradelane.settlement.problem import Problem


def register(conn: Connection, command: Command, question: RegisterDevice) -> Answer:
    """A device of a member; its owner stays."""
    if _find(conn, question.device_id) is not None:
        raise Problem.field(409, "duplicate-id", "device_id", "this device exists already")
    conn.execute(
        insert(t),
        {
            "device": question.device_id,
            "account": question.account_id,
            **question.model_dump(include={"energy_source", "capacity_w", "country"}),
            "last_number": 0,
            "head_seq": 0,
            "head": None,
            "at": command.at,
        },
    )
    detail = question.model_dump(exclude={"device_id"})
    audit.record(conn, command.at, "operator", "device-registered", question.device_id, detail)
    return Answer.of(201, _state(required(conn, question.device_id, Caller(None))))


def required(conn: Connection, device: str, asker: Caller) -> Row[Any]:
    """The device's row; Problem 404 when there is none, or it is another member's."""
    row = _find(conn, device)
    if row is None or (asker.member is not None and row.account != asker.member):
        raise Problem.field(404, "unknown-device", "device_id", "no such device")
    return row


def listed(conn: Connection, asker: Caller, after: str | None, limit: int) -> Page[DeviceState]:
    query = select(t)
    if asker.member is not None:
        query = query.where(t.c.account == asker.member)
    return page(conn, query, t.c.device, after, limit, _state)


def _find(conn: Connection, device: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": device}).first()


def _state(row: Row[Any]) -> DeviceState:
    return DeviceState(
        device_id=row.device,
        account_id=row.account,
        energy_source=EnergySource(row.energy_source),
        capacity_w=row.capacity_w,
        country=row.country,
        issued=row.last_number,
        at=iso(row.at),
    )


_FIND = select(t).where(t.c.device == bindparam("id"))
