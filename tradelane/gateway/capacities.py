"""What interconnectors may carry in coming intervals, as the operator sets it.

Always true: a clearing goes by the capacities set before its gate closed, the last word for a lane and an
interval holding; where none was said, or the last word was None, by the configured one. So the journal alone
tells what a lane could carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tradelane.gateway import acts
from tradelane.gateway.acts import Act, Kind
from tradelane.market.units import Interval, iso

MOST_KW = 10**9


@dataclass(frozen=True, slots=True)
class Setting:
    """``kw`` on ``lane`` in each market time unit of ``delivery``; None: as configured."""

    lane: str
    delivery: Interval
    kw: int | None

    @property
    def about(self) -> str:
        return f"lane/{self.lane}"

    def body(self) -> dict[str, Any]:
        """What the journal keeps of it; instants in ms."""
        return {"since": self.delivery.start, "until": self.delivery.end, "kw": self.kw}

    def told(self) -> dict[str, Any]:
        """The same for readers."""
        return {"from": iso(self.delivery.start), "until": iso(self.delivery.end), "capacity_kw": self.kw}


def set_capacity(conn: Connection, setting: Setting, who: str, reason: str, now: int) -> Act:
    """The act; the one before, when the last word for this lane said the same."""
    body = setting.body()
    before = acts.latest(conn, setting.about)
    if before is not None and body.items() <= before.body.items():
        return before
    body |= {"reason": reason} if reason else {}
    return acts.write(conn, Kind.CAPACITY, setting.about, who, now, body)


def in_force(conn: Connection, delivery: Interval, before: int | None = None) -> dict[str, int]:
    """kW by lane where they are not the configured ones; by acts numbered below ``before``, if given."""
    found: dict[str, int | None] = {}
    for act in acts.during(conn, Kind.CAPACITY, delivery.start, delivery.end, before):
        found[act.name] = act.body["kw"]
    return {lane: kw for lane, kw in found.items() if kw is not None}


def to_come(conn: Connection, now: int) -> list[Act]:
    """What was set for a time that is not over, in the order in which it was."""
    return acts.to_come(conn, Kind.CAPACITY, now)


def setting_of(act: Act) -> Setting:
    return Setting(act.name, Interval(act.body["since"], act.body["until"]), act.body["kw"])
