"""A conversion's way through the switch: payment versus payment.

Always true: both legs of a conversion are reserved, moved and let go together. One that is for a transfer
commits in the transaction in which that transfer commits, and in no other; once the FXP has promised it by
its fulfilment it ends only with that transfer, or by time where the transfer never came.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, insert, select, update

from tradelane.market.units import instant
from tradelane.settlement import ilp
from tradelane.settlement.ehub.server.fspiop import outbox, positions
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.fx_messages import FxFulfil, FxTransfer
from tradelane.settlement.ehub.server.fspiop.fx_tables import conversions as f
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.messages import Failure, Prepare
from tradelane.settlement.ehub.server.fspiop.registry import endpoint_of
from tradelane.settlement.ehub.server.fspiop.tables import transfers as t
from tradelane.settlement.fspiop_states import TRANSFER, TransferEvent, TransferState, after
from tradelane.settlement.ledger import GREATEST

RESOURCE = "fxTransfers"


def prepare(conn: Connection, asked: Inbound[FxTransfer]) -> None:
    """POST /fxTransfers. Refused goes to the initiator as an error callback."""
    body, at = asked.body, asked.at
    known = _row(conn, body.commitRequestId)
    if known is not None:
        if known.request != asked.digest:
            raise Refused(Fault.MODIFIED, body.commitRequestId)
        if known.state != TransferState.RESERVED or known.fulfilment is not None:
            _tell(conn, known, asked.envelope.source, at)
        return
    _judge(conn, asked)
    row = {
        "conversion": body.commitRequestId,
        "request": asked.digest,
        "determining": body.determiningTransferId,
        "initiator": body.initiatingFsp,
        "fxp": body.counterPartyFsp,
        "source_currency": body.sourceAmount.currency,
        "source_nano": body.sourceAmount.nano,
        "target_currency": body.targetAmount.currency,
        "target_nano": body.targetAmount.nano,
        "condition": body.condition,
        "expires_at": instant(body.expiration),
        "version": asked.envelope.version,
        "state": TransferState.RECEIVED.value,
    }
    conn.execute(insert(f), row)
    new = _known(conn, body.commitRequestId)
    short = _reserve(conn, new)
    if short is None:
        _move(conn, new, TransferEvent.PREPARE, {})
        outbox.post(conn, asked.letter(new.fxp), at)
    else:
        why = Refused(Fault.LIQUIDITY, short)
        _abort(conn, new, TransferEvent.REFUSE, why.body(), at)
        _say(conn, new, new.initiator, "/error", why.body(), at)


def fulfil(conn: Connection, told: Inbound[FxFulfil]) -> None:
    """PUT /fxTransfers/{ID} by the FXP: of a conversion for a transfer its promise, of another its end."""
    row = _of_fxp(conn, told)
    body, at = told.body, told.at
    if row.state != TransferState.RESERVED or row.fulfilment is not None:
        _again(conn, row, told)
    elif row.expires_at <= at:
        _expire(conn, row, at)
    elif body.conversionState == TransferState.ABORTED:
        why = Refused(Fault.PAYEE_REJECTED).body()
        _abort(conn, row, TransferEvent.REJECT, why, at)
        _say(conn, row, row.initiator, "/error", why, at)
    elif body.conversionState == TransferState.RECEIVED:
        raise Refused(Fault.VALIDATION, "conversionState: RECEIVED changes nothing")
    elif body.fulfilment is None:
        raise Refused(Fault.MISSING, "fulfilment")
    elif not ilp.fulfils(body.fulfilment, row.condition):
        why = Refused(Fault.VALIDATION, "fulfilment does not match the condition").body()
        _abort(conn, row, TransferEvent.REJECT, why, at)
        _say_to_both(conn, row, why, at)
    else:
        conn.execute(update(f).where(f.c.conversion == row.conversion).values(fulfilment=body.fulfilment))
        if row.determining is None:
            _commit(conn, row, at)
        if told.body.conversionState == _known(conn, row.conversion).state:
            outbox.post(conn, told.letter(row.initiator), at)
        else:
            _tell(conn, _known(conn, row.conversion), row.initiator, at)
        if row.determining is None and body.conversionState == TransferState.RESERVED:
            _notify(conn, row, at)


def reject(conn: Connection, told: Inbound[Failure]) -> None:
    """PUT /fxTransfers/{ID}/error by the FXP; what it says goes on to the initiator as it came."""
    row = _of_fxp(conn, told)
    if row.state == TransferState.RESERVED:
        if row.fulfilment is not None:
            raise Refused(Fault.VALIDATION, "the conversion is promised")
        _abort(conn, row, TransferEvent.REJECT, json.loads(told.raw), told.at)
        outbox.post(conn, told.letter(row.initiator), told.at)


def show(conn: Connection, asked: Inbound[None]) -> None:
    """GET /fxTransfers/{ID}: the present state to one of its two parties."""
    row = _row(conn, asked.ids["ID"])
    source = asked.envelope.source
    if row is None or source not in (row.initiator, row.fxp):
        raise Refused(Fault.TRANSFER, asked.ids["ID"])
    _say(conn, row, source, "", _state(row), asked.at)


def judge_transfer(conn: Connection, body: Prepare) -> None:
    """Refused where the payer has a conversion for this transfer that cannot commit with it."""
    if conn.execute(select(t.c.transfer).where(t.c.transfer == body.transferId)).first() is not None:
        return
    mine = (f.c.determining == body.transferId) & (f.c.initiator == body.payerFsp)
    found = list(conn.execute(select(f).where(mine)))
    live = [row for row in found if row.state == TransferState.RESERVED]
    if found and not live:
        raise Refused(Fault.VALIDATION, "the conversion for this transfer has ended")
    for row in live:
        if row.fulfilment is None:
            raise Refused(Fault.VALIDATION, "the conversion for this transfer is not promised yet")
        if row.expires_at < instant(body.expiration):
            raise Refused(Fault.VALIDATION, "expiration: the conversion for this transfer ends before")


def follow(conn: Connection, at: int, transfer: str | None = None) -> None:
    """End the conversions whose transfer has ended as it did, of ``transfer`` or of all."""
    where = _for_it() & (f.c.state == TransferState.RESERVED.value)
    ended = t.c.state.in_([TransferState.COMMITTED.value, TransferState.ABORTED.value])
    query: Select[Any] = select(f, t.c.state.label("ended"), t.c.error.label("why")).join_from(f, t, where)
    if transfer is not None:
        query = query.where(t.c.transfer == transfer)
    for row in conn.execute(query.where(ended)).all():
        if row.ended == TransferState.COMMITTED:
            _commit(conn, row, at)
        else:
            _abort(conn, row, TransferEvent.REJECT, json.loads(row.why), at)
        _notify(conn, row, at)


def expire(conn: Connection, at: int) -> int:
    """Abort the conversions whose time is over and whose transfer is not under way; how many."""
    rows = conn.execute(select(f).where(_over(at))).all()
    for row in rows:
        _expire(conn, row, at)
    return len(rows)


def overdue(conn: Connection, at: int) -> bool:
    """Whether there is a conversion whose time is over. Only reads."""
    return conn.execute(select(f.c.conversion).where(_over(at)).limit(1)).first() is not None


def _judge(conn: Connection, asked: Inbound[FxTransfer]) -> None:
    body = asked.body
    if body.initiatingFsp != asked.envelope.source:
        raise Refused(Fault.PAYER_FSP, "initiatingFsp is not FSPIOP-Source")
    if endpoint_of(conn, body.counterPartyFsp) is None or body.counterPartyFsp == body.initiatingFsp:
        raise Refused(Fault.PAYEE_FSP, body.counterPartyFsp)
    if instant(body.expiration) <= asked.at:
        raise Refused(Fault.TRANSFER_EXPIRED, "expiration")
    amounts = {"sourceAmount": body.sourceAmount, "targetAmount": body.targetAmount}
    if body.sourceAmount.currency == body.targetAmount.currency:
        raise Refused(Fault.VALIDATION, "targetAmount.currency: that of sourceAmount")
    for name, amount in amounts.items():
        if amount.nano == 0:
            raise Refused(Fault.SYNTAX, f"{name}.amount: must be greater than zero")
        if amount.nano > GREATEST:
            raise Refused(Fault.LIQUIDITY, "more than any position holds")
        for fsp, fault in ((body.initiatingFsp, Fault.PAYER_FSP), (body.counterPartyFsp, Fault.PAYEE_FSP)):
            if not positions.exists(conn, fsp, amount.currency):
                raise Refused(fault, f"{fsp} has no account in {amount.currency}")
    if body.determiningTransferId is not None:
        _judge_determining(conn, body)


def _judge_determining(conn: Connection, body: FxTransfer) -> None:
    transfer = body.determiningTransferId
    if conn.execute(select(t.c.transfer).where(t.c.transfer == transfer)).first() is not None:
        raise Refused(Fault.VALIDATION, "determiningTransferId: it was prepared before its conversion")
    live = (f.c.determining == transfer) & (f.c.state == TransferState.RESERVED.value)
    query = select(f.c.conversion).where(live, f.c.initiator == body.initiatingFsp)
    if conn.execute(query).first() is not None:
        raise Refused(Fault.VALIDATION, "determiningTransferId: it has another conversion")


def _reserve(conn: Connection, row: Row[Any]) -> str | None:
    """Both legs, or none and whose position is too small."""
    if not positions.reserve(conn, row.initiator, row.source_currency, row.source_nano):
        return str(row.initiator)
    if not positions.reserve(conn, row.fxp, row.target_currency, row.target_nano):
        positions.release(conn, row.initiator, row.source_currency, row.source_nano)
        return str(row.fxp)
    return None


def _commit(conn: Connection, row: Row[Any], at: int) -> None:
    positions.move(conn, row.initiator, row.fxp, row.source_currency, row.source_nano)
    positions.move(conn, row.fxp, row.initiator, row.target_currency, row.target_nano)
    _move(conn, row, TransferEvent.FULFIL, {"completed_at": at})


def _abort(conn: Connection, row: Row[Any], event: TransferEvent, error: Any, at: int) -> None:
    if row.state == TransferState.RESERVED:
        positions.release(conn, row.initiator, row.source_currency, row.source_nano)
        positions.release(conn, row.fxp, row.target_currency, row.target_nano)
    _move(conn, row, event, {"error": json.dumps(error), "completed_at": at})


def _expire(conn: Connection, row: Row[Any], at: int) -> None:
    why = Refused(Fault.TRANSFER_EXPIRED).body()
    _abort(conn, row, TransferEvent.EXPIRE, why, at)
    _say_to_both(conn, row, why, at)


def _move(conn: Connection, row: Row[Any], event: TransferEvent, values: dict[str, Any]) -> None:
    state = after(TRANSFER, TransferState(row.state), event)
    assert state is not None, (row.state, event)
    conn.execute(update(f).where(f.c.conversion == row.conversion).values(state=state.value, **values))


def _again(conn: Connection, row: Row[Any], told: Inbound[FxFulfil]) -> None:
    """Of what is promised or has ended: the same again changes nothing, another is refused."""
    said = TransferState(told.body.conversionState)
    if row.state == TransferState.ABORTED:
        if said is not TransferState.ABORTED:
            _tell(conn, row, row.fxp, told.at)
    elif told.body.fulfilment != row.fulfilment:
        raise Refused(Fault.MODIFIED, row.conversion)
    elif row.state == TransferState.COMMITTED and said is TransferState.RESERVED:
        _notify(conn, row, told.at)


def _tell(conn: Connection, row: Row[Any], to: str, at: int) -> None:
    """How it ended, or stands: the error, or the state."""
    if row.error is None:
        _say(conn, row, to, "", _state(row), at)
    else:
        _say(conn, row, to, "/error", json.loads(row.error), at)


def _notify(conn: Connection, row: Row[Any], at: int) -> None:
    """PATCH /fxTransfers/{ID} to the FXP: how what it promised has ended."""
    body = {key: value for key, value in _state(_known(conn, row.conversion)).items() if key != "fulfilment"}
    outbox.post(conn, outbox.patch(_letter(row, row.fxp, "", body, at)), at)


def _say_to_both(conn: Connection, row: Row[Any], error: Any, at: int) -> None:
    for fsp in (row.initiator, row.fxp):
        _say(conn, row, fsp, "/error", error, at)


def _say(conn: Connection, row: Row[Any], to: str, tail: str, body: Any, at: int) -> None:
    outbox.post(conn, _letter(row, to, tail, body, at), at)


def _letter(row: Row[Any], to: str, tail: str, body: Any, at: int) -> outbox.Letter:
    path = f"/{RESOURCE}/{row.conversion}{tail}"
    return outbox.own(to, row.conversion, path, (RESOURCE, row.version), body, at)


def _state(row: Row[Any]) -> dict[str, Any]:
    body = {"conversionState": row.state}
    if row.fulfilment is not None:
        body["fulfilment"] = row.fulfilment
    if row.completed_at is not None:
        body["completedTimestamp"] = outbox.timestamp(row.completed_at)
    return body


def _of_fxp(conn: Connection, told: Inbound[Any]) -> Row[Any]:
    row = _row(conn, told.ids["ID"])
    if row is None or told.envelope.source != row.fxp:
        raise Refused(Fault.TRANSFER, told.ids["ID"])
    return row


def _known(conn: Connection, conversion: str) -> Row[Any]:
    return conn.execute(select(f).where(f.c.conversion == conversion)).one()


def _row(conn: Connection, conversion: str) -> Row[Any] | None:
    return conn.execute(select(f).where(f.c.conversion == conversion)).one_or_none()


def _for_it() -> ColumnElement[bool]:
    """A transfer, and the conversion its own payer made for it: nobody ties others' transfers."""
    return (f.c.determining == t.c.transfer) & (f.c.initiator == t.c.payer)


def _over(at: int) -> ColumnElement[bool]:
    under_way = exists().where(_for_it(), t.c.state == TransferState.RESERVED.value)
    return (f.c.state == TransferState.RESERVED.value) & (f.c.expires_at <= at) & ~under_way
