"""Who has which certificates: bundles taken apart and put together, and what happened to them.

Always true: certificates only leave an account that has all of them active; what happened is written with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, insert, or_, select

from tradelane.market.units import iso
from tradelane.settlement import certificate
from tradelane.settlement.certificate import Action, EnergySource, Range, Refusal, Status
from tradelane.settlement.ehub.server.inspection.tables import (
    gc_actions,
    gc_bundles,
    gc_devices,
    gc_issuances,
)
from tradelane.settlement.ehub.server.paging import page
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_certificates import CertificateAction, CertificateBundle
from tradelane.settlement.problem import Problem

b, a = gc_bundles, gc_actions
CONFLICTS = (Refusal.OVERLAPS, Refusal.RAISED, Refusal.MOVED, Refusal.NOT_HELD)


def refused(refusal: Refusal) -> Problem:
    return Problem.field(409 if refusal in CONFLICTS else 422, refusal.code, refusal.field, refusal.reason)


def take(conn: Connection, holder: str, issuance: str, wanted: Range) -> str:
    """Take certificates out of an account, and say of which device they are; Problem 409 unless all of them
    are active there."""
    rows = conn.execute(_TOUCHED, {"who": holder, "of": issuance, **wanted._asdict()}).all()
    left = certificate.cut([Range(row.range_start, row.range_end) for row in rows], wanted)
    if isinstance(left, Refusal):
        raise refused(left)
    device = str(rows[0].device)
    for row in rows:
        conn.execute(_REMOVE, {"of": device, "first": row.range_start})
    for one in left:
        put(conn, device, issuance, one, holder)
    return device


def put(
    conn: Connection, device: str, issuance: str, what: Range, account: str, status: Status = Status.ACTIVE,
    **told: Any,
) -> None:  # fmt: skip
    """Certificates, as one bundle of an account."""
    row = {"device": device, "issuance": issuance, "range_start": what.start, "range_end": what.end}
    conn.execute(insert(b), row | {"account": account, "status": status.value} | told)


def held(conn: Connection, holder: str, issuance: str) -> list[Range]:
    """What an account has of an issuance, active, in order."""
    everything = {"start": 0, "end": 2**62}
    rows = conn.execute(_TOUCHED, {"who": holder, "of": issuance, **everything})
    return [Range(row.range_start, row.range_end) for row in rows]


def note(
    conn: Connection, action: Action, device: str, issuance: str, what: Range, at: int,
    source: str | None = None, target: str | None = None,
    beneficiary: str | None = None, purpose: str | None = None,
) -> CertificateAction:  # fmt: skip
    """Write down what happened."""
    row = {
        "seq": (conn.execute(_LAST).scalar() or 0) + 1,
        "action": action.value,
        "issuance": issuance,
        "range_start": what.start,
        "range_end": what.end,
        "source": source,
        "target": target,
        "beneficiary": beneficiary,
        "purpose": purpose,
        "at": at,
    }
    conn.execute(insert(a), row)
    return _action(device, row)


def listed(
    conn: Connection, account: str | None, wanted: dict[str, str | None], after: str | None, limit: int
) -> Page[CertificateBundle]:
    """Bundles of one account or of all, by device and number; ``wanted`` is column → value."""
    query = BUNDLES.order_by(b.c.device, b.c.range_start).limit(limit + 1)
    for name, value in {**wanted, "account": account}.items():
        if value is not None:
            query = query.where(b.c[name] == value)
    if after is not None:
        device, number = _place(after)
        query = query.where(or_(b.c.device > device, and_(b.c.device == device, b.c.range_start > number)))
    rows = conn.execute(query).all()
    shown = rows[:limit]
    more = f"{shown[-1].device} {shown[-1].range_start}" if len(rows) > limit else None
    return Page(items=[_bundle(row) for row in shown], next=more)


def history(conn: Connection, account: str | None, after: int, limit: int) -> Page[CertificateAction]:
    """What happened to certificates of an account, or of all."""
    query = ACTIONS
    if account is not None:
        query = query.where(or_(a.c.source == account, a.c.target == account))
    return page(conn, query, a.c.seq, after, limit, lambda row: _action(row.device, row._asdict()))


def _place(after: str) -> tuple[str, int]:
    device, _, number = after.rpartition(" ")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Problem.field(422, "validation", "after", "is the next of a page before")
    return device, int(number)


def _bundle(row: Row[Any]) -> CertificateBundle:
    what = Range(row.range_start, row.range_end)
    return CertificateBundle(
        account_id=row.account,
        device_id=row.device,
        issuance_id=row.issuance,
        certificate_status=Status(row.status),
        energy_source=EnergySource(row.energy_source),
        country_of_issuance=row.country,
        production_starting_interval=iso(row.starts_at),
        production_ending_interval=iso(row.ends_at),
        bundle_id_range_start=what.start,
        bundle_id_range_end=what.end,
        quantity=what.quantity,
        beneficiary=row.beneficiary,
        purpose=row.purpose,
        cancelled_at=None if row.cancelled_at is None else iso(row.cancelled_at),
    )


def _action(device: str, row: Mapping[str, Any]) -> CertificateAction:
    what = Range(row["range_start"], row["range_end"])
    return CertificateAction(
        action_id=row["seq"],
        action_type=Action(row["action"]),
        issuance_id=row["issuance"],
        device_id=device,
        bundle_id_range_start=what.start,
        bundle_id_range_end=what.end,
        quantity=what.quantity,
        source_id=row["source"],
        target_id=row["target"],
        beneficiary=row["beneficiary"],
        purpose=row["purpose"],
        at=iso(row["at"]),
    )


BUNDLES: Select[Any] = (
    select(
        b, gc_issuances.c.starts_at, gc_issuances.c.ends_at, gc_devices.c.energy_source, gc_devices.c.country
    )
    .join_from(b, gc_issuances, gc_issuances.c.issuance == b.c.issuance)
    .join(gc_devices, gc_devices.c.device == b.c.device)
)
ACTIONS = select(a, gc_issuances.c.device).join_from(a, gc_issuances, gc_issuances.c.issuance == a.c.issuance)
_TOUCHED = (
    select(b)
    .where(
        b.c.issuance == bindparam("of"),
        b.c.account == bindparam("who"),
        b.c.status == Status.ACTIVE.value,
        b.c.range_start <= bindparam("end"),
        b.c.range_end >= bindparam("start"),
    )
    .order_by(b.c.range_start)
)
_REMOVE = delete(b).where(b.c.device == bindparam("of"), b.c.range_start == bindparam("first"))
_LAST = select(func.max(a.c.seq))
