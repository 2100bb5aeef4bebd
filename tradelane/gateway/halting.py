"""Markets that their operator has halted: since when, why. A market is ``power``, or goods by their id."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from tradelane.gateway import acts
from tradelane.gateway.acts import Act, Kind
from tradelane.market.product import Product
from tradelane.market.units import iso
from tradelane.settlement.problem import Problem

POWER = "power"


@dataclass(frozen=True, slots=True)
class Halt:
    """``since`` is market time, ms."""

    market: str
    since: int
    reason: str
    who: str

    def words(self) -> str:
        return f"the {self.market} market is halted since {iso(self.since)}: {self.reason}"


def market_of(product: Product) -> str:
    return product.id.partition("/")[0]


def halted(conn: Connection, market: str, before: int | None = None) -> Halt | None:
    """None of a market that is not halted; by acts numbered below ``before``, if given."""
    act = acts.latest(conn, about(market), before)
    if act is None or act.kind is not Kind.HALT:
        return None
    return halt_of(act)


def check(conn: Connection, product: Product) -> None:
    """Raises Problem 409 where no order is taken now."""
    halt = halted(conn, market_of(product))
    if halt is not None:
        raise Problem.field(409, "market-halted", "product", halt.words())


def halt(conn: Connection, market: str, reason: str, who: str, now: int) -> Halt:
    """Of a market that is halted already: as it was."""
    before = halted(conn, market)
    if before is not None:
        return before
    return halt_of(acts.write(conn, Kind.HALT, about(market), who, now, {"reason": reason}))


def resume(conn: Connection, market: str, who: str, now: int) -> bool:
    """Whether it was halted."""
    if halted(conn, market) is None:
        return False
    acts.write(conn, Kind.RESUME, about(market), who, now, {})
    return True


def about(market: str) -> str:
    return f"market/{market}"


def halt_of(act: Act) -> Halt:
    return Halt(act.name, act.at, act.body["reason"], act.who)
