"""Members come, rise and fall in level, are suspended and let go, and change keys.

Every act is written to the audit trail in the transaction that does it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select, update

from tradelane.settlement import accounts
from tradelane.settlement.ehub.server import audit, members, payments
from tradelane.settlement.ehub.server.accounts import load
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.supervision import screening, tables
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.wire import OpenAccount
from tradelane.settlement.ehub.wire_members import (
    ChangeLevel,
    LiftSuspension,
    RegisterMember,
    RotateKey,
    Suspend,
)
from tradelane.settlement.member import LOWEST, Member
from tradelane.settlement.problem import Problem
from tradelane.settlement.screening import Screening

t = tables.members


def register(
    conn: Connection,
    command: Command,
    question: RegisterMember,
    *,
    actor: str,
    listed: Screening | None = None,
) -> Answer:
    """A new member at the lowest level, and its account where a zone has not opened it already. Whose name is
    ``listed`` is held."""
    if members.find(conn, question.member) is not None:
        raise Problem.field(409, "duplicate-id", "member", "this member exists already")
    _fresh(conn, question.raw_key)
    member = Member(
        question.member, question.raw_key, question.name, question.currency, LOWEST, question.level,
        question.employees, question.owner_born, None, command.at,
    )  # fmt: skip
    row = question.model_dump() | {"public_key": member.public_key, "level": LOWEST, "asked": question.level}
    conn.execute(insert(t), row | {"suspended": None, "registered_at": command.at})
    conn.execute(insert(tables.member_keys), _held(member.id, member.public_key, command.at))
    account = accounts.member(member.id, member.currency)
    if not load(conn, [account]):
        limit = str(accounts.member_limit(member.currency))
        opened = OpenAccount(account=account, owner=member.name, currency=member.currency, limit=limit)
        payments.open_account(conn, command, opened)
    told = {"name": member.name, "asked": question.level, "public_key": question.public_key}
    audit.record(conn, command.at, actor, "member-registered", member.id, told)
    if listed is not None:
        screening.hold(conn, member, listed, command.at)
    return Answer.of(201, members.state(members.known(conn, member.id), command.at))


def change_level(
    conn: Connection, command: Command, question: ChangeLevel, *, member: str, actor: str, watch: Supervision
) -> Answer:
    """Down by anybody who looks after the hub, up by as many as that takes here."""
    if question.level.is_above(members.known(conn, member).level):
        watch.needs_two("level")
    set_level(conn, member, question, command.at, actor)
    return _answer(conn, command, member)


def set_level(conn: Connection, member: str, question: ChangeLevel, at: int, actor: str) -> None:
    """Up or down, and with the level its limits; ``at`` in ms. Problem 404."""
    before = members.known(conn, member).level
    _change(conn, member, {"level": question.level})
    told = {"from": before, "to": question.level}
    audit.record(conn, at, actor, "member-level", member, told)


def suspend(conn: Connection, command: Command, question: Suspend, *, member: str, actor: str) -> Answer:
    """The member may move no more money; 409 when it is suspended already."""
    if members.known(conn, member).suspended is not None:
        raise Problem.field(409, "already-suspended", "member", "the member is suspended already")
    _change(conn, member, {"suspended": question.reason})
    audit.record(conn, command.at, actor, "member-suspended", member, {"reason": question.reason})
    return _answer(conn, command, member)


def lift(conn: Connection, command: Command, question: LiftSuspension, *, member: str, actor: str) -> Answer:
    """The member may move money again; 409 when it may."""
    before = members.known(conn, member).suspended
    if before is None:
        raise Problem.field(409, "not-suspended", "member", "the member is not suspended")
    _change(conn, member, {"suspended": None})
    screening.let_go(conn, member, command.at)
    told = {"reason": question.reason, "was": before}
    audit.record(conn, command.at, actor, "suspension-lifted", member, told)
    return _answer(conn, command, member)


def rotate(conn: Connection, command: Command, question: RotateKey, *, member: str, actor: str) -> Answer:
    """From now on the new key alone speaks for the member."""
    before = members.known(conn, member)
    _fresh(conn, question.raw_key)
    keys = tables.member_keys
    conn.execute(update(keys).where(keys.c.public_key == before.public_key).values(until=command.at))
    conn.execute(insert(keys), _held(member, question.raw_key, command.at))
    _change(conn, member, {"public_key": question.raw_key})
    audit.record(conn, command.at, actor, "member-key", member, {"public_key": question.public_key})
    return _answer(conn, command, member)


def _change(conn: Connection, member: str, values: Mapping[str, object]) -> None:
    conn.execute(update(t).where(t.c.member == member).values(dict(values)))


def _answer(conn: Connection, command: Command, member: str) -> Answer:
    return Answer.of(200, members.state(members.known(conn, member), command.at))


def _fresh(conn: Connection, key: bytes) -> None:
    keys = tables.member_keys
    if conn.execute(select(keys.c.member).where(keys.c.public_key == key)).first() is not None:
        raise Problem.field(409, "key-in-use", "public_key", "this key belongs or belonged to a member")


def _held(member: str, key: bytes, at: int) -> dict[str, object]:
    return {"public_key": key, "member": member, "since": at, "until": None}
