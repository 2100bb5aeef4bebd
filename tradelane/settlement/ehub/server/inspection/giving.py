"""Certificates are given to another member, or cancelled, which is the end of them."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.certificate import Action, Status
from tradelane.settlement.ehub.server import members
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection import holdings
from tradelane.settlement.ehub.server.signatures import Keys
from tradelane.settlement.ehub.wire_certificates import CancelCertificates, TransferCertificates
from tradelane.settlement.problem import Problem


def transfer(
    conn: Connection, command: Command, question: TransferCertificates, *, member: str, keys: Keys
) -> Answer:
    """From the member that signs to another; Problem 409 unless it has all of them."""
    _may(conn, member)
    target, wanted, issuance = question.target_id, question.range, question.issuance_id
    if target == member:
        raise Problem.field(422, "same-account", "target_id", "source and target are the same account")
    if keys(conn, target) is None:
        raise Problem.field(422, "unknown-member", "target_id", "no such member")
    device = holdings.take(conn, member, issuance, wanted)
    holdings.put(conn, device, issuance, wanted, target)
    told = holdings.note(
        conn, Action.TRANSFER, device, issuance, wanted, command.at, source=member, target=target
    )
    return Answer.of(201, told)


def cancel(conn: Connection, command: Command, question: CancelCertificates, *, member: str) -> Answer:
    """Used up in the name of a beneficiary; nobody can use or give them again."""
    _may(conn, member)
    wanted, issuance = question.range, question.issuance_id
    told = {"beneficiary": question.beneficiary, "purpose": question.purpose}
    device = holdings.take(conn, member, issuance, wanted)
    holdings.put(conn, device, issuance, wanted, member, Status.CANCELLED, cancelled_at=command.at, **told)
    done = holdings.note(conn, Action.CANCEL, device, issuance, wanted, command.at, source=member, **told)
    return Answer.of(201, done)


def _may(conn: Connection, member: str) -> None:
    known = members.find(conn, member)
    if known is not None and known.suspended is not None:
        raise Problem.field(403, "suspended", "keyid", f"the member is suspended: {known.suspended}")
