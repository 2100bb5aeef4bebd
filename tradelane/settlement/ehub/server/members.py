"""Members as the hub knows them: by id, and by the key they sign with."""

from __future__ import annotations

import base64
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from tradelane.market.units import iso
from tradelane.settlement import accounts, policy
from tradelane.settlement.ehub.server.bulk import among, names
from tradelane.settlement.ehub.server.supervision.tables import members
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_members import MemberState
from tradelane.settlement.member import Level, Member, day_of, limits
from tradelane.settlement.problem import Problem

MEMBER = "member:"
"""How the accounts of members begin."""


def find(conn: Connection, id: str) -> Member | None:
    """The member with this id."""
    row = conn.execute(_BY_ID, {"id": id}).first()
    return None if row is None else _member(row)


def by_key(conn: Connection, public_key: bytes) -> Member | None:
    """The member whose key this is now (32 raw bytes); a key given up is nobody's."""
    row = conn.execute(_BY_KEY, {"key": public_key}).first()
    return None if row is None else _member(row)


def key(conn: Connection, id: str) -> bytes | None:
    """The raw key that speaks for this member; a suspended one may still look."""
    member = find(conn, id)
    return None if member is None else member.public_key


def may_spend(conn: Connection, account: str) -> None:
    """Raises Problem 403 where the account is of a member who is suspended; what is not a member's may."""
    if not account.startswith(MEMBER):
        return
    member = find(conn, account.removeprefix(MEMBER).rpartition(":")[0])
    refused = None if member is None else suspended(member)
    if refused is not None:
        raise refused


def suspended(member: Member) -> Problem | None:
    """Why the member may move no money; None while it may."""
    if member.suspended is None:
        return None
    return Problem.field(403, "suspended", "account", f"its member is suspended: {member.suspended}")


def everyone(conn: Connection) -> list[Member]:
    """In the order of their ids."""
    return [_member(row) for row in conn.execute(select(members).order_by(members.c.member))]


def several(conn: Connection, ids: Collection[str]) -> dict[str, Member]:
    """The members of these ids, by id."""
    return {row.member: _member(row) for row in conn.execute(_SEVERAL, names(ids))}


def known(conn: Connection, id: str) -> Member:
    """The member with this id; Problem 404."""
    member = find(conn, id)
    if member is None:
        raise Problem.field(404, "unknown-member", "member", "no such member")
    return member


def listed(conn: Connection, after: str | None, limit: int, at: int) -> Page[MemberState]:
    query = select(members).order_by(members.c.member).limit(limit + 1)
    rows = conn.execute(query if after is None else query.where(members.c.member > after)).all()
    items = [state(_member(row), at) for row in rows[:limit]]
    return Page(items=items, next=items[-1].member if len(rows) > limit else None)


def state(member: Member, at: int) -> MemberState:
    """A member as the wire shows it on the day of ``at`` (ms)."""
    day = day_of(at)
    most = limits(member.level, member.currency, day)
    fits = (rule for rule in policy.rules() if rule.in_force(day) and rule.fits(member.trader, day))
    rule = next(fits, None)
    return MemberState(
        member=member.id,
        public_key=base64.b64encode(member.public_key).decode(),
        name=member.name,
        currency=member.currency,
        account=accounts.member(member.id, member.currency),
        level=member.level,
        asked=member.asked,
        contract_limit=None if most is None else Total.of(most.contract.nano, member.currency),
        day_limit=None if most is None else Total.of(most.day.nano, member.currency),
        employees=member.employees,
        owner_born=member.owner_born,
        policy=None if rule is None else rule.memo,
        suspended=member.suspended,
        registered_at=iso(member.registered_at),
    )


def _member(row: Row[Any]) -> Member:
    values = row._asdict()
    return Member(values.pop("member"), **{**values, "level": Level(row.level), "asked": Level(row.asked)})


_BY_ID = select(members).where(members.c.member == bindparam("id"))
_SEVERAL = select(members).where(among(members.c.member))
_BY_KEY = select(members).where(members.c.public_key == bindparam("key"))
