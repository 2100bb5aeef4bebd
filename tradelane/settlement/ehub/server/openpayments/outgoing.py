"""Outgoing payments: a quote is paid as it was promised, all its legs in one set, or not at all."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import Money, iso
from tradelane.settlement import conversion
from tradelane.settlement.accounts import member_of
from tradelane.settlement.ehub.server import accounts, ledger, limits, members, receipts, tables
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.openpayments import events, incoming, quotes
from tradelane.settlement.ehub.server.openpayments.places import OUTGOING, QUOTES, WALLETS, Places, new_id
from tradelane.settlement.ehub.server.openpayments.tables import outgoing as t
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire_payments import AskOutgoing, Outgoing, Outgoings, Shown
from tradelane.settlement.ledger import Refusal, single
from tradelane.settlement.problem import Problem

MEMO = "payment"


def pay(
    conn: Connection, command: Command, question: AskOutgoing, *, asker: Caller, places: Places
) -> Answer:
    """Move the money of a quote, once, before it expires."""
    quote = quotes.mine(conn, places.read(QUOTES, question.quote_id, "quoteId"), asker, 422)
    if places.read(WALLETS, question.wallet_address, "walletAddress") != quote.wallet:
        raise Problem.field(422, "wrong-wallet", "walletAddress", "the quote is for another wallet")
    members.may_spend(conn, quote.wallet)
    _usable(conn, quote, command.at)
    invoice = None if quote.incoming is None else incoming.find(conn, quote.incoming)
    if invoice is not None:
        incoming.open_for(invoice, command.at)
        incoming.room_for(invoice, quote.receive_nano)
    row = {
        "id": new_id(OUTGOING, command),
        "quote": quote.id,
        "member": member_of(quote.wallet),
        "metadata": json.dumps(question.metadata, ensure_ascii=False),
        "at": command.at,
    }
    made = conn.execute(insert(t).returning(t), row).one()
    limits.spend(conn, quote.wallet, Money(quote.debit_nano, quote.sell), command.at, "quoteId")
    _move(conn, quote, f"payment/{made.id}", command.at)
    if invoice is not None:
        incoming.take(conn, invoice, quote.receive_nano, command.at, places)
    paid = shown(made, quote, places)
    events.write(conn, [(made.member, events.PAID, paid)], command.at)
    return Answer.of(201, paid)


def mine(conn: Connection, id: str, asker: Caller, places: Places) -> Outgoing:
    """The asker's; Problem 404 for another member's too."""
    row = conn.execute(_BY_ID, {"id_": id}).first()
    if row is None or not (asker.is_operator or row.member == asker.member):
        raise Problem.field(404, "unknown-payment", "id", "no such outgoing payment")
    return shown(row, quotes.mine(conn, row.quote, asker), places)


def listed(conn: Connection, asker: Caller, after: int, limit: int, places: Places) -> Outgoings:
    """The asker's, oldest first."""
    query = select(t).where(t.c.seq > after).order_by(t.c.seq).limit(limit + 1)
    if not asker.is_operator:
        query = query.where(t.c.member == asker.member)
    rows = conn.execute(query).all()
    items = [shown(row, quotes.mine(conn, row.quote, asker), places) for row in rows[:limit]]
    return Outgoings(result=items, next=str(rows[limit - 1].seq) if len(rows) > limit else None)


def shown(row: Row[Any], quote: Row[Any], places: Places) -> Outgoing:
    """As the wire shows it."""
    debited = Shown.of(quote.debit_nano, quote.sell)
    return Outgoing(
        id=places.of_resource(OUTGOING, row.id),
        wallet_address=places.of_resource(WALLETS, quote.wallet),
        quote_id=places.of_resource(QUOTES, quote.id),
        receiver=quotes.receiver(quote, places),
        debit_amount=debited,
        receive_amount=Shown.of(quote.receive_nano, quote.buy),
        sent_amount=debited,
        fee=Shown.of(quote.fee_nano, quote.sell),
        metadata=json.loads(row.metadata),
        created_at=iso(row.at),
    )


def _usable(conn: Connection, quote: Row[Any], at: int) -> None:
    if conn.execute(_OF_QUOTE, {"quote_": quote.id}).first() is not None:
        raise Problem.field(409, "quote-used", "quoteId", "this quote was paid")
    if quote.expires_at <= at:
        reason = f"this quote was good until {iso(quote.expires_at)}"
        raise Problem.field(409, "quote-expired", "quoteId", reason)


def _move(conn: Connection, quote: Row[Any], settlement: str, at: int) -> None:
    """Both legs and the fee as one linked set of the ledger, with a receipt for each side."""
    moved = conversion.transfers(quotes.conversion(quote), settlement, quote.wallet, quote.receiver, MEMO)
    conn.execute(insert(tables.settlements), {"settlement": settlement, "contract": settlement, "at": at})
    ordered = [single(one, linked=one is not moved[-1]) for one in moved]
    for outcome in ledger.execute(conn, ordered, at, settlement=settlement, contract=settlement):
        if outcome.refusal not in (None, Refusal.LINKED):
            raise _refused(outcome.refusal)
    receipts.issue(conn, moved, settlement, settlement, at)


def _refused(refusal: Refusal) -> Problem:
    short = refusal is Refusal.INSUFFICIENT_FUNDS
    return accounts.refused(refusal, "walletAddress" if short else "quoteId")


_BY_ID = select(t).where(t.c.id == bindparam("id_"))
_OF_QUOTE = select(t.c.id).where(t.c.quote == bindparam("quote_"))
