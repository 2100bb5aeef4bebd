"""What a payment over the road costs: asked for a payer here, answered by the payee's hub.

Always true: a quote is answered once, and used by one payment at most, at both hubs.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tradelane.market.units import Money, instant, iso
from tradelane.settlement import ilp
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server import accounts
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.payments import MEMBER
from tradelane.settlement.ehub.server.road import channel, peers, signing
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import quotes as t
from tradelane.settlement.ehub.wire import PositiveAmount, Total
from tradelane.settlement.ehub.wire_road import AskQuote, QuoteAnswer
from tradelane.settlement.problem import Problem
from tradelane.settlement.road import QUOTE, AmountType, QuoteState, Terms, terms


def ask(conn: Connection, command: Command, question: AskQuote) -> Answer:
    """POST /road/quotes: for a member here, of the hub of a member there."""
    peers.able(conn, question.peer)
    if by_id(conn, question.quote) is not None:
        raise Problem.field(409, "duplicate-id", "quote", "this quote exists already")
    account = accounts.load(conn, [question.account]).get(question.account)
    if account is None or not question.account.startswith(MEMBER):
        raise Problem.field(422, "unknown-account", "account", "no such member's account")
    sends = question.amount_type is AmountType.SEND
    if sends and question.amount.currency != account.currency:
        raise Problem.field(422, "currency-mismatch", "amount", "the account is kept in another currency")
    fixed = {"send_nano" if sends else "receive_nano": question.amount.money.nano}
    row = {
        "peer": question.peer,
        "outgoing": True,
        "quote": question.quote,
        "state": QuoteState.ASKED.value,
        "account": question.account,
        "payee": question.payee,
        "send_currency": account.currency,
        "receive_currency": question.payee.rpartition(":")[2],
        "at": command.at,
    }
    conn.execute(insert(t), row | fixed)
    body = said.Quote(
        quote=question.quote,
        currency=account.currency,
        payee=question.payee,
        amount=question.amount,
        amount_type=question.amount_type,
    )
    channel.write(conn, question.peer, body, command.at)
    return Answer.of(202, _required(conn, question.peer, question.quote))


def priced(conn: Connection, road: Road, peer: str, body: said.Quote, at: int) -> None:
    """Handles ``quote``: our price, or why there is none."""
    try:
        found = _price(conn, road, peer, body)
    except Refused as why:
        channel.write(conn, peer, said.QuoteRefused(quote=body.quote, error=channel.information(why)), at)
        return
    fulfilment = fulfilment_of(road, peer, body.quote)
    row = {
        "peer": peer,
        "outgoing": False,
        "quote": body.quote,
        "state": QuoteState.QUOTED.value,
        "payee": body.payee,
        **_columns(found),
        "spread_ppm": _spread(road, found),
        "condition": ilp.condition_of(fulfilment),
        "expires_at": at + road.quote_ms,
        "at": at,
    }
    conn.execute(insert(t), row)
    quoted = said.Quoted(
        quote=body.quote,
        send=_amount(found.send),
        fee=str(found.fee),
        receive=_amount(found.receive),
        spread_ppm=row["spread_ppm"],
        condition=row["condition"],
        expiration=iso(row["expires_at"]),
    )
    channel.write(conn, peer, quoted, at)


def _price(conn: Connection, road: Road, peer: str, body: said.Quote) -> Terms:
    if find(conn, peer, body.quote, outgoing=False) is not None:
        raise Refused(Fault.MODIFIED, f"quote {body.quote} was asked before")
    payee = accounts.load(conn, [body.payee]).get(body.payee)
    if payee is None or not body.payee.startswith(MEMBER):
        raise Refused(Fault.PARTY, body.payee)
    fixed = payee.currency if body.amount_type is AmountType.RECEIVE else body.currency
    if body.amount.currency != fixed:
        raise Refused(Fault.PAYEE_CURRENCY, body.amount.currency)
    found = terms(body.amount.money, body.amount_type, body.currency, payee.currency, road.prices)
    if found is None:
        raise Refused(Fault.PAYEE_REJECTED_QUOTE, f"no rate from {body.currency} to {payee.currency}")
    return found


def taken(conn: Connection, _road: Road, peer: str, body: said.Quoted, _at: int) -> None:
    """Handles ``quoted``: kept when it is what was asked for."""
    row = _asked(conn, peer, body.quote)
    found = Terms(body.send.money, Money.parse(body.fee, body.send.currency), body.receive.money)
    values = _columns(found)
    asked = {name: getattr(row, name) for name in values}
    if any(was is not None and was != values[name] for name, was in asked.items()) or found.fee.nano < 0:
        why = channel.information(Refused(Fault.PAYEE_REJECTED_QUOTE, "it quoted what was not asked"))
        _move(conn, row, QuoteState.REFUSED, {"error": why.model_dump_json()})
        return
    values |= {
        "spread_ppm": body.spread_ppm,
        "condition": body.condition,
        "expires_at": instant(body.expiration),
    }
    _move(conn, row, QuoteState.QUOTED, values)


def refused(conn: Connection, _road: Road, peer: str, body: said.QuoteRefused, _at: int) -> None:
    """Handles ``quote-refused``."""
    error = body.error.model_dump_json()
    _move(conn, _asked(conn, peer, body.quote), QuoteState.REFUSED, {"error": error})


def use(conn: Connection, row: Row[Any]) -> None:
    """From now on the quote is used up."""
    _move(conn, row, QuoteState.USED, {})


def fulfilment_of(road: Road, peer: str, quote: str) -> str:
    """The secret that fulfils the condition of our quote; only this hub can tell it."""
    return signing.text(signing.secret(road.key, "fulfilment", peer, quote))


def terms_of(row: Row[Any]) -> Terms:
    """What a quote or a payment says."""
    return Terms(
        Money(row.send_nano, row.send_currency),
        Money(row.fee_nano, row.send_currency),
        Money(row.receive_nano, row.receive_currency),
    )


def find(conn: Connection, peer: str, quote: str, *, outgoing: bool) -> Row[Any] | None:
    place = (t.c.peer == peer) & (t.c.outgoing == outgoing) & (t.c.quote == quote)
    return conn.execute(select(t).where(place)).one_or_none()


def by_id(conn: Connection, quote: str) -> Row[Any] | None:
    """A quote asked here, of whichever peer."""
    return conn.execute(select(t).where(t.c.outgoing, t.c.quote == quote)).one_or_none()


def answer(row: Row[Any]) -> QuoteAnswer:
    """A quote as the wire shows it."""

    def total(nano: int | None, currency: str) -> Total | None:
        return None if nano is None else Total.of(nano, currency)

    return QuoteAnswer(
        quote=row.quote,
        peer=row.peer,
        account=row.account,
        payee=row.payee,
        state=row.state,
        send=total(row.send_nano, row.send_currency),
        fee=total(row.fee_nano, row.send_currency),
        receive=total(row.receive_nano, row.receive_currency),
        spread_ppm=row.spread_ppm,
        expires_at=None if row.expires_at is None else iso(row.expires_at),
        error=None if row.error is None else json.loads(row.error),
        at=iso(row.at),
    )


def _asked(conn: Connection, peer: str, quote: str) -> Row[Any]:
    row = find(conn, peer, quote, outgoing=True)
    if row is None:
        raise Refused(Fault.QUOTE, quote)
    if row.state != QuoteState.ASKED:
        raise Refused(Fault.MODIFIED, f"quote {quote} was answered before")
    return row


def _move(conn: Connection, row: Row[Any], state: QuoteState, values: dict[str, Any]) -> None:
    assert state in QUOTE[QuoteState(row.state)], (row.state, state)
    place = (t.c.peer == row.peer) & (t.c.outgoing == row.outgoing) & (t.c.quote == row.quote)
    conn.execute(update(t).where(place).values(state=state.value, **values))


def _columns(found: Terms) -> dict[str, Any]:
    return {
        "send_currency": found.send.currency,
        "send_nano": found.send.nano,
        "fee_nano": found.fee.nano,
        "receive_currency": found.receive.currency,
        "receive_nano": found.receive.nano,
    }


def _spread(road: Road, found: Terms) -> int:
    return 0 if found.send.currency == found.receive.currency else road.prices.spread_ppm


def _amount(money: Money) -> PositiveAmount:
    return PositiveAmount(currency=money.currency, value=str(money))


def _required(conn: Connection, peer: str, quote: str) -> QuoteAnswer:
    row = find(conn, peer, quote, outgoing=True)
    assert row is not None
    return answer(row)
