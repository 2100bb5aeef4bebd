"""Credits the bank has told of, booked once by the bank's own id of them.

Always true: what the bank has told of stands on a member's account or on ``unallocated:<currency>``, and
comes from ``bank:<currency>``. A notification is booked whole or not at all.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from tradelane.market.units import iso
from tradelane.settlement.ehub.server import accounts
from tradelane.settlement.ehub.server.bank.booking import book, hub_account, next_number
from tradelane.settlement.ehub.server.bank.tables import credits
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.payments import MEMBER
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_bank import BankCredit, BankNotification, CreditState, NotificationAnswer
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.problem import Problem


def take(conn: Connection, command: Command, question: BankNotification) -> Answer:
    """Book what is new; 409 when an entry was told of before with another amount."""
    booked = []
    for one in question.credits:
        if not _known(conn, one):
            booked.append(_book(conn, command, one))
    repeated = len(question.credits) - len(booked)
    return Answer.of(201, NotificationAnswer(booked=booked, repeated=repeated))


def listed(conn: Connection, after: int, limit: int, matched: bool | None) -> Page[CreditState]:
    asked = select(credits).where(credits.c.seq > after).order_by(credits.c.seq).limit(limit + 1)
    rows = conn.execute(asked if matched is None else asked.where(credits.c.matched == matched)).all()
    items = [_state(row) for row in rows[:limit]]
    return Page(items=items, next=str(items[-1].seq) if len(rows) > limit else None)


def _known(conn: Connection, one: BankCredit) -> bool:
    same = (credits.c.bank_account == one.bank_account, credits.c.entry == one.entry)
    row = conn.execute(select(credits).where(*same)).first()
    if row is not None and (row.nano, row.currency) != (one.amount.money.nano, one.amount.currency):
        reason = f"the bank told of {one.entry} before, with another amount"
        raise Problem.field(409, "duplicate-id", "AcctSvcrRef", reason)
    return row is not None


def _book(conn: Connection, command: Command, one: BankCredit) -> CreditState:
    money = one.amount.money
    source = hub_account(conn, command, "bank", money.currency)
    named = _named(conn, one)
    target = named or hub_account(conn, command, "unallocated", money.currency)
    number = next_number(conn, credits.c.seq)
    book(conn, Transfer(f":credit/{number}", source, target, money, "credit", one.entry), command.at, "Amt")
    row = {
        "seq": number,
        "bank_account": one.bank_account,
        "entry": one.entry,
        "currency": money.currency,
        "nano": money.nano,
        "account": target,
        "matched": named is not None,
        "reference": " ".join(one.references),
        "at": command.at,
    }
    conn.execute(insert(credits), row)
    return _state(conn.execute(select(credits).where(credits.c.seq == number)).one())


def _named(conn: Connection, one: BankCredit) -> str | None:
    """The one member's account in this currency that the references name; None for none or several."""
    words = {word for word in one.references if word.startswith(MEMBER)}
    found = [
        name
        for name, account in accounts.load(conn, words).items()
        if account.currency == one.amount.currency
    ]
    return found[0] if len(found) == 1 else None


def _state(row: Row[Any]) -> CreditState:
    return CreditState(
        seq=row.seq,
        bank_account=row.bank_account,
        entry=row.entry,
        amount=Total.of(row.nano, row.currency),
        account=row.account,
        matched=row.matched,
        references=row.reference,
        at=iso(row.at),
    )
