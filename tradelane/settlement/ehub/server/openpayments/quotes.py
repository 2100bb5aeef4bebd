"""Quotes: what a payment will cost and bring, promised for a while at the rate of the moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select

from tradelane.market.units import MINUTE, Money, iso
from tradelane.settlement.conversion import Conversion, Rate, of_debit, of_receive
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.openpayments import incoming, rates, wallets
from tradelane.settlement.ehub.server.openpayments.places import INCOMING, QUOTES, WALLETS, Places, new_id
from tradelane.settlement.ehub.server.openpayments.tables import quotes as t
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire_payments import AskQuote, Conditions, Quote, Shown
from tradelane.settlement.problem import Problem

LIFE_MS = 5 * MINUTE
FeePpm = Callable[[Connection, str, int], int]
"""The platform's share, of a debit from this wallet at this time (ms)."""


def free(_conn: Connection, _wallet: str, _at: int) -> int:
    """No fee."""
    return 0


def ask(
    conn: Connection, command: Command, question: AskQuote, *, asker: Caller, places: Places, fee: FeePpm
) -> Answer:
    """Promise the amounts of a payment."""
    wallet = places.read(WALLETS, question.wallet_address, "walletAddress")
    sell = wallets.own(conn, asker, wallet, "walletAddress")
    receiver, invoice = _receiver(conn, places, question.receiver)
    if receiver == wallet:
        raise Problem.field(422, "same-account", "receiver", "the wallet cannot pay itself")
    if invoice is not None:
        incoming.open_for(invoice, command.at)
    rate, until = rates.current(conn, sell, wallets.known(conn, receiver, "receiver"), command.at)
    made = _conversion(question, rate, invoice, fee(conn, wallet, command.at))
    if invoice is not None:
        incoming.room_for(invoice, made.receive)
        until = min(until, invoice.expires_at or until)
    row = {
        "id": new_id(QUOTES, command),
        "wallet": wallet,
        "receiver": receiver,
        "incoming": None if invoice is None else invoice.id,
        "sell": rate.sell,
        "buy": rate.buy,
        "mid_nano": rate.mid_nano,
        "spread_ppm": rate.spread_ppm,
        "debit_nano": made.debit,
        "fee_nano": made.fee,
        "receive_nano": made.receive,
        "expires_at": min(command.at + LIFE_MS, until),
        "at": command.at,
    }
    return Answer.of(201, shown(conn.execute(insert(t).returning(t), row).one(), places))


def mine(conn: Connection, id: str, asker: Caller, status: int = 404) -> Row[Any]:
    """The asker's; Problem for another member's too."""
    row = conn.execute(_BY_ID, {"id_": id}).first()
    if row is None or not wallets.may_use(asker, row.wallet):
        raise Problem.field(status, "unknown-quote", "id" if status == 404 else "quoteId", "no such quote")
    return row


def conversion(row: Row[Any]) -> Conversion:
    """What was promised."""
    rate = Rate(row.sell, row.buy, row.mid_nano, row.spread_ppm)
    return Conversion(rate, row.debit_nano, row.fee_nano, row.receive_nano)


def receiver(row: Row[Any], places: Places) -> str:
    """The URL of who or what is paid."""
    kind, id = (WALLETS, row.receiver) if row.incoming is None else (INCOMING, row.incoming)
    return places.of_resource(kind, id)


def shown(row: Row[Any], places: Places) -> Quote:
    """As the wire shows it."""
    made = conversion(row)
    conditions = None
    if row.sell != row.buy:
        mid = str(Money(row.mid_nano, row.buy))
        spread = Shown.of(made.spread, row.buy)
        conditions = Conditions(mid=mid, spread_ppm=row.spread_ppm, spread=spread)
    return Quote(
        id=places.of_resource(QUOTES, row.id),
        wallet_address=places.of_resource(WALLETS, row.wallet),
        receiver=receiver(row, places),
        debit_amount=Shown.of(row.debit_nano, row.sell),
        receive_amount=Shown.of(row.receive_nano, row.buy),
        fee=Shown.of(row.fee_nano, row.sell),
        rate=conditions,
        created_at=iso(row.at),
        expires_at=iso(row.expires_at),
    )


def _receiver(conn: Connection, places: Places, place: str) -> tuple[str, Row[Any] | None]:
    """The wallet that is paid, and the incoming payment where one was named."""
    id = places.inside(INCOMING, place)
    if id is None:
        return places.read(WALLETS, place, "receiver"), None
    invoice = incoming.find(conn, id)
    if invoice is None:
        raise Problem.field(422, "unknown-payment", "receiver", "no such incoming payment")
    return invoice.wallet, invoice


def _conversion(question: AskQuote, rate: Rate, invoice: Row[Any] | None, fee_ppm: int) -> Conversion:
    debit, receive = question.debit_amount, question.receive_amount
    for field, amount, currency in (("debit", debit, rate.sell), ("receive", receive, rate.buy)):
        if amount is not None and amount.asset_code != currency:
            raise incoming.wrong_currency(f"{field}Amount.assetCode", currency)
    if debit is not None:
        made = of_debit(debit.money.nano, rate, fee_ppm)
    else:
        left = None if invoice is None else incoming.remaining(invoice)
        nano = left if receive is None else receive.money.nano
        if nano is None:
            reason = "say what is debited or what is received: the receiver does not"
            raise Problem.field(422, "amount-missing", "receiveAmount", reason)
        made = of_receive(nano, rate, fee_ppm)
    if not made.possible:
        reason = "nothing would arrive, or too much to keep"
        raise Problem.field(422, "amount-out-of-range", "debitAmount", reason)
    return made


_BY_ID = select(t).where(t.c.id == bindparam("id_"))
