"""What a zone's operator does: each act journaled with who did it, and kept as a row beside.

Always true: the rows are what the journal's entries of KINDS say; what holds at an entry is decided by acts
with smaller numbers alone. ``about`` names what an act is about: ``lane/NL>GB``, ``market/power``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from tradelane.gateway import journal
from tradelane.gateway.tables import operator_acts
from tradelane.market.units import Interval


class Kind(StrEnum):
    """The journal's words for it."""

    CAPACITY = "capacity"
    HALT = "halt"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True)
class Act:
    """``at`` is market time, ms; ``body`` what more there is to know, by kind."""

    seq: int
    at: int
    kind: Kind
    about: str
    who: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is about, without the kind of thing it is."""
        return self.about.partition("/")[2]


def write(
    conn: Connection, kind: Kind, about: str, who: str, now: int, body: Mapping[str, Any],
    delivery: Interval | None = None,
) -> Act:  # fmt: skip
    """``delivery``: when what the act is about is delivered, where it is for a time."""
    seq = journal.append(conn, kind.value, {"about": about, "who": who, **body}, now)
    since, until = (None, None) if delivery is None else (delivery.start, delivery.end)
    row = {"seq": seq, "at": now, "kind": kind.value, "about": about, "who": who, "body": dict(body)}
    conn.execute(insert(operator_acts).values(**row, since=since, until=until))
    return Act(seq, now, kind, about, who, body)


def newest(conn: Connection, limit: int) -> list[Act]:
    """The last ones, newest first."""
    query = select(operator_acts).order_by(operator_acts.c.seq.desc()).limit(limit)
    return [act_of(row) for row in conn.execute(query).mappings()]


def latest(conn: Connection, about: str, before: int | None = None) -> Act | None:
    """The last act about one thing; of those numbered below ``before``, if given."""
    a = operator_acts.c
    query = select(operator_acts).where(a.about == about).order_by(a.seq.desc()).limit(1)
    row = conn.execute(query if before is None else query.where(a.seq < before)).mappings().first()
    return None if row is None else act_of(row)


def during(conn: Connection, kind: Kind, since: int, until: int, before: int | None = None) -> Iterable[Act]:
    """Acts of a kind for a time that holds all from ``since`` to ``until`` (ms), oldest first."""
    a = operator_acts.c
    query = select(operator_acts).where(a.kind == kind.value, a.until >= until, a.since <= since)
    query = query if before is None else query.where(a.seq < before)
    return [act_of(row) for row in conn.execute(query.order_by(a.seq)).mappings()]


def to_come(conn: Connection, kind: Kind, now: int) -> list[Act]:
    """Acts of a kind for a time that is not over at ``now`` (ms), oldest first."""
    a = operator_acts.c
    query = select(operator_acts).where(a.kind == kind.value, a.until > now).order_by(a.seq)
    return [act_of(row) for row in conn.execute(query).mappings()]


def act_of(row: RowMapping) -> Act:
    return Act(row["seq"], row["at"], Kind(row["kind"]), row["about"], row["who"], row["body"])
