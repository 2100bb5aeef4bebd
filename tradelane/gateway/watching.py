"""What a zone knows of lanes, meters, deliveries, settlements and clocks → its alarms, and who has seen them.

An acknowledgement holds for an alarm that began before it: one that comes back calls again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tradelane.gateway import acts
from tradelane.gateway.acts import Act, Kind
from tradelane.gateway.alarms import (
    OURSELVES,
    Alarm,
    Measured,
    Skew,
    Used,
    clocks_off,
    imbalanced,
    lanes_full,
    meters_silent,
    overdue,
)
from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.schedule import delivery_of, product_id
from tradelane.gateway.tables import contracts, flows, members, orders, statements
from tradelane.market.units import MILLI, MINUTE, Interval
from tradelane.settlement.contract import State

LOOKED_BACK = DAY
FORGOTTEN = 30 * DAY
"""A meter that has been silent for so long is one that is gone."""
AFTER_POWER = "power0"
"""Sorts after every power product: "0" follows "/"."""
NOT_SETTLED = (State.AGREED, State.FUNDED, State.METERED, State.DISPUTED)
MEASURED = (State.METERED, State.ACCEPTED, State.RELEASED)


@dataclass(frozen=True, slots=True)
class Called:
    """An alarm, and the act by which somebody has taken note of it."""

    alarm: Alarm
    seen: Act | None


def alarms_now(conn: Connection, catalogue: Catalogue, clock: Clock) -> list[Called]:
    """Those that stand, the oldest first."""
    now, limits = clock.now(), catalogue.section.alarms
    skew_ms = limits.clock_skew_seconds * MILLI
    found = [
        *lanes_full(uses(conn, now), now, limits.lane_full_minutes * MINUTE),
        *meters_silent(stated(conn, catalogue.mtu, now), now, limits.meter_silent_minutes * MINUTE),
        *imbalanced(measured(conn, now), limits.imbalance_ppm),
        *overdue(unsettled(conn, now), now, limits.overdue_minutes * MINUTE),
        *clocks_off([*gateways_ahead(conn, catalogue, now), *_our_own(clock)], skew_ms),
    ]
    return [Called(alarm, seen(conn, alarm)) for alarm in sorted(found, key=lambda one: one.since)]


def about(alarm: Alarm) -> str:
    return f"alarm/{alarm.key}"


def seen(conn: Connection, alarm: Alarm) -> Act | None:
    act = acts.latest(conn, about(alarm))
    return act if act is not None and act.at >= alarm.since else None


def acknowledge(conn: Connection, called: Called, who: str, now: int) -> Act:
    """The act; the one before, where somebody has taken note already."""
    if called.seen is not None:
        return called.seen
    alarm = called.alarm
    body = {"since": alarm.since, "value": alarm.value}
    return acts.write(conn, Kind.ACKNOWLEDGE, about(alarm), who, now, body)


def uses(conn: Connection, now: int) -> Iterator[Used]:
    """Lanes in the intervals of the last day."""
    first = product_id(Interval(now - LOOKED_BACK, now))
    query = select(flows).where(flows.c.product >= first, flows.c.product < AFTER_POWER)
    for row in conn.execute(query):
        interval = delivery_of(row.product)
        assert interval is not None, "only power flows"
        yield Used(row.lane, interval, row.sent, row.capacity)


def stated(conn: Connection, mtu: int, now: int) -> dict[str, int]:
    """Until when (ms) each member's meter has stated, where it ever has and is not forgotten."""
    last = select(func.max(statements.c.interval_start)).where(statements.c.member == members.c.id)
    query = select(members.c.id, last.scalar_subquery())
    rows = conn.execute(query).all()
    return {id: start + mtu for id, start in rows if start is not None and start > now - FORGOTTEN}


def measured(conn: Connection, now: int) -> list[Measured]:
    """Power of the last day by interval, as far as it was measured."""
    c = contracts.c
    sums = func.sum(c.sent), func.sum(func.coalesce(c.imbalance, 0))
    query = select(c.interval_start, c.interval_end, *sums).where(
        c.state.in_(MEASURED), c.interval_end > now - LOOKED_BACK, c.commodity == "power"
    )
    rows = conn.execute(query.group_by(c.interval_start, c.interval_end))
    return [Measured(Interval(start, end), int(sold), int(missing)) for start, end, sold, missing in rows]


def unsettled(conn: Connection, now: int) -> list[int]:
    """When (ms) the delivery was over of power that was delivered and is not settled."""
    c = contracts.c
    waiting = c.state.in_(NOT_SETTLED), c.interval_end <= now, c.commodity == "power"
    return list(conn.execute(select(c.interval_end).where(*waiting)).scalars())


def gateways_ahead(conn: Connection, catalogue: Catalogue, now: int) -> list[Skew]:
    """Members whose newest orders rest on readings that, by our clock, are still to come."""
    present = Interval.at(now, catalogue.mtu)
    recent = [product_id(present.shifted(k)) for k in range(-4, 2)]
    o = orders.c
    ahead = o.read_wall - o.received_wall
    query = select(o.member, func.max(ahead), func.min(o.at)).where(o.product.in_(recent), ahead > 0)
    return [Skew(*row) for row in conn.execute(query.group_by(o.member).order_by(o.member)).all()]


def _our_own(clock: Clock) -> Iterator[Skew]:
    yield Skew(OURSELVES, -clock.set_back(), clock.now())
