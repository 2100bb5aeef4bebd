"""What devices made, as their owners report it, and the certificates issued for it.

Always true: an interval of a device is issued for once, never more than was metered, and no other interval
overlaps it; a correction only lowers it, while its maker still has every certificate.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from tradelane.market.units import instant, iso
from tradelane.settlement import certificate, requirement
from tradelane.settlement.certificate import Action, EnergySource, Range, Refusal, Report
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection import devices, documents, holdings
from tradelane.settlement.ehub.server.inspection.holdings import refused
from tradelane.settlement.ehub.server.inspection.tables import gc_bundles, gc_devices
from tradelane.settlement.ehub.server.inspection.tables import gc_issuances as t
from tradelane.settlement.ehub.server.signatures import Caller, Keys
from tradelane.settlement.ehub.wire_certificates import Issuance, ReportProduction
from tradelane.settlement.member import day_of
from tradelane.settlement.problem import Problem


def report(
    conn: Connection, command: Command, question: ReportProduction, *, member: str, keys: Keys
) -> Answer:
    """Issue certificates for an interval (201), or lower what was issued (200)."""
    device = devices.required(conn, question.device_id, Caller(member))
    told = Report(
        instant(question.production_starting_interval),
        instant(question.production_ending_interval),
        question.quantity,
        question.quality,
    )
    fault = certificate.fault(told, device.capacity_w, command.at) or _seal_fault(
        question, device, keys(conn, member)
    )
    if fault is not None:
        raise refused(fault)
    _check_calibration(conn, device, told.end)
    overlapping = conn.execute(_OVERLAPPING, {"of": device.device, "from": told.start, "to": told.end}).all()
    known = next((one for one in overlapping if (one.starts_at, one.ends_at) == told[:2]), None)
    if known is None and overlapping:
        raise refused(Refusal.OVERLAPS)
    conn.execute(_HEAD, {"of": device.device, **_head(question)})
    if known is None:
        issuance = _issue(conn, device, told, question, command.at)
    else:
        issuance = _correct(conn, device, known, question, command.at)
    shown = conn.execute(_FIND, {"id": issuance}).one()
    return Answer.of(201 if known is None else 200, _answer(shown, device))


def _issue(conn: Connection, device: Row[Any], told: Report, question: ReportProduction, at: int) -> str:
    issuance, made = f"{device.device}/{iso(told.start)}", certificate.numbered(device.last_number, told.wh)
    row = {"issuance": issuance, "device": device.device, "starts_at": told.start, "ends_at": told.end}
    row |= {"wh": told.wh, "range_start": made.start, "at": at, "corrected_at": None}
    row |= {**_head(question), "head_signature": bytes.fromhex(question.head_signature)}
    conn.execute(insert(t), row)
    if made.quantity:
        conn.execute(_NUMBERED, {"of": device.device, "last": made.end})
        holdings.put(conn, device.device, issuance, made, device.account)
        holdings.note(conn, Action.ISSUE, device.device, issuance, made, at, target=device.account)
    return issuance


def _correct(conn: Connection, device: Row[Any], known: Row[Any], question: ReportProduction, at: int) -> str:
    issuance, issued = str(known.issuance), certificate.numbered(known.range_start - 1, known.wh)
    if question.quantity == known.wh:
        return issuance
    left = certificate.corrected(issued, holdings.held(conn, device.account, issuance), question.quantity)
    if isinstance(left, Refusal):
        raise refused(left)
    conn.execute(_ALL_GONE, {"of": issuance})
    if left.quantity:
        holdings.put(conn, device.device, issuance, left, device.account)
    withdrawn = Range(left.end + 1, issued.end)
    holdings.note(conn, Action.CORRECT, device.device, issuance, withdrawn, at, source=device.account)
    seal = {**_head(question), "head_signature": bytes.fromhex(question.head_signature)}
    conn.execute(update(t).where(t.c.issuance == issuance).values(wh=left.quantity, corrected_at=at, **seal))
    return issuance


def _check_calibration(conn: Connection, device: Row[Any], at: int) -> None:
    """Problem 409 where the device's country wants its meter calibrated, and no paper says so of the day."""
    on = day_of(at)
    rule = requirement.for_meter(device.country, on)
    if rule is not None and not documents.on_file(conn, [rule.kind], [device.device], on):
        reason = f"missing: {rule.kind} ({rule.source})"
        raise Problem.field(409, "documents-missing", "device_id", reason)


def _seal_fault(question: ReportProduction, device: Row[Any], key: bytes | None) -> Refusal | None:
    """The head is by the owner's key, and the meter's chain was not cut since the last report."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    head = bytes.fromhex(question.head)
    if question.head_seq < device.head_seq or (question.head_seq == device.head_seq and head != device.head):
        return Refusal.WRONG_HEAD
    if key is None:
        return Refusal.WRONG_SEAL
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(question.head_signature), head)
    except InvalidSignature:
        return Refusal.WRONG_SEAL
    return None


def _head(question: ReportProduction) -> dict[str, Any]:
    return {"head_seq": question.head_seq, "head": bytes.fromhex(question.head)}


def _answer(row: Row[Any], device: Row[Any]) -> Issuance:
    issued = certificate.numbered(row.range_start - 1, row.wh)
    return Issuance(
        issuance_id=row.issuance,
        account_id=device.account,
        device_id=row.device,
        energy_source=EnergySource(device.energy_source),
        production_starting_interval=iso(row.starts_at),
        production_ending_interval=iso(row.ends_at),
        quantity=row.wh,
        bundle_id_range_start=issued.start if row.wh else None,
        bundle_id_range_end=issued.end if row.wh else None,
        issued_at=iso(row.at),
        corrected_at=None if row.corrected_at is None else iso(row.corrected_at),
    )


_FIND = select(t).where(t.c.issuance == bindparam("id"))
_OVERLAPPING = select(t).where(
    t.c.device == bindparam("of"), t.c.starts_at < bindparam("to"), t.c.ends_at > bindparam("from")
)
_this = gc_devices.c.device == bindparam("of")
_NUMBERED = update(gc_devices).where(_this).values(last_number=bindparam("last"))
_HEAD = update(gc_devices).where(_this).values(head_seq=bindparam("head_seq"), head=bindparam("head"))
_ALL_GONE = delete(gc_bundles).where(gc_bundles.c.issuance == bindparam("of"))
