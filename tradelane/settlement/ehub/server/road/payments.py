"""A payment over the road, at the payer's hub and at the payee's.

Always true: money is held at both hubs before it moves at either; the payee's hub ends a payment once, and
the payer's hub follows; an end, its entry's number and the message that tells of it are one transaction.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tradelane.market.units import instant, iso
from tradelane.settlement import ilp
from tradelane.settlement.ehub import wire_road_messages as said
from tradelane.settlement.ehub.server import accounts, members
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.road import channel, holds, peers, quotes
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.road.tables import payments as t
from tradelane.settlement.ehub.server.road.tables import peers as p
from tradelane.settlement.ehub.wire import Page, Total
from tradelane.settlement.ehub.wire_road import EndPayment, PaymentState, SendPayment
from tradelane.settlement.fspiop_states import TransferEvent, TransferState, after
from tradelane.settlement.problem import Problem
from tradelane.settlement.road import PAYEE_HUB, PAYER_HUB, QuoteState, Release

LONGEST_MS = 31 * 86_400_000
ASK_AGAIN_MS = 60_000
MOST_AT_ONCE = 500


def send(conn: Connection, command: Command, question: SendPayment, *, road: Road) -> Answer:
    """POST /road/transfers at the payer's hub: hold the payer's money and tell the peer to prepare."""
    at, expires_at = command.at, instant(question.expires_at)
    quote = quotes.by_id(conn, question.quote)
    if quote is None:
        raise Problem.field(422, "unknown-quote", "quote", "no such quote")
    if quote.state != QuoteState.QUOTED or quote.expires_at <= at:
        why = "has expired" if quote.state == QuoteState.QUOTED else f"is {quote.state}"
        raise Problem.field(409, "quote-not-open", "quote", f"this quote {why}")
    if not at + road.margin_ms < expires_at <= at + LONGEST_MS:
        reason = f"must be more than {road.margin_ms} ms and at most 31 days ahead"
        raise Problem.field(422, "expires-too-soon", "expires_at", reason)
    if find(conn, question.transfer) is not None:
        raise Problem.field(409, "duplicate-id", "transfer", "this transfer exists already")
    peers.able(conn, quote.peer)
    members.may_spend(conn, quote.account)
    row = _insert(conn, quote, question.transfer, quote.account, question, expires_at, at)
    refusal = holds.hold(conn, row, at)
    if refusal is not None:
        raise accounts.refused(refusal, "quote")
    quotes.use(conn, quote)
    body = said.Prepare(
        transfer=question.transfer,
        quote=question.quote,
        expiration=iso(expires_at - road.margin_ms),
        release=question.release,
        memo=question.memo,
    )
    channel.write(conn, quote.peer, body, at)
    return Answer.of(202, state(row))


def prepared(conn: Connection, road: Road, peer: str, body: said.Prepare, at: int) -> None:
    """Handles ``prepare`` at the payee's hub: hold both legs, and fulfil unless it is to wait."""
    if find(conn, incoming(peer, body.transfer)) is not None:
        raise Refused(Fault.MODIFIED, body.transfer)
    quote = quotes.find(conn, peer, body.quote, outgoing=False)
    try:
        with conn.begin_nested():
            row = _hold(conn, quote, body, at)
    except Refused as why:
        abort = said.Abort(transfer=body.transfer, error=channel.information(why))
        channel.write(conn, peer, abort, at)
    else:
        if row.release == Release.AT_ONCE:
            _commit(conn, road, row, at)
    if quote is not None and quote.state == QuoteState.QUOTED:
        quotes.use(conn, quote)


def _hold(conn: Connection, quote: Row[Any] | None, body: said.Prepare, at: int) -> Row[Any]:
    if quote is None or quote.state != QuoteState.QUOTED:
        raise Refused(Fault.QUOTE, body.quote)
    if quote.expires_at <= at:
        raise Refused(Fault.QUOTE_EXPIRED, body.quote)
    expires_at = instant(body.expiration)
    if not at < expires_at <= at + LONGEST_MS:
        raise Refused(Fault.TRANSFER_EXPIRED, "expiration")
    id = incoming(quote.peer, body.transfer)
    row = _insert(conn, quote, id, quote.payee, body, expires_at, at)
    refusal = holds.hold(conn, row, at)
    if refusal is not None:
        raise Refused(Fault.LIQUIDITY, refusal.reason)
    return row


def fulfil(conn: Connection, command: Command, _question: EndPayment, *, road: Road, transfer: str) -> Answer:
    """POST /road/transfers/{transfer}/fulfil at the payee's hub: what it waited for has come."""
    row = _to_end(conn, transfer)
    if row.expires_at <= command.at:
        raise Problem.field(409, "payment-over", "transfer", "its time is over")
    return Answer.of(200, state(_commit(conn, road, row, command.at)))


