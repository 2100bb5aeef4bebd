"""Accounts, deposits, reservations and settlements: what each command does inside its transaction.

Always true: money only moves by transfers between two accounts; a reservation is settled or released, never
both, never twice; a settlement's transfers all happen or none does. Refusals are Problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from tradelane.market.units import Money, instant, iso
from tradelane.settlement.ehub.server import accounts, chain, receipts, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.wire import (
    Deposit,
    DepositState,
    OpenAccount,
    Release,
    ReservationState,
    ReservationStatus,
    Reserve,
    Settle,
    SettlementState,
    Total,
)
from tradelane.settlement.ledger import Refusal, Transfer
from tradelane.settlement.problem import Problem

MEMBER = "member:"
r = tables.reservations


def open_account(conn: Connection, command: Command, question: OpenAccount) -> Answer:
    """A new account with nothing in it."""
    name, currency = question.account, question.currency
    if not name.endswith(f":{currency}"):
        raise Problem.field(422, "wrong-name", "account", f"the name of this account ends in :{currency}")
    if question.limit is None and name.startswith(MEMBER):
        raise Problem.field(422, "limit-missing", "limit", "a member's account has a limit")
    if accounts.load(conn, [name]):
        raise _taken("account")
    limit = None if question.limit is None else Money.parse(question.limit, currency).nano
    conn.execute(
        insert(tables.accounts),
        {
            "account": name,
            "owner": question.owner,
            "currency": currency,
            "posted_nano": 0,
            "held_nano": 0,
            "limit_nano": limit,
            "opened_at": command.at,
        },
    )
    opened = conn.execute(select(tables.accounts).where(tables.accounts.c.account == name)).one()
    return Answer.of(201, accounts.state(opened))


def deposit(conn: Connection, command: Command, question: Deposit) -> Answer:
    """Money from ``issuer:<currency>``; the deposit is named after the command's key."""
    money, issuer = question.amount.money, f"issuer:{question.amount.currency}"
    before = accounts.load(conn, [issuer, question.account])
    if issuer not in before:
        raise Problem.field(422, "unknown-account", "amount.currency", f"the account {issuer} is not open")
    if question.account not in before:
        raise accounts.refused(Refusal.UNKNOWN_TARGET, "account")
    if before[question.account].currency != money.currency:
        raise accounts.refused(Refusal.TARGET_CURRENCY, "account")
    moved = [Transfer(f"deposit/{command.key}", issuer, question.account, money, "deposit")]
    accounts.post(conn, moved, before)
    chain.append(conn, moved, command.at)
    conn.execute(
        insert(tables.deposits),
        {"deposit": command.key, "account": question.account, "nano": money.nano, "at": command.at},
    )
    return Answer.of(
        201,
        DepositState(
            deposit=command.key,
            account=question.account,
            amount=Total.of(money.nano, money.currency),
            at=iso(command.at),
        ),
    )


def reserve(conn: Connection, command: Command, question: Reserve) -> Answer:
    """Hold money for a contract; 402 when the account's available balance would go below its limit."""
    money = question.amount.money
    account = accounts.load(conn, [question.account]).get(question.account)
    if account is None:
        raise accounts.refused(Refusal.UNKNOWN_SOURCE, "account")
    if account.currency != money.currency:
        raise accounts.refused(Refusal.SOURCE_CURRENCY, "amount.currency")
    if _reservation(conn, question.reservation) is not None:
        raise _taken("reservation")
    accounts.hold(conn, question.account, money.nano, "amount")
    expires = None if question.expires_at is None else instant(question.expires_at)
    conn.execute(
        _RESERVE,
        {
            "reservation": question.reservation,
            "account": question.account,
            "nano": money.nano,
            "contract": question.contract,
            "state": ReservationStatus.RESERVED.value,
            "at": command.at,
            "expires_at": expires,
            "closed_at": None,
        },
    )
    return Answer.of(
        201,
        ReservationState(
            reservation=question.reservation,
            account=question.account,
            contract=question.contract,
            amount=Total.of(money.nano, money.currency),
            state=ReservationStatus.RESERVED,
            at=iso(command.at),
            expires_at=question.expires_at,
            closed_at=None,
        ),
    )


