"""A full official list of HS codes, where one was loaded: for search, and for declarations to be held to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from tradelane.settlement import hs
from tradelane.settlement.ehub.server.customs.tables import hs_codes as t
from tradelane.settlement.problem import Problem

SIX = 6
"""Digits that all countries share."""


class Loaded(NamedTuple):
    """How many codes were new, had another text, or stood there as they are."""

    added: int
    changed: int
    same: int


def load(conn: Connection, entries: Iterable[hs.Entry]) -> Loaded:
    """Take over a list; codes that are not in it stay. Loading it again changes nothing."""
    before: dict[str, str] = {row.code: row.name for row in conn.execute(_ALL)}
    found = {entry.code: entry.name for entry in entries}
    added = [{"code": code, "name": name} for code, name in found.items() if code not in before]
    changed = [{"same": code, "text": name} for code, name in found.items() if before.get(code, name) != name]
    if added:
        conn.execute(insert(t), added)
    if changed:
        conn.execute(_CHANGE, changed)
    return Loaded(len(added), len(changed), len(found) - len(added) - len(changed))


def entries(conn: Connection) -> list[hs.Entry]:
    """The list that was loaded; empty when none was."""
    return [hs.Entry(code, hs.OFFICIAL, name) for code, name in conn.execute(_ALL)]


def name_of(conn: Connection, hs_code: str) -> str | None:
    """What the list says of a code's first six digits; None without a list."""
    return conn.execute(_NAME, {"code": hs_code.replace(".", "")[:SIX]}).scalar()


def check(conn: Connection, hs_code: str) -> None:
    """Problem 422 for a code whose first six digits begin none of the list, where one was loaded."""
    digits = hs_code.replace(".", "")[:SIX]
    known = conn.execute(select(t.c.code).where(t.c.code.startswith(digits)).limit(1)).first()
    if known is None and conn.execute(_ANY).first() is not None:
        raise Problem.field(422, "unknown-hs-code", "hs_code", "this code is not in the official list")


_ALL = select(t.c.code, t.c.name).order_by(t.c.code)
_ANY = select(t.c.code).limit(1)
_NAME = select(t.c.name).where(t.c.code == bindparam("code"))
_CHANGE = update(t).where(t.c.code == bindparam("same")).values(name=bindparam("text"))
