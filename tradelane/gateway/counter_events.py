"""Decisions about meters' counters, as their owner reads them."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, func, select

from tradelane.gateway.tables import meter_events
from tradelane.market.units import MINUTE, iso

DAYS = 7
WORDS = {
    "noise": "stepped back by its resolution",
    "back": "stepped back and stands still until it is passed",
    "drop": "dropped: not believed until confirmed",
    "jump": "jumped beyond its rated power: not believed until confirmed",
    "reset confirmed": "was reset: a new base, the step not billed",
    "rollover": "started again from 0: counted on",
    "caught up": "stood still and caught up: counted, as its power tells",
    "return": "came back to its old base: counted from there",
    "late": "shown late: put where it belongs",
    "off": "power contradicts voltage and current: counters not trusted",
    "agrees again": "power agrees with voltage and current again",
    "cut": "no longer holds a head that was kept: readings before this one are missing",
    "corrected": "corrected by late readings",
    "too late to correct": "would be corrected, but its settlement is final",
}
"""What is seen → what it means."""


def recent(conn: Connection) -> dict[str, str]:
    """By meter, how often what was seen within the last days of events, and the newest of them."""
    e = meter_events.c
    newest = conn.execute(select(func.max(e.at))).scalar() or 0
    rows = conn.execute(
        select(meter_events).where(e.at > newest - DAYS * 24 * 60 * MINUTE).order_by(e.meter, e.at, e.seq)
    ).all()
    found = {}
    for meter in sorted({row.meter for row in rows}):
        own = [row for row in rows if row.meter == meter]
        counts = Counter(str(row.seen) for row in own)
        last = own[-1]
        meaning = WORDS.get(last.seen, last.seen)
        times = ", ".join(f"{count} × {seen}" for seen, count in sorted(counts.items()))
        found[meter] = f"{times}; newest {iso(last.at)}: {last.what} {meaning}"
    return found
