"""Accounts, deposits, reservations and settlements: what each command does inside its transaction.

Always true: money only moves by transfers between two accounts; a reservation is settled or released, never
both, never twice; a settlement's transfers all happen or none does. Refusals are Problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import Money, iso
from tradelane.settlement.ehub.server import accounts, ledger, limits, platform, receipts, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.inspection import freezing
from tradelane.settlement.ehub.wire import (
    Deposit,
    DepositState,
    OpenAccount,
    Release,
    ReservationState,
    ReservationStatus,
    Settle,
    SettlementState,
    Total,
)
from tradelane.settlement.ledger import (
    Entry,
    Outcome,
    Phase,
    Refusal,
    Result,
    Transfer,
    post,
    single,
    void,
)
from tradelane.settlement.problem import Problem

MEMBER = "member:"
RELEASED = "release/"
"""How the entries that let go of a reservation whole are named."""
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
    before = accounts.load(conn, [issuer])
    if issuer not in before:
        raise Problem.field(422, "unknown-account", "amount.currency", f"the account {issuer} is not open")
    moved = Transfer(f"deposit/{command.key}", issuer, question.account, money, "deposit")
    refused = _refusal(ledger.execute(conn, [single(moved)], command.at))
    if refused is not None:
        field = "account" if refused[1].field == "target" else refused[1].field
        raise accounts.refused(refused[1], field)
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


def release(conn: Connection, command: Command, _question: Release, *, reservation: str) -> Answer:
    """Give a reservation's money back to its account."""
    row = _reservation(conn, reservation)
    if row is None:
        raise Problem.field(404, "unknown-reservation", "reservation", "no such reservation")
    freezing.check(conn, row.contract)
    ledger.expire(conn, command.at)
    row = _open(_reservation(conn, reservation))
    given = void(f"{RELEASED}{reservation}", row.entry, kind="release")
    ledger.execute(conn, [given], command.at, contract=row.contract)
    limits.give_back(conn, row, row.nano)
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
    freezing.check(conn, question.contract)
    moved = [leg.transfer(f"{question.settlement}/{n}") for n, leg in enumerate(question.transfers)]
    ledger.expire(conn, command.at)
    row = _drawable(conn, question)
    drawn = None if row is None else _drawn(row, moved)
    conn.execute(
        _SETTLE,
        {
            "settlement": question.settlement,
            "contract": question.contract,
            "reservation": question.reservation,
            "at": command.at,
        },
    )
    levied = platform.levied(conn, moved, question.settlement, question.contract, command.at)
    _commit(conn, question, row, moved, levied.fees, command.at)
    if row is not None and drawn is not None:
        limits.give_back(conn, row, row.nano - drawn.money.nano)
    every = [*moved, *levied.fees]
    made = receipts.issue(conn, every, question.settlement, question.contract, command.at, levied.memos)
    rest = None if row is None or drawn is None else Total.of(row.nano - drawn.money.nano, row.currency)
    return Answer.of(
        201,
        SettlementState(
            settlement=question.settlement,
            contract=question.contract,
            reservation=question.reservation,
            transfers=[one.id for one in every],
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
    return _open(row)


def _commit(
    conn: Connection, question: Settle, row: Row[Any] | None, moved: Sequence[Transfer],
    fees: Sequence[Transfer], at: int,
) -> None:  # fmt: skip
    """One linked set: what the reservation's account pays is posted out of what it holds, the rest of it let
    go, and all other transfers made; last what the platform takes."""
    ordered = [_leg(row, one) for one in moved]
    if row is not None and not any(one.phase is Phase.POST for one in ordered):
        ordered.append(void(f"{RELEASED}{row.reservation}", row.entry, kind="release"))
    ordered += [single(one) for one in fees]
    linked = [one._replace(linked=True) for one in ordered[:-1]] + ordered[-1:]
    refused = _refusal(
        ledger.execute(conn, linked, at, settlement=question.settlement, contract=question.contract)
    )
    if refused is not None:
        raise accounts.refused(refused[1], f"transfers.{refused[0]}.{refused[1].field}")


def _leg(row: Row[Any] | None, one: Transfer) -> Entry:
    if row is None or one.source != row.account:
        return single(one)
    return post(one.id, row.entry, one.amount, target=one.target, kind=one.kind, memo=one.memo)


def _refusal(outcomes: Sequence[Outcome]) -> tuple[int, Refusal] | None:
    """The place and the reason of the entry at fault. An id that has its effect already is taken."""
    for index, one in enumerate(outcomes):
        if one.result is Result.EXISTS:
            return index, Refusal.DUPLICATE_ID
        if one.refusal not in (None, Refusal.LINKED):
            return index, one.refusal
    return None


def _drawn(row: Row[Any], moved: Sequence[Transfer]) -> Total:
    drawn = sum(one.amount.nano for one in moved if one.source == row.account)
    if drawn > row.nano:
        reason = f"{Total.of(drawn, row.currency).value} out of {row.account} is more than was reserved"
        raise Problem.field(422, "exceeds-reservation", "transfers", reason)
    return Total.of(drawn, row.currency)


def _open(row: Row[Any] | None) -> Row[Any]:
    assert row is not None
    if row.state != ReservationStatus.RESERVED:
        raise Problem.field(409, "reservation-closed", "reservation", f"the reservation is {row.state}")
    return row


def _reservation(conn: Connection, reservation: str) -> Row[Any] | None:
    return conn.execute(_RESERVATION, {"id": reservation}).first()


def _taken(field: str) -> Problem:
    return Problem.field(409, "duplicate-id", field, f"this {field} exists already")


RESERVATIONS = select(r)
_RESERVATION = RESERVATIONS.where(r.c.reservation == bindparam("id"))
_SETTLE = insert(tables.settlements)
_SETTLEMENT = select(tables.settlements.c.at).where(tables.settlements.c.settlement == bindparam("id"))
