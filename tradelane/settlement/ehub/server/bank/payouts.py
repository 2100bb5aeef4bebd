"""Payouts: money that leaves a member's account for a bank, gathered in files (pain.001).

Always true: a payout's money stands on ``payout:<currency>`` from the moment it is ordered; each payout is in
at most one batch, and a batch's file is always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tradelane.market.units import Money, iso
from tradelane.settlement.ehub.server import accounts, limits
from tradelane.settlement.ehub.server.bank import xml
from tradelane.settlement.ehub.server.bank.booking import book, hub_account, next_number
from tradelane.settlement.ehub.server.bank.tables import batches, payouts
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.payments import MEMBER
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_bank import BatchState, MakeBatch, OrderPayout, PayoutState
from tradelane.settlement.ledger import Transfer
from tradelane.settlement.minor_units import payable
from tradelane.settlement.problem import Problem

MOST_PAYOUTS = 10_000
"""In one file; the next file takes the rest."""


def order(conn: Connection, command: Command, question: OrderPayout) -> Answer:
    """Take the money; 402 when the account's available balance would go below its limit."""
    money = payable(question.amount.money)
    if not money.nano:
        raise Problem.field(422, "not-payable", "amount.value", "less than the currency's minor unit")
    if not question.account.startswith(MEMBER):
        raise Problem.field(422, "not-a-member", "account", "only a member's account is paid out")
    if not accounts.load(conn, [question.account]):
        raise Problem.field(422, "unknown-account", "account", "no such account")
    limits.spend(conn, question.account, money, command.at, "amount")
    number = next_number(conn, payouts.c.payout)
    target = hub_account(conn, command, "payout", money.currency)
    moved = Transfer(f":payout/{number}", question.account, target, money, "payout", question.end_to_end)
    book(conn, moved, command.at, "account")
    conn.execute(
        insert(payouts),
        {
            "payout": number,
            **question.model_dump(exclude={"amount"}),
            "currency": money.currency,
            "nano": money.nano,
            "batch": None,
            "at": command.at,
        },
    )
    return Answer.of(201, _state(conn.execute(select(payouts).where(payouts.c.payout == number)).one()))


def listed(conn: Connection, after: int, limit: int) -> Page[PayoutState]:
    rows = conn.execute(
        select(payouts).where(payouts.c.payout > after).order_by(payouts.c.payout).limit(limit + 1)
    ).all()
    items = [_state(row) for row in rows[:limit]]
    return Page(items=items, next=str(items[-1].payout) if len(rows) > limit else None)


def make_batch(conn: Connection, command: Command, question: MakeBatch) -> Answer:
    """Put the waiting payouts of a currency in a new batch; 409 when none waits."""
    waiting = (
        select(payouts.c.payout)
        .where(payouts.c.batch.is_(None), payouts.c.currency == question.currency)
        .order_by(payouts.c.payout)
        .limit(MOST_PAYOUTS)
    )
    chosen = [number for (number,) in conn.execute(waiting)]
    if not chosen:
        raise Problem.field(409, "nothing-to-pay", "currency", "no payout of this currency waits")
    number = next_number(conn, batches.c.batch)
    conn.execute(insert(batches), {"batch": number, **question.model_dump(), "at": command.at})
    conn.execute(
        update(payouts)
        .where(payouts.c.batch.is_(None), payouts.c.currency == question.currency)
        .where(payouts.c.payout <= chosen[-1])
        .values(batch=number)
    )
    total = Total.of(sum(row.nano for row in _of(conn, number)), question.currency)
    return Answer.of(201, BatchState(batch=number, payouts=len(chosen), total=total, at=iso(command.at)))


def file(conn: Connection, batch: int) -> bytes:
    """The batch as pain.001.001.12; Problem 404."""
    row = conn.execute(select(batches).where(batches.c.batch == batch)).first()
    if row is None:
        raise Problem.field(404, "unknown-batch", "batch", "no such batch")
    paid = _of(conn, batch)
    root = xml.document("pain.001.001.12")
    body = xml.add(root, "CstmrCdtTrfInitn")
    header = xml.add(body, "GrpHdr")
    xml.add(header, "MsgId", f"BATCH-{batch}")
    xml.add(header, "CreDtTm", xml.moment(row.at))
    _add_sums(header, row.currency, paid)
    xml.add(header, "InitgPty/Nm", row.debtor)
    payment = xml.add(body, "PmtInf")
    xml.add(payment, "PmtInfId", f"BATCH-{batch}")
    xml.add(payment, "PmtMtd", "TRF")
    _add_sums(payment, row.currency, paid)
    xml.add(payment, "ReqdExctnDt/Dt", iso(row.at)[:10])
    xml.add(payment, "Dbtr/Nm", row.debtor)
    account = xml.add(payment, "DbtrAcct")
    xml.add(account, "Id/IBAN", row.iban)
    xml.add(account, "Ccy", row.currency)
    agent = xml.add(payment, "DbtrAgt/FinInstnId")
    xml.add(agent, *(("BICFI", row.bic) if row.bic else ("Othr/Id", "NOTPROVIDED")))
    for one in paid:
        _add_payout(payment, one)
    return xml.written(root)


def _add_sums(parent: xml.Element, currency: str, paid: Sequence[Row[Any]]) -> None:
    xml.add(parent, "NbOfTxs", str(len(paid)))
    xml.add(parent, "CtrlSum", str(Money(sum(one.nano for one in paid), currency)))


def _add_payout(payment: xml.Element, one: Row[Any]) -> None:
    entry = xml.add(payment, "CdtTrfTxInf")
    ids = xml.add(entry, "PmtId")
    xml.add(ids, "InstrId", f"PAYOUT-{one.payout}")
    xml.add(ids, "EndToEndId", one.end_to_end)
    xml.add_amount(entry, "Amt/InstdAmt", Money(one.nano, one.currency))
    xml.add(entry, "Cdtr/Nm", one.creditor)
    xml.add(entry, "CdtrAcct/Id/IBAN", one.iban)


def _of(conn: Connection, batch: int) -> Sequence[Row[Any]]:
    return conn.execute(select(payouts).where(payouts.c.batch == batch).order_by(payouts.c.payout)).all()


def _state(row: Row[Any]) -> PayoutState:
    return PayoutState(
        payout=row.payout,
        account=row.account,
        amount=Total.of(row.nano, row.currency),
        creditor=row.creditor,
        iban=row.iban,
        end_to_end=row.end_to_end,
        batch=row.batch,
        at=iso(row.at),
    )
