"""What payouts and incoming credits share: the hub's own accounts, numbers, and one transfer booked."""

from __future__ import annotations

from sqlalchemy import Column, Connection, func, select

from tradelane.settlement.ehub.server import accounts, ledger
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.standing import ensure
from tradelane.settlement.ledger import Transfer, single

LIMITS = {"payout": "0", "unallocated": "0", "bank": None}
"""The lowest balance of each kind of account; what the bank holds for us is owed by it, so below zero."""


def hub_account(conn: Connection, command: Command, kind: str, currency: str) -> str:
    """The name of the hub's account of this kind, opened when it is first needed."""
    return ensure(conn, f"{kind}:{currency}", currency, LIMITS[kind], command.at)


def next_number(conn: Connection, column: Column[int]) -> int:
    """One more than the greatest; the single writer gives no number twice."""
    return (conn.execute(select(func.max(column))).scalar() or 0) + 1


def book(conn: Connection, moved: Transfer, at: int, account_field: str) -> None:
    """Move the money or raise a Problem; ``account_field`` is what the caller calls the member's account."""
    refusal = ledger.execute(conn, [single(moved)], at)[0].refusal
    if refusal is not None:
        field = refusal.field if refusal.field == "amount" else account_field
        raise accounts.refused(refusal, field)
