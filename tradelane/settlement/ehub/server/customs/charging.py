"""Takes what was assessed from the payer, or gives back what was taken too much: a settlement of its own.

Always true: what was charged is what the figures in force say; it moves in the transaction that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, bindparam

from tradelane.market.units import Money
from tradelane.settlement import accounts
from tradelane.settlement.ehub.server import payments, tables
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.wire import Leg, PositiveAmount, Release, ReservationStatus, Settle
from tradelane.settlement.ehub.wire_declarations import Declare, Figures
from tradelane.settlement.problem import Problem

Taken = tuple[Money, Money]
"""Duty and tax."""


def check(conn: Connection, declared: Declare) -> None:
    """Problem 422 when the reservation is not one of the payer's for this contract, 409 when it is closed."""
    if declared.reservation is None:
        return
    row = conn.execute(_RESERVATION, {"id": declared.reservation}).first()
    if row is None:
        raise Problem.field(422, "unknown-reservation", "reservation", "no such reservation")
    if row.contract != declared.contract:
        raise Problem.field(422, "wrong-contract", "contract", "the reservation is for another contract")
    if row.account != declared.payer:
        raise Problem.field(422, "wrong-payer", "payer", "the reservation holds another account's money")
    if row.state != ReservationStatus.RESERVED:
        raise Problem.field(409, "reservation-closed", "reservation", f"the reservation is {row.state}")


def let_go(conn: Connection, command: Command, declared: Declare) -> None:
    """Give back what is still held for a declaration that will not be charged."""
    row = conn.execute(_RESERVATION, {"id": declared.reservation}).first()
    if row is not None and row.state == ReservationStatus.RESERVED:
        payments.release(conn, command, Release(), reservation=row.reservation)


def due(figures: Figures) -> Taken:
    return figures.duty.money, figures.tax.money


def nothing(figures: Figures) -> Taken:
    return (Money(0, figures.duty.currency),) * 2


def charge(
    conn: Connection, command: Command, declared: Declare, number: int, figures: Figures, before: Taken,
    after: Taken,
) -> None:  # fmt: skip
    """Move the difference between what was taken and what is due, in one linked set with its receipt. The
    first time it is drawn on the declaration's reservation. Raises Problem, 402 without funds."""
    if declared.payer is None:
        return
    moves = [
        _leg(declared.payer, account(now.currency), kind, Money(now.nano - was.nano, now.currency), memo)
        for (kind, memo, account), was, now in zip(_kinds(figures), before, after, strict=True)
        if now != was
    ]
    reservation = declared.reservation if number == 1 else None
    if moves or reservation is not None:
        question = Settle(
            settlement=f"declaration/{declared.declaration}/{number}",
            reservation=reservation,
            contract=declared.contract,
            transfers=moves,
        )
        payments.settle(conn, command, question)


def _leg(payer: str, office: str, kind: str, more: Money, memo: str) -> Leg:
    ends = (payer, office) if more.nano > 0 else (office, payer)
    amount = PositiveAmount(currency=more.currency, value=str(Money(abs(more.nano), more.currency)))
    return Leg(source=ends[0], target=ends[1], amount=amount, kind=kind, memo=memo)


def _kinds(figures: Figures) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    """Of each kind of money taken: what it is called, the rules it comes from, and the account it goes to."""
    taken = (("duty", "duty", accounts.customs), ("import tax", "tax", accounts.import_tax))
    for name, kind, account in taken:
        yield name, "; ".join(line.rule for line in figures.lines if line.kind == kind), account


_RESERVATION = payments.RESERVATIONS.where(tables.reservations.c.reservation == bindparam("id"))
