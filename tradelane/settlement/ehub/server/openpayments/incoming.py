"""Incoming payments: what a member expects, and what has come of it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from tradelane.market.units import instant, iso
from tradelane.settlement.accounts import member_of
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.openpayments import events, wallets
from tradelane.settlement.ehub.server.openpayments.places import INCOMING, WALLETS, Places, new_id
from tradelane.settlement.ehub.server.openpayments.tables import incoming as t
from tradelane.settlement.ehub.server.signatures import Caller
from tradelane.settlement.ehub.wire_payments import AskIncoming, Complete, Incoming, Incomings, Shown
from tradelane.settlement.problem import Problem


def ask(
    conn: Connection, command: Command, question: AskIncoming, *, asker: Caller, places: Places
) -> Answer:
    """Expect money in a wallet."""
    wallet = places.read(WALLETS, question.wallet_address, "walletAddress")
    currency, wanted = wallets.own(conn, asker, wallet, "walletAddress"), question.incoming_amount
    if wanted is not None and wanted.asset_code != currency:
        raise wrong_currency("incomingAmount.assetCode", currency)
    expires = None if question.expires_at is None else instant(question.expires_at)
    if expires is not None and expires <= command.at:
        raise Problem.field(422, "expires-in-the-past", "expiresAt", "it would be over already")
    row = {
        "id": new_id(INCOMING, command),
        "wallet": wallet,
        "member": member_of(wallet),
        "currency": currency,
        "wanted_nano": None if wanted is None else wanted.money.nano,
        "received_nano": 0,
        "completed": False,
        "completed_at": None,
        "expires_at": expires,
        "metadata": json.dumps(question.metadata, ensure_ascii=False),
        "at": command.at,
    }
    return Answer.of(201, shown(conn.execute(insert(t).returning(t), row).one(), places))


def complete(
    conn: Connection, command: Command, _question: Complete, *, id: str, asker: Caller, places: Places
) -> Answer:
    """Expect no more; again, it stays as it is."""
    row = mine(conn, id, asker)
    if not row.completed:
        _close(conn, row, command.at, places)
    return Answer.of(200, shown(mine(conn, id, asker), places))


def mine(conn: Connection, id: str, asker: Caller) -> Row[Any]:
    """The asker's; Problem 404 for another member's too."""
    row = find(conn, id)
    if row is None or not wallets.may_use(asker, row.wallet):
        raise Problem.field(404, "unknown-payment", "id", "no such incoming payment")
    return row


def find(conn: Connection, id: str) -> Row[Any] | None:
    return conn.execute(_BY_ID, {"id_": id}).first()


def open_for(row: Row[Any], at: int) -> None:
    """Problem 409 when it takes nothing more at ``at`` (ms)."""
    if row.completed:
        raise Problem.field(409, "payment-closed", "receiver", "the incoming payment is complete")
    if row.expires_at is not None and row.expires_at <= at:
        raise Problem.field(409, "payment-closed", "receiver", "the incoming payment has expired")


def room_for(row: Row[Any], nano: int) -> None:
    """Problem 409 when it takes less than that."""
    left = remaining(row)
    if left is not None and nano > left:
        reason = f"the incoming payment takes {left} more"
        raise Problem.field(409, "exceeds-incoming", "receiveAmount.value", reason)


def listed(conn: Connection, asker: Caller, after: int, limit: int, places: Places) -> Incomings:
    """The asker's, oldest first."""
    query = select(t).where(t.c.seq > after).order_by(t.c.seq).limit(limit + 1)
    if not asker.is_operator:
        query = query.where(t.c.member == asker.member)
    rows = conn.execute(query).all()
    items = [shown(row, places) for row in rows[:limit]]
    return Incomings(result=items, next=str(rows[limit - 1].seq) if len(rows) > limit else None)


def remaining(row: Row[Any]) -> int | None:
    """Nano-units it still takes; None for any."""
    return None if row.wanted_nano is None else row.wanted_nano - row.received_nano


def take(conn: Connection, row: Row[Any], nano: int, at: int, places: Places) -> None:
    """The money has come; complete when all of it has."""
    conn.execute(_TAKE, {"id_": row.id, "nano_": nano})
    if remaining(row) == nano:
        _close(conn, row, at, places)


def _close(conn: Connection, row: Row[Any], at: int, places: Places) -> None:
    conn.execute(_CLOSE, {"id_": row.id, "at_": at})
    closed = find(conn, row.id)
    assert closed is not None
    events.write(conn, [(row.member, events.FULL, shown(closed, places))], at)


def shown(row: Row[Any], places: Places) -> Incoming:
    """As the wire shows it."""
    return Incoming(
        id=places.of_resource(INCOMING, row.id),
        wallet_address=places.of_resource(WALLETS, row.wallet),
        completed=row.completed,
        incoming_amount=None if row.wanted_nano is None else Shown.of(row.wanted_nano, row.currency),
        received_amount=Shown.of(row.received_nano, row.currency),
        expires_at=None if row.expires_at is None else iso(row.expires_at),
        metadata=json.loads(row.metadata),
        created_at=iso(row.at),
        completed_at=None if row.completed_at is None else iso(row.completed_at),
    )


def wrong_currency(field: str, currency: str) -> Problem:
    return Problem.field(422, "currency-mismatch", field, f"the wallet is kept in {currency}")


_BY_ID = select(t).where(t.c.id == bindparam("id_"))
_TAKE = (
    update(t).where(t.c.id == bindparam("id_")).values(received_nano=t.c.received_nano + bindparam("nano_"))
)
_CLOSE = update(t).where(t.c.id == bindparam("id_")).values(completed=True, completed_at=bindparam("at_"))