def release(conn: Connection, command: Command, _question: Release, *, reservation: str) -> Answer:
    """Give a reservation's money back to its account."""
    row = _reservation(conn, reservation)
    if row is None:
        raise Problem.field(404, "unknown-reservation", "reservation", "no such reservation")
    _close(conn, row, ReservationStatus.RELEASED, command.at)
    return Answer.of(
        200,
        reservation_state(row).model_copy(
            update={"state": ReservationStatus.RELEASED, "closed_at": iso(command.at)}
        ),
    )


def settle(conn: Connection, command: Command, question: Settle) -> Answer:
    """All transfers at once, across currencies, drawing on the reservation; the rest of it is released."""
    if conn.execute(_SETTLEMENT, {"id": question.settlement}).first() is not None:
        raise _taken("settlement")
    moved = [leg.transfer(f"{question.settlement}/{n}") for n, leg in enumerate(question.transfers)]
    before = accounts.load(conn, {name for one in moved for name in (one.source, one.target)})
    row = _drawable(conn, question)
    drawn = None if row is None else _drawn(row, moved)
    if row is not None:
        _close(conn, row, ReservationStatus.SETTLED, command.at)
        if row.account in before:
            account = before[row.account]
            before[row.account] = replace(account, held=account.held - row.nano)
    accounts.post(conn, moved, before, "transfers.")
    conn.execute(
        _SETTLE,
        {
            "settlement": question.settlement,
            "contract": question.contract,
            "reservation": question.reservation,
            "at": command.at,
        },
    )
    chain.append(conn, moved, command.at, settlement=question.settlement, contract=question.contract)
    made = receipts.issue(conn, moved, question.settlement, question.contract, command.at)
    rest = None if row is None or drawn is None else Total.of(row.nano - drawn.money.nano, row.currency)
    return Answer.of(
        201,
        SettlementState(
            settlement=question.settlement,
            contract=question.contract,
            reservation=question.reservation,
            transfers=[one.id for one in moved],
            drawn=drawn,
            released=rest,
            receipts=made,
            at=iso(command.at),
        ),
    )


def reservation_state(row: Row[Any]) -> ReservationState:
    """A reservation as the wire shows it."""
    return ReservationState(
        reservation=row.reservation,
        account=row.account,
        amount=Total.of(row.nano, row.currency),
        contract=row.contract,
        state=row.state,
        at=iso(row.at),
        expires_at=None if row.expires_at is None else iso(row.expires_at),
        closed_at=None if row.closed_at is None else iso(row.closed_at),
    )


def _drawable(conn: Connection, question: Settle) -> Row[Any] | None:
    if question.reservation is None:
        return None
    row = _reservation(conn, question.reservation)
    if row is None:
        raise Problem.field(422, "unknown-reservation", "reservation", "no such reservation")
    if row.contract != question.contract:
        raise Problem.field(422, "wrong-contract", "contract", "the reservation is for another contract")
    return row


def _drawn(row: Row[Any], moved: Sequence[Transfer]) -> Total:
    drawn = sum(one.amount.nano for one in moved if one.source == row.account)
    if drawn > row.nano:
        reason = f"{Total.of(drawn, row.currency).value} out of {row.account} is more than was reserved"
        raise Problem.field(422, "exceeds-reservation", "transfers", reason)
    return Total.of(drawn, row.currency)


def _close(conn: Connection, row: Row[Any], state: ReservationStatus, at: int) -> None:
    if row.state != ReservationStatus.RESERVED:
        raise Problem.field(409, "reservation-closed", "reservation", f"the reservation is {row.state}")
    accounts.hold(conn, row.account, -row.nano, "reservation")
    conn.execute(_CLOSE, {"id": row.reservation, "state": state.value, "closed_at": at})


def _reservation(conn: Connection, reservation: str) -> Row[Any] | None:
    return conn.execute(_RESERVATION, {"id": reservation}).first()


def _taken(field: str) -> Problem:
    return Problem.field(409, "duplicate-id", field, f"this {field} exists already")


RESERVATIONS = select(r, tables.accounts.c.currency).join_from(r, tables.accounts)
_RESERVATION = RESERVATIONS.where(r.c.reservation == bindparam("id"))
_RESERVE = insert(r)
_SETTLE = insert(tables.settlements)
_SETTLEMENT = select(tables.settlements.c.at).where(tables.settlements.c.settlement == bindparam("id"))
_CLOSE = (
    update(r)
    .where(r.c.reservation == bindparam("id"))
    .values(state=bindparam("state"), closed_at=bindparam("closed_at"))
)
