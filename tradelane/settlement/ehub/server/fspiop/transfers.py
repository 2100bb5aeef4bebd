"""A transfer's way through the switch: prepare reserves, fulfil commits, reject and expiry let go.

Always true: COMMITTED and ABORTED are final and exclude each other; a position moves only at COMMITTED, by
the same amount at payer and payee; each effect is written with the messages that tell of it.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from tradelane.market.units import instant
from tradelane.settlement import ilp
from tradelane.settlement.ehub.server.fspiop import outbox, positions
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.messages import Failure, Fulfil, Prepare
from tradelane.settlement.ehub.server.fspiop.registry import endpoint_of
from tradelane.settlement.ehub.server.fspiop.tables import transfers as t
from tradelane.settlement.fspiop_states import TRANSFER, TransferEvent, TransferState, after
from tradelane.settlement.ledger import GREATEST

_MOST_EXPIRED = 500


def prepare(conn: Connection, asked: Inbound[Prepare]) -> None:
    """POST /transfers. Refused goes to the payer as an error callback."""
    body, at = asked.body, asked.at
    known = _row(conn, body.transferId)
    if known is not None:
        if known.request != asked.digest:
            raise Refused(Fault.MODIFIED, body.transferId)
        if known.state in (TransferState.COMMITTED, TransferState.ABORTED):
            _tell(conn, known, asked.envelope.source, at)
        return
    if body.payerFsp != asked.envelope.source:
        raise Refused(Fault.PAYER_FSP, "payerFsp is not FSPIOP-Source")
    if endpoint_of(conn, body.payeeFsp) is None or body.payeeFsp == body.payerFsp:
        raise Refused(Fault.PAYEE_FSP, body.payeeFsp)
    expires_at = instant(body.expiration)
    if expires_at <= at:
        raise Refused(Fault.TRANSFER_EXPIRED, "expiration")
    if body.amount.nano == 0:
        raise Refused(Fault.SYNTAX, "amount.amount: must be greater than zero")
    if body.amount.nano > GREATEST:
        raise Refused(Fault.LIQUIDITY, "more than any position holds")
    for fsp, fault in ((body.payerFsp, Fault.PAYER_FSP), (body.payeeFsp, Fault.PAYEE_FSP)):
        if not positions.exists(conn, fsp, body.amount.currency):
            raise Refused(fault, f"{fsp} has no account in {body.amount.currency}")
    row = {
        "transfer": body.transferId,
        "request": asked.digest,
        "payer": body.payerFsp,
        "payee": body.payeeFsp,
        "currency": body.amount.currency,
        "nano": body.amount.nano,
        "condition": body.condition,
        "expires_at": expires_at,
        "version": asked.envelope.version,
        "state": TransferState.RECEIVED.value,
    }
    conn.execute(insert(t), row)
    new = _row(conn, body.transferId)
    assert new is not None
    if positions.reserve(conn, body.payerFsp, body.amount.currency, body.amount.nano):
        _move(conn, new, TransferEvent.PREPARE, {})
        outbox.post(conn, asked.letter(body.payeeFsp), at)
    else:
        _abort(conn, new, TransferEvent.REFUSE, Refused(Fault.LIQUIDITY), at, [new.payer])


def fulfil(conn: Connection, told: Inbound[Fulfil]) -> None:
    """PUT /transfers/{ID} by the payee. Refused goes to the payee as an error callback."""
    row = _of_payee(conn, told)
    body, at = told.body, told.at
    if row.state != TransferState.RESERVED:
        _again(conn, row, told)
    elif row.expires_at <= at:
        _expire(conn, row, at)
        if body.transferState == TransferState.RESERVED:
            _notify(conn, row, at)
    elif body.transferState == TransferState.ABORTED:
        rejected = Refused(Fault.PAYEE_REJECTED)
        _abort(conn, row, TransferEvent.REJECT, rejected, at, [row.payer])
    elif body.transferState == TransferState.RECEIVED:
        raise Refused(Fault.VALIDATION, "transferState: RECEIVED changes nothing")
    elif body.fulfilment is None:
        raise Refused(Fault.MISSING, "fulfilment")
    elif not ilp.fulfils(body.fulfilment, row.condition):
        wrong = Refused(Fault.VALIDATION, "fulfilment does not match the condition")
        _abort(conn, row, TransferEvent.REJECT, wrong, at, [row.payer, row.payee])
    else:
        _commit(conn, row, told)


def reject(conn: Connection, told: Inbound[Failure]) -> None:
    """PUT /transfers/{ID}/error by the payee; what it says goes on to the payer as it came."""
    row = _of_payee(conn, told)
    if row.state == TransferState.RESERVED:
        positions.release(conn, row.payer, row.currency, row.nano)
        ended = {"error": json.dumps(json.loads(told.raw)), "completed_at": told.at}
        _move(conn, row, TransferEvent.REJECT, ended)
        outbox.post(conn, told.letter(row.payer), told.at)
    elif row.state == TransferState.COMMITTED:
        raise Refused(Fault.MODIFIED, row.transfer)


def show(conn: Connection, asked: Inbound[None]) -> None:
    """GET /transfers/{ID}: the present state to one of its two parties."""
    row = _row(conn, asked.ids["ID"])
    source = asked.envelope.source
    if row is None or source not in (row.payer, row.payee):
        raise Refused(Fault.TRANSFER, asked.ids["ID"])
    _say(conn, row, source, "", _state(row), asked.at)


def expire(conn: Connection, at: int) -> int:
    """Abort the transfers whose time is over, some hundreds at a time; how many."""
    rows = list(conn.execute(select(t).where(_over(at)).order_by(t.c.expires_at).limit(_MOST_EXPIRED)))
    for row in rows:
        _expire(conn, row, at)
    return len(rows)


def overdue(conn: Connection, at: int) -> bool:
    """Whether there is a transfer whose time is over. Only reads."""
    return conn.execute(select(t.c.transfer).where(_over(at)).limit(1)).first() is not None


def _over(at: int) -> ColumnElement[bool]:
    return (t.c.state == TransferState.RESERVED.value) & (t.c.expires_at <= at)


def _expire(conn: Connection, row: Row[Any], at: int) -> None:
    _abort(conn, row, TransferEvent.EXPIRE, Refused(Fault.TRANSFER_EXPIRED), at, [row.payer, row.payee])


def _commit(conn: Connection, row: Row[Any], told: Inbound[Fulfil]) -> None:
    positions.move(conn, row.payer, row.payee, row.currency, row.nano)
    _move(conn, row, TransferEvent.FULFIL, {"fulfilment": told.body.fulfilment, "completed_at": told.at})
    done = _row(conn, row.transfer)
    assert done is not None
    if told.body.transferState == TransferState.RESERVED:
        _say(conn, done, row.payer, "", _state(done), told.at)
        _notify(conn, done, told.at)
    else:
        outbox.post(conn, told.letter(row.payer), told.at)


def _again(conn: Connection, row: Row[Any], told: Inbound[Fulfil]) -> None:
    """A fulfil of what has ended: the same again is answered, another is refused; nothing changes."""
    if told.body.transferState == TransferState.RESERVED:
        _notify(conn, row, told.at)
    elif row.state == TransferState.ABORTED:
        if told.body.transferState != TransferState.ABORTED:
            _tell(conn, row, row.payee, told.at)
    elif (told.body.transferState, told.body.fulfilment) != (row.state, row.fulfilment):
        raise Refused(Fault.MODIFIED, row.transfer)


def _abort(
    conn: Connection, row: Row[Any], event: TransferEvent, why: Refused, at: int, tell: list[str]
) -> None:
    if row.state == TransferState.RESERVED:
        positions.release(conn, row.payer, row.currency, row.nano)
    _move(conn, row, event, {"error": json.dumps(why.body()), "completed_at": at})
    for fsp in tell:
        _say(conn, row, fsp, "/error", why.body(), at)


def _move(conn: Connection, row: Row[Any], event: TransferEvent, values: dict[str, Any]) -> None:
    state = after(TRANSFER, TransferState(row.state), event)
    assert state is not None, (row.state, event)
    conn.execute(update(t).where(t.c.transfer == row.transfer).values(state=state.value, **values))


def _tell(conn: Connection, row: Row[Any], to: str, at: int) -> None:
    """How it ended: the error, or the state."""
    if row.error is None:
        _say(conn, row, to, "", _state(row), at)
    else:
        _say(conn, row, to, "/error", json.loads(row.error), at)


def _notify(conn: Connection, row: Row[Any], at: int) -> None:
    """PATCH /transfers/{ID} to the payee, who asked for it by RESERVED."""
    now = _row(conn, row.transfer)
    assert now is not None
    body = {key: value for key, value in _state(now).items() if key != "fulfilment"}
    told = outbox.own(row.payee, row.transfer, _path(row), ("transfers", row.version), body, at)
    outbox.post(conn, outbox.patch(told), at)


def _say(conn: Connection, row: Row[Any], to: str, tail: str, body: Any, at: int) -> None:
    letter = outbox.own(to, row.transfer, _path(row) + tail, ("transfers", row.version), body, at)
    outbox.post(conn, letter, at)


def _path(row: Row[Any]) -> str:
    return f"/transfers/{row.transfer}"


def _state(row: Row[Any]) -> dict[str, Any]:
    body = {"transferState": row.state}
    if row.fulfilment is not None:
        body["fulfilment"] = row.fulfilment
    if row.completed_at is not None:
        body["completedTimestamp"] = outbox.timestamp(row.completed_at)
    return body


def _of_payee(conn: Connection, told: Inbound[Any]) -> Row[Any]:
    row = _row(conn, told.ids["ID"])
    if row is None or told.envelope.source != row.payee:
        raise Refused(Fault.TRANSFER, told.ids["ID"])
    return row


def _row(conn: Connection, transfer: str) -> Row[Any] | None:
    return conn.execute(select(t).where(t.c.transfer == transfer)).one_or_none()
