"""Reading accounts, and what the ledger refuses, said over HTTP."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, select

from tradelane.market.units import Money
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.bulk import among, names
from tradelane.settlement.ehub.wire import AccountState
from tradelane.settlement.ledger import Account, Refusal
from tradelane.settlement.problem import Problem

t = tables.accounts
HTTP_STATUS = {Refusal.INSUFFICIENT_FUNDS: 402}


def load(conn: Connection, asked: Collection[str]) -> dict[str, Account]:
    """The accounts of these names that exist."""
    return {name: Account(*values) for name, *values in conn.execute(_LOAD, names(asked))}


def state(row: Row[Any]) -> AccountState:
    """An account as the wire shows it."""

    def text(nano: int) -> str:
        return str(Money(nano, row.currency))

    return AccountState(
        account=row.account,
        owner=row.owner,
        currency=row.currency,
        posted=text(row.posted_nano),
        held=text(row.held_nano),
        available=text(row.posted_nano - row.held_nano),
        limit=None if row.limit_nano is None else text(row.limit_nano),
    )


def refused(refusal: Refusal, field: str) -> Problem:
    return Problem.field(HTTP_STATUS.get(refusal, 422), refusal.code, field, refusal.reason)


_LOAD = select(t.c.account, t.c.currency, t.c.posted_nano, t.c.held_nano, t.c.limit_nano).where(
    among(t.c.account)
)
