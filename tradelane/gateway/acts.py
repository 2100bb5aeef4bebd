"""What a zone's operator does: each act journaled with who did it, and kept as a row beside.

Always true: the rows are what the journal's entries of KINDS say; what holds at an entry is decided by acts
with smaller numbers alone. ``about`` names what an act is about: ``lane/NL>GB``, ``market/power``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from tradelane.gateway import journal
from tradelane.gateway.tables import operator_acts


class Kind(StrEnum):
    """The journal's words for it."""

    CAPACITY = "capacity"
    HALT = "halt"
    RESUME = "resume"
    ACKNOWLEDGE = "acknowledge"
    APPROVE = "approve"
    REJECT = "reject"


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


_NEWEST = select(operator_acts).order_by(operator_acts.c.seq.desc())
_LATEST = _NEWEST.where(operator_acts.c.about == bindparam("about")).limit(1)
_LATEST_BEFORE = _LATEST.where(operator_acts.c.seq < bindparam("before"))
"""Made once: one of them is asked with every order."""


def write(conn: Connection, kind: Kind, about: str, who: str, now: int, body: Mapping[str, Any]) -> Act:
    """``since`` and ``until`` in ``body``, ms: what the act is for, where it is for a time."""
    seq = journal.append(conn, kind.value, {"about": about, "who": who, **body}, now)
    act = Act(seq, now, kind, about, who, body)
    conn.execute(insert(operator_acts), _row(act))
    return act


def _row(act: Act) -> dict[str, Any]:
    body = dict(act.body)
    row = {"seq": act.seq, "at": act.at, "kind": act.kind.value, "about": act.about, "who": act.who}
    return {**row, "since": body.get("since"), "until": body.get("until"), "body": body}


def fault(conn: Connection) -> str | None:
    """The first difference between the rows and the journal; None where they say the same."""
    kept = {row["seq"]: dict(row) for row in conn.execute(select(operator_acts)).mappings()}
    for entry in journal.read(conn, kinds=[kind.value for kind in Kind]):
        body = {name: value for name, value in entry.body.items() if name not in ("about", "who")}
        told = Act(entry.seq, entry.at, Kind(entry.kind), entry.body["about"], entry.body["who"], body)
        if kept.pop(entry.seq, None) != _row(told):
            return f"act {entry.seq} is not what the journal says"
    return f"act {min(kept)} is not in the journal" if kept else None


def newest(conn: Connection, limit: int) -> list[Act]:
    """The last ones, newest first."""
    return [act_of(row) for row in conn.execute(_NEWEST.limit(limit)).mappings()]


def latest(conn: Connection, about: str, before: int | None = None) -> Act | None:
    """The last act about one thing; of those numbered below ``before``, if given."""
    query = _LATEST if before is None else _LATEST_BEFORE
    row = conn.execute(query, {"about": about, "before": before}).first()
    return None if row is None else act_of(row._mapping)


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
