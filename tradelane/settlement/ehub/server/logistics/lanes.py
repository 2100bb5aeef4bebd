"""Freight lanes: offered, looked up, and booked up to their capacity each week.

Always true: what is booked of a week is never more than the offer's capacity at the time of booking.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, or_, select, update

from tradelane.market.units import instant, iso, plain
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.logistics.tables import lane_bookings, lane_weeks, lanes
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_logistics import BookShipment, LaneOffer, OfferLane
from tradelane.settlement.freight import Refusal, arrival, freight, taken, week_of
from tradelane.settlement.ledger import GREATEST
from tradelane.settlement.problem import Problem

t, w, b = lanes, lane_weeks, lane_bookings
HTTP_STATUS = {Refusal.WRONG_UNIT: 422}


def offer(conn: Connection, command: Command, question: OfferLane) -> Answer:
    """A new offer. It ends an earlier one without an end; 409 when it overlaps another."""
    start = instant(question.valid_from)
    end = None if question.valid_to is None else instant(question.valid_to)
    if end is not None and end <= start:
        raise Problem.field(422, "wrong-period", "valid_to", "an offer ends after it begins")
    same = t.c.lane == question.lane
    conn.execute(update(t).where(same, t.c.valid_to.is_(None), t.c.valid_from < start).values(valid_to=start))
    later = or_(t.c.valid_to.is_(None), t.c.valid_to > start)
    clash = select(t.c.lane).where(same, later)
    if conn.execute(clash if end is None else clash.where(t.c.valid_from < end)).first() is not None:
        raise _refused(Refusal.OVERLAP)
    price = question.price.money
    conn.execute(
        insert(t),
        {
            **question.model_dump(exclude={"price"}),
            "valid_from": start,
            "valid_to": end,
            "currency": price.currency,
            "price_nano": price.nano,
            "at": command.at,
        },
    )
    row = conn.execute(select(t).where(same, t.c.valid_from == start)).one()
    return Answer.of(201, _offer(conn, row, command.at))


def listed(
    conn: Connection, after: str | None, limit: int, at: int, source: str | None, target: str | None
) -> Page[LaneOffer]:
    """What is offered at ``at`` (ms), with what is left of its week."""
    asked = _valid(at).order_by(t.c.lane).limit(limit + 1)
    for column, value in ((t.c.source, source), (t.c.target, target)):
        asked = asked if value is None else asked.where(column == value)
    rows = conn.execute(asked if after is None else asked.where(t.c.lane > after)).all()
    items = [_offer(conn, row, at) for row in rows[:limit]]
    return Page(items=items, next=items[-1].lane if len(rows) > limit else None)


def book(conn: Connection, question: BookShipment, at: int) -> None:
    """Take capacity of the week of ``at`` for a shipment; nothing for a lane that nobody ever offered.

    Raises Problem, the shipment's row being there already.
    """
    lane, quantity = question.lane, Decimal(question.quantity)
    row = conn.execute(_valid(at).where(t.c.lane == lane)).first()
    if row is None:
        if conn.execute(select(t.c.lane).where(t.c.lane == lane).limit(1)).first() is not None:
            raise _refused(Refusal.NOT_OFFERED)
        return
    if row.unit != question.unit:
        raise _refused(Refusal.WRONG_UNIT)
    _take(conn, row, quantity, week_of(at))
    nano = freight(row.price_nano, quantity)
    if nano > GREATEST:
        raise Problem.field(422, "balance-out-of-range", "quantity", "its freight is beyond any balance")
    conn.execute(
        insert(b),
        {
            "shipment": question.shipment,
            "carrier": row.carrier,
            "currency": row.currency,
            "freight_nano": nano,
            "eta": arrival(at, row.days),
        },
    )


def booking(conn: Connection, shipment: str) -> Row[Any] | None:
    """What the lane's offer said of a shipment."""
    return conn.execute(_BOOKING, {"id": shipment}).first()


def _take(conn: Connection, row: Row[Any], quantity: Decimal, week: int) -> None:
    before = _taken(conn, row.lane, week)
    after = taken(Decimal(row.capacity), before or Decimal(0), quantity)
    if isinstance(after, Refusal):
        left = plain(Decimal(row.capacity) - (before or 0))
        raise Problem.field(409, after.code, after.field, f"{after.reason}: {left} {row.unit} on {row.lane}")
    if before is None:
        conn.execute(insert(w), {"lane": row.lane, "week": week, "taken": plain(after)})
    else:
        conn.execute(update(w).where(w.c.lane == row.lane, w.c.week == week).values(taken=plain(after)))


def _valid(at: int) -> Select[Any]:
    return select(t).where(t.c.valid_from <= at, or_(t.c.valid_to.is_(None), t.c.valid_to > at))


def _taken(conn: Connection, lane: str, week: int) -> Decimal | None:
    found = conn.execute(select(w.c.taken).where(w.c.lane == lane, w.c.week == week)).scalar()
    return None if found is None else Decimal(found)


def _offer(conn: Connection, row: Row[Any], at: int) -> LaneOffer:
    taken_so_far = _taken(conn, row.lane, week_of(at)) or Decimal(0)
    return LaneOffer(
        lane=row.lane,
        carrier=row.carrier,
        source=row.source,
        target=row.target,
        unit=row.unit,
        price=Total.of(row.price_nano, row.currency),
        days=row.days,
        capacity=row.capacity,
        left=plain(max(Decimal(0), Decimal(row.capacity) - taken_so_far)),
        valid_from=iso(row.valid_from),
        valid_to=None if row.valid_to is None else iso(row.valid_to),
    )


def _refused(refusal: Refusal) -> Problem:
    return Problem.field(HTTP_STATUS.get(refusal, 409), refusal.code, refusal.field, refusal.reason)


_BOOKING = select(b).where(b.c.shipment == bindparam("id"))
