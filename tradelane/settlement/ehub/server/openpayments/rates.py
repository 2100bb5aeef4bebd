"""The exchange desk's rates, as the operator posts them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from tradelane.market.units import Money, instant, iso
from tradelane.settlement.conversion import Rate, par
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.openpayments.tables import rates as t
from tradelane.settlement.ehub.wire_payments import PostRate, Rates, RateState
from tradelane.settlement.problem import Problem

FOREVER = 2**62


def post(conn: Connection, command: Command, question: PostRate) -> Answer:
    """From now on this rate counts for the pair; quotes made before keep theirs."""
    until = instant(question.valid_until)
    if until <= command.at:
        raise Problem.field(422, "expires-in-the-past", "validUntil", "the rate would be over already")
    row = {
        "sell": question.sell,
        "buy": question.buy,
        "mid_nano": Money.parse(question.mid, question.buy).nano,
        "spread_ppm": question.spread_ppm,
        "valid_until": until,
        "at": command.at,
    }
    made = conn.execute(insert(t).returning(t), row).one()
    return Answer.of(201, _state(made))


def current(conn: Connection, sell: str, buy: str, at: int) -> tuple[Rate, int]:
    """The rate at ``at`` (ms) and when it ends; Problem 409 when there is none."""
    if sell == buy:
        return par(sell), FOREVER
    query = select(t).where(t.c.sell == sell, t.c.buy == buy).order_by(t.c.seq.desc()).limit(1)
    row = conn.execute(query).first()
    if row is None or row.valid_until <= at:
        raise Problem.field(409, "no-rate", "receiver", f"no rate is in force for {sell} into {buy}")
    return Rate(sell, buy, row.mid_nano, row.spread_ppm), row.valid_until


def listed(conn: Connection, at: int) -> Rates:
    """Those in force."""
    newest = select(func.max(t.c.seq)).group_by(t.c.sell, t.c.buy)
    query = select(t).where(t.c.seq.in_(newest), t.c.valid_until > at).order_by(t.c.sell, t.c.buy)
    return Rates(result=[_state(row) for row in conn.execute(query)])


def _state(row: Row[Any]) -> RateState:
    return RateState(
        sell=row.sell,
        buy=row.buy,
        mid=str(Money(row.mid_nano, row.buy)),
        spread_ppm=row.spread_ppm,
        valid_until=iso(row.valid_until),
        created_at=iso(row.at),
    )
