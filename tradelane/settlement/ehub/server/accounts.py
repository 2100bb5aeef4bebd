"""Reading and changing balances. The database refuses what would break a limit; here it gets a name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from tradelane.market.units import Money
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.wire import AccountState
from tradelane.settlement.ledger import Account, Refusal, Refused, Transfer, apply
from tradelane.settlement.problem import Problem

t = tables.accounts
HTTP_STATUS = {Refusal.INSUFFICIENT_FUNDS: 402}


def load(conn: Connection, names: Collection[str]) -> dict[str, Account]:
    """The accounts of these names that exist."""
    rows = conn.execute(_LOAD, {"names": sorted(names)})
    return {
        row.account: Account(row.currency, row.posted_nano, row.held_nano, row.limit_nano) for row in rows
    }


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


def hold(conn: Connection, account: str, nano: int, field: str) -> None:
    """Hold (or, when negative, let go of) ``nano``; Problem 402 naming ``field`` beyond the limit."""
    _execute(conn, _HOLD, {"name": account, "change": nano}, field)


def post(
    conn: Connection, moved: Sequence[Transfer], before: Mapping[str, Account], prefix: str = ""
) -> None:
    """Apply a linked set to the balances. Problem naming the field of the first transfer that cannot be;
    fields are written ``<prefix><index>.<field>``, or bare without a prefix."""
    after = apply(before, moved)
    if isinstance(after, Refused):
        where = f"{prefix}{after.index}." if prefix else ""
        raise refused(after.refusal, where + after.refusal.field)
    for name, account in after.items():
        change = account.posted - before[name].posted
        _execute(conn, _POST, {"name": name, "change": change}, "amount")


def refused(refusal: Refusal, field: str) -> Problem:
    return Problem.field(HTTP_STATUS.get(refusal, 422), refusal.code, field, refusal.reason)


def _execute(conn: Connection, statement: Update, values: dict[str, Any], field: str) -> None:
    try:
        conn.execute(statement, values)
    except IntegrityError as error:
        raise _named(error, field) from error


def _named(error: IntegrityError, field: str) -> Exception:
    """The constraint's refusal; the error itself when it is none of ours."""
    if tables.LIMIT_CHECK in str(error.orig):
        return refused(Refusal.INSUFFICIENT_FUNDS, field)
    if tables.RANGE_CHECK in str(error.orig):
        return refused(Refusal.OUT_OF_RANGE, field)
    return error


_LOAD = select(t.c.account, t.c.currency, t.c.posted_nano, t.c.held_nano, t.c.limit_nano).where(
    t.c.account.in_(bindparam("names", expanding=True))
)
_HOLD = (
    update(t).where(t.c.account == bindparam("name")).values(held_nano=t.c.held_nano + bindparam("change"))
)
_POST = (
    update(t)
    .where(t.c.account == bindparam("name"))
    .values(posted_nano=t.c.posted_nano + bindparam("change"))
)
