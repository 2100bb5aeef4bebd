"""Holding members whose names are on a list until an operator lets them go.

Always true: who is found on an entry is suspended in the transaction that finds it, and once let go is not
held for the same entry again. Which entry it was stands in the audit trail, and nowhere a caller can see.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from tradelane.settlement.ehub.server import audit, members
from tradelane.settlement.ehub.server.supervision import tables
from tradelane.settlement.ehub.server.supervision.tables import screening_hits as t
from tradelane.settlement.member import Member, day_of
from tradelane.settlement.screening import Screening

HELD = "held by screening"
"""The reason of a suspension, as everybody is told."""
ACTOR = "screening"


class Held(NamedTuple):
    """A member that was found, and the first entry."""

    member: str
    name: str
    entry: str


def hold(conn: Connection, member: Member, listed: Screening, at: int) -> Held | None:
    """Suspend the member if its name is on the list, on an entry it was not let go of; ``at`` in ms."""
    hits = listed.hits(member.name, day_of(at))
    known = set(conn.execute(select(t.c.entry).where(t.c.member == member.id)).scalars()) if hits else set()
    fresh = {hit.id: hit for hit in hits if hit.id not in known}
    if not fresh:
        return None
    conn.execute(insert(t), [{"member": member.id, "entry": id, "found_at": at} for id in fresh])
    if member.suspended is None:
        of = tables.members
        conn.execute(update(of).where(of.c.member == member.id).values(suspended=HELD))
    told = [{"name": hit.name, "country": hit.country, "source": hit.source} for hit in fresh.values()]
    audit.record(conn, at, ACTOR, "member-held", member.id, {"name": member.name, "entries": told})
    return Held(member.id, member.name, next(iter(fresh)))


def let_go(conn: Connection, member: str, at: int) -> None:
    """An operator has looked at all that was found of the member."""
    open_ = (t.c.member == member, t.c.cleared_at.is_(None))
    conn.execute(update(t).where(*open_).values(cleared_at=at))


def screen(conn: Connection, listed: Screening, at: int) -> list[Held]:
    """All members anew; those that are held now."""
    found = (hold(conn, member, listed, at) for member in members.everyone(conn))
    return [held for held in found if held is not None]