def reject(conn: Connection, command: Command, question: EndPayment, *, transfer: str) -> Answer:
    """POST /road/transfers/{transfer}/reject at the payee's hub."""
    why = Refused(Fault.PAYEE_REJECTED, question.reason)
    return Answer.of(200, state(_abort(conn, _to_end(conn, transfer), TransferEvent.REJECT, why, command.at)))


def fulfilled(conn: Connection, road: Road, peer: str, body: said.Fulfil, at: int) -> None:
    """Handles ``fulfil`` at the payer's hub: pay, as the peer has."""
    row = _sent(conn, peer, body.transfer)
    if not ilp.fulfils(body.fulfilment, row.condition):
        raise Refused(Fault.VALIDATION, "fulfilment does not match the condition")
    entry = {"window_number": body.window, "number": body.number}
    if row.state != TransferState.RESERVED:
        if (row.fulfilment, row.window_number, row.number) != (body.fulfilment, body.window, body.number):
            raise Refused(Fault.MODIFIED, body.transfer)
        return
    same = (t.c.peer == peer) & t.c.outgoing & (t.c.number == body.number)
    if conn.execute(select(t.c.transfer).where(same)).first() is not None:
        raise Refused(Fault.MODIFIED, f"number {body.number}")
    known = peers.row(conn, peer)
    if not (known.peer_closed or 0) < body.window <= peers.farthest(road, known, at):
        raise Refused(Fault.VALIDATION, f"window {body.window} was closed, or is too far ahead")
    holds.pay(conn, row, at)
    ended = entry | {"fulfilment": body.fulfilment, "completed_at": at}
    _move(conn, row, TransferEvent.FULFIL, ended)


def aborted(conn: Connection, _road: Road, peer: str, body: said.Abort, at: int) -> None:
    """Handles ``abort`` at the payer's hub: give the money back."""
    row = _sent(conn, peer, body.transfer)
    if row.state == TransferState.COMMITTED:
        raise Refused(Fault.MODIFIED, body.transfer)
    if row.state == TransferState.RESERVED:
        holds.let_go(conn, row, at)
        ended = {"error": body.error.model_dump_json(), "completed_at": at}
        _move(conn, row, TransferEvent.REJECT, ended)


def asked(conn: Connection, road: Road, peer: str, body: said.Ask, at: int) -> None:
    """Handles ``ask`` at the payee's hub. One still open will be told of when it ends."""
    row = find(conn, incoming(peer, body.transfer))
    if row is None or row.outgoing:
        why = channel.information(Refused(Fault.TRANSFER, body.transfer))
        channel.write(conn, peer, said.Abort(transfer=body.transfer, error=why), at)
    elif row.state == TransferState.RESERVED and row.expires_at <= at:
        _abort(conn, row, TransferEvent.EXPIRE, Refused(Fault.TRANSFER_EXPIRED), at)
    elif row.state != TransferState.RESERVED:
        _tell(conn, row, at)


def expire(conn: Connection, at: int) -> int:
    """At the payee's hub: end what is past its time, some hundreds at once; how many."""
    over = (t.c.state == TransferState.RESERVED.value) & t.c.outgoing.is_(False) & (t.c.expires_at <= at)
    rows = conn.execute(select(t).where(over).order_by(t.c.expires_at).limit(MOST_AT_ONCE)).all()
    for row in rows:
        _abort(conn, row, TransferEvent.EXPIRE, Refused(Fault.TRANSFER_EXPIRED), at)
    return len(rows)


def ask_overdue(conn: Connection, at: int) -> int:
    """At the payer's hub: ask how those past their time ended, and keep holding; how many were asked for."""
    over = (t.c.state == TransferState.RESERVED.value) & t.c.outgoing & (t.c.expires_at <= at)
    heard = t.c.peer.in_(select(p.c.peer).where(p.c.acknowledged == p.c.sent))
    again = t.c.asked_at.is_(None) | ((t.c.asked_at <= at - ASK_AGAIN_MS) & heard)
    rows = conn.execute(select(t).where(over, again).order_by(t.c.expires_at).limit(MOST_AT_ONCE)).all()
    for row in rows:
        conn.execute(update(t).where(t.c.transfer == row.transfer).values(asked_at=at))
        channel.write(conn, row.peer, said.Ask(transfer=row.transfer), at)
    return len(rows)


def incoming(peer: str, transfer: str) -> str:
    """How a peer's payment is called here: hubs make their ids each for itself."""
    return f"{peer}/{transfer}"


def payers_id(row: Row[Any]) -> str:
    """How a payment is called at the payer's hub, and between the hubs."""
    return str(row.transfer if row.outgoing else row.transfer.removeprefix(incoming(row.peer, "")))


def find(conn: Connection, transfer: str) -> Row[Any] | None:
    return conn.execute(select(t).where(t.c.transfer == transfer)).one_or_none()


def listed(conn: Connection, after: str | None, limit: int) -> Page[PaymentState]:
    place = t.c.transfer > (after or "")
    rows = conn.execute(select(t).where(place).order_by(t.c.transfer).limit(limit + 1)).all()
    items = [state(row) for row in rows[:limit]]
    return Page(items=items, next=items[-1].transfer if len(rows) > limit else None)


def state(row: Row[Any]) -> PaymentState:
    """A payment as the wire shows it."""
    return PaymentState(
        transfer=row.transfer,
        peer=row.peer,
        outgoing=row.outgoing,
        account=row.account,
        state=row.state,
        send=Total.of(row.send_nano, row.send_currency),
        fee=Total.of(row.fee_nano, row.send_currency),
        receive=Total.of(row.receive_nano, row.receive_currency),
        condition=row.condition,
        fulfilment=row.fulfilment,
        expires_at=iso(row.expires_at),
        window=row.window_number,
        number=row.number,
        error=None if row.error is None else json.loads(row.error),
        memo=row.memo,
        at=iso(row.at),
        completed_at=None if row.completed_at is None else iso(row.completed_at),
    )


def _insert(
    conn: Connection,
    quote: Row[Any],
    id: str,
    account: str,
    given: SendPayment | said.Prepare,
    expires_at: int,
    at: int,
) -> Row[Any]:
    copied = ("send_currency", "send_nano", "fee_nano", "receive_currency", "receive_nano", "condition")
    row = {
        "transfer": id,
        "peer": quote.peer,
        "outgoing": quote.outgoing,
        "quote": quote.quote,
        "account": account,
        "state": TransferState.RECEIVED.value,
        **{name: getattr(quote, name) for name in copied},
        "release": given.release.value,
        "expires_at": expires_at,
        "memo": given.memo,
        "at": at,
    }
    conn.execute(insert(t), row)
    return _move(conn, _required(conn, id), TransferEvent.PREPARE, {})


def _commit(conn: Connection, road: Road, row: Row[Any], at: int) -> Row[Any]:
    peer = peers.row(conn, row.peer)
    number = peer.committed + 1
    window = max(at // road.window_ms, peer.closed + 1, (peer.compared or 0) + 1)
    conn.execute(update(p).where(p.c.peer == row.peer).values(committed=number))
    holds.pay(conn, row, at)
    ended = {
        "fulfilment": quotes.fulfilment_of(road, row.peer, row.quote),
        "completed_at": at,
        "window_number": window,
        "number": number,
    }
    done = _move(conn, row, TransferEvent.FULFIL, ended)
    _tell(conn, done, at)
    return done


def _abort(conn: Connection, row: Row[Any], event: TransferEvent, why: Refused, at: int) -> Row[Any]:
    holds.let_go(conn, row, at)
    error = channel.information(why).model_dump_json()
    done = _move(conn, row, event, {"error": error, "completed_at": at})
    _tell(conn, done, at)
    return done


def _tell(conn: Connection, row: Row[Any], at: int) -> None:
    """How it ended, to the payer's hub."""
    if row.error is not None:
        error = said.ErrorInformation.model_validate_json(row.error)
        channel.write(conn, row.peer, said.Abort(transfer=payers_id(row), error=error), at)
        return
    body = said.Fulfil(
        transfer=payers_id(row),
        fulfilment=row.fulfilment,
        window=row.window_number,
        number=row.number,
        completed=iso(row.completed_at),
    )
    channel.write(conn, row.peer, body, at)


def _move(conn: Connection, row: Row[Any], event: TransferEvent, values: dict[str, Any]) -> Row[Any]:
    table = PAYER_HUB if row.outgoing else PAYEE_HUB
    to = after(table, TransferState(row.state), event)
    assert to is not None, (row.outgoing, row.state, event)
    conn.execute(update(t).where(t.c.transfer == row.transfer).values(state=to.value, **values))
    return _required(conn, row.transfer)


def _sent(conn: Connection, peer: str, transfer: str) -> Row[Any]:
    row = find(conn, transfer)
    if row is None or row.peer != peer or not row.outgoing:
        raise Refused(Fault.TRANSFER, transfer)
    return row


def _to_end(conn: Connection, transfer: str) -> Row[Any]:
    row = find(conn, transfer)
    if row is None or row.outgoing:
        raise Problem.field(404, "unknown-transfer", "transfer", "no such payment to a member here")
    if row.state != TransferState.RESERVED:
        raise Problem.field(409, "payment-over", "transfer", f"this payment is {row.state}")
    return row


def _required(conn: Connection, transfer: str) -> Row[Any]:
    row = find(conn, transfer)
    assert row is not None
    return row
