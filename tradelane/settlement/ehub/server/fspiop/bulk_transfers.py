"""A bulk's way through the switch: many transfers between two participants, each judged as if it came alone.

Always true: what becomes of one transfer changes no other; a bulk's transfers are ended by their bulk or by
their time, never by a message of their own; what each of them would have told by itself, the bulk tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, insert, select, update

from tradelane.market.units import instant
from tradelane.settlement.ehub.server.fspiop import linked, outbox
from tradelane.settlement.ehub.server.fspiop.bulk_messages import (
    BulkTransfer,
    BulkTransferred,
    IndividualTransfer,
)
from tradelane.settlement.ehub.server.fspiop.bulk_tables import bulk_items as i
from tradelane.settlement.ehub.server.fspiop.bulk_tables import bulks as b
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.fspiop.messages import Failure, Fulfil, Prepare
from tradelane.settlement.ehub.server.fspiop.registry import endpoint_of
from tradelane.settlement.ehub.server.fspiop.tables import transfers as t
from tradelane.settlement.fspiop_states import BULK, BULK_ENDS, BulkState, TransferState, after

RESOURCE = "bulkTransfers"
Effect = Callable[[Connection, Inbound[Any]], None]


def alone(effect: Effect) -> Effect:
    """``effect`` for transfers that are in no bulk; Refused for the others."""

    def judged(conn: Connection, told: Inbound[Any]) -> None:
        if told.ids["ID"] in members(conn, [told.ids["ID"]]):
            raise Refused(Fault.VALIDATION, "the transfer is one of a bulk")
        effect(conn, told)

    return judged


def prepare(conn: Connection, asked: Inbound[BulkTransfer]) -> None:
    """POST /bulkTransfers. What the hub refuses of it does not go on to the payee."""
    body, at = asked.body, asked.at
    known = _row(conn, body.bulkTransferId)
    if known is not None:
        if known.request != asked.digest:
            raise Refused(Fault.MODIFIED, body.bulkTransferId)
        if known.completed_at is not None:
            _tell(conn, known, asked.envelope.source, at)
        return
    if body.payerFsp != asked.envelope.source:
        raise Refused(Fault.PAYER_FSP, "payerFsp is not FSPIOP-Source")
    if endpoint_of(conn, body.payeeFsp) is None or body.payeeFsp == body.payerFsp:
        raise Refused(Fault.PAYEE_FSP, body.payeeFsp)
    if instant(body.expiration) <= at:
        raise Refused(Fault.TRANSFER_EXPIRED, "expiration")
    row = {
        "bulk": body.bulkTransferId,
        "request": asked.digest,
        "payer": body.payerFsp,
        "payee": body.payeeFsp,
        "expires_at": instant(body.expiration),
        "version": asked.envelope.version,
        "state": BulkState.RECEIVED.value,
    }
    conn.execute(insert(b), row)
    _prepare_each(conn, asked)
    going = [item.place for item in _items(conn, body.bulkTransferId) if item.refused is None]
    if going:
        outbox.post(conn, _onward(asked, going), at)
    else:
        _end(conn, body.bulkTransferId, BulkState.REJECTED, at)
        _tell(conn, _known(conn, body.bulkTransferId), body.payerFsp, at)


def fulfil(conn: Connection, told: Inbound[BulkTransferred]) -> None:
    """PUT /bulkTransfers/{ID} by the payee: how far it is, and of some transfers or all how they ended.

    COMPLETED and REJECTED end them all: one that is not said to be fulfilled has been rejected.
    """
    row = _of_payee(conn, told)
    said = BulkState(told.body.bulkTransferState)
    if row.completed_at is None:
        with told_together(conn, told.at, [one.transfer for one in _items(conn, row.bulk)]):
            _fulfil_each(conn, row, told, said)
    items = _items(conn, row.bulk)
    claimed = _claims(told.body)
    true = {(one.transfer, one.fulfilment) for one in items}
    state = after(BULK, BulkState(row.state), said)
    if state is not None:
        if state in BULK_ENDS:
            _end(conn, row.bulk, state, told.at)
        else:
            conn.execute(update(b).where(b.c.bulk == row.bulk).values(state=state.value))
        refused = any(one.refused for one in items)
        whole = claimed == true and not refused if state in BULK_ENDS else claimed <= true
        if whole and told.envelope.destination != outbox.HUB:
            outbox.post(conn, told.letter(row.payer), told.at)
        else:
            _tell(conn, _known(conn, row.bulk), row.payer, told.at)
    if not claimed <= true:
        _tell(conn, _known(conn, row.bulk), row.payee, told.at)


def reject(conn: Connection, told: Inbound[Failure]) -> None:
    """PUT /bulkTransfers/{ID}/error by the payee: what is left is let go; the payer gets it as it came."""
    row = _of_payee(conn, told)
    if row.completed_at is not None:
        return
    with told_together(conn, told.at, [one.transfer for one in _items(conn, row.bulk)]):
        for transfer in _reserved(_items(conn, row.bulk)):
            linked.reject(conn, _single(told, transfer, told.body, told.raw))
    _end(conn, row.bulk, _outcome(_items(conn, row.bulk)), told.at)
    outbox.post(conn, told.letter(row.payer), told.at)


def show(conn: Connection, asked: Inbound[None]) -> None:
    """GET /bulkTransfers/{ID}: the present state to one of its two parties."""
    row = _row(conn, asked.ids["ID"])
    source = asked.envelope.source
    if row is None or source not in (row.payer, row.payee):
        raise Refused(Fault.BULK_TRANSFER, asked.ids["ID"])
    _tell(conn, row, source, asked.at)


def expire(conn: Connection, at: int) -> int:
    """End the bulks whose time is over, once all their transfers have ended; how many."""
    rows = conn.execute(select(b).where(_over(at), ~_under_way())).all()
    for row in rows:
        state = _outcome(_items(conn, row.bulk))
        _end(conn, row.bulk, state, at)
        for fsp in (row.payer, row.payee):
            if state is BulkState.COMPLETED:
                _tell(conn, _known(conn, row.bulk), fsp, at)
            else:
                _say(conn, row, fsp, "/error", Refused(Fault.TRANSFER_EXPIRED).body(), at)
    return len(rows)


def overdue(conn: Connection, at: int) -> bool:
    """Whether there is a bulk whose time is over. Only reads."""
    return conn.execute(select(b.c.bulk).where(_over(at)).limit(1)).first() is not None


@contextmanager
def told_together(conn: Connection, at: int, ids: Collection[str] | None = None) -> Iterator[None]:
    """What is posted meanwhile of the transfers ``ids``, or of any that are of a bulk, is not sent: their
    bulk tells of it. Everything else is."""
    with outbox.kept(conn) as letters:
        yield
    quiet = members(conn, {letter.topic for letter in letters}) if ids is None else set(ids)
    for letter in letters:
        if letter.topic not in quiet:
            outbox.post(conn, letter, at)


def members(conn: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these transfers are of a bulk."""
    query = select(i.c.transfer).where(i.c.transfer.in_(list(ids)), i.c.refused.is_(None))
    return set(conn.execute(query).scalars())


def _prepare_each(conn: Connection, asked: Inbound[BulkTransfer]) -> None:
    listed = asked.body.individualTransfers
    ids = [item.transferId for item in listed]
    taken = set(conn.execute(select(t.c.transfer).where(t.c.transfer.in_(ids))).scalars())
    rows = []
    with told_together(conn, asked.at, ids):
        for place, item in enumerate(listed):
            try:
                if item.transferId in taken:
                    raise Refused(Fault.MODIFIED, item.transferId)
                with conn.begin_nested():
                    linked.prepare(conn, _prepared(asked, item))
                taken.add(item.transferId)
                refused = conn.execute(select(t.c.error).where(t.c.transfer == item.transferId)).scalar()
            except Refused as why:
                refused = json.dumps(why.body())
            row = {"bulk": asked.body.bulkTransferId, "place": place, "transfer": item.transferId}
            rows.append(row | {"refused": refused})
    conn.execute(insert(i), rows)


def _prepared(asked: Inbound[BulkTransfer], item: IndividualTransfer) -> Inbound[Prepare]:
    """The prepare this item would have been alone."""
    body = Prepare(
        transferId=item.transferId,
        payeeFsp=asked.body.payeeFsp,
        payerFsp=asked.body.payerFsp,
        amount=item.transferAmount,
        ilpPacket=item.ilpPacket,
        condition=item.condition,
        expiration=asked.body.expiration,
    )
    return _single(asked, item.transferId, body, body.model_dump_json().encode())


def _single(told: Inbound[Any], transfer: str, body: Any, raw: bytes) -> Inbound[Any]:
    return replace(told, path=f"/transfers/{transfer}", ids={"ID": transfer}, body=body, raw=raw)


def _onward(asked: Inbound[BulkTransfer], going: Sequence[int]) -> outbox.Letter:
    """As it came when all of it goes on; else what is left of it, in the hub's name."""
    if len(going) == len(asked.body.individualTransfers):
        return asked.letter(asked.body.payeeFsp)
    body = json.loads(asked.raw)
    body["individualTransfers"] = [body["individualTransfers"][place] for place in going]
    content = (RESOURCE, asked.envelope.version)
    own = outbox.own(asked.body.payeeFsp, asked.topic, f"/{RESOURCE}", content, body, asked.at)
    return replace(own, method="POST", headers={**own.headers, "accept": own.headers["content-type"]})


def _fulfil_each(conn: Connection, row: Row[Any], told: Inbound[BulkTransferred], said: BulkState) -> None:
    reserved = _reserved(_items(conn, row.bulk))
    for one in told.body.individualTransferResults:
        if reserved.pop(one.transferId, "") is not None:
            continue
        if one.errorInformation is not None:
            failure = Failure(errorInformation=one.errorInformation)
            raw = failure.model_dump_json().encode()
            linked.reject(conn, _single(told, one.transferId, failure, raw))
        elif one.fulfilment is not None and said is not BulkState.REJECTED:
            fulfilled = Fulfil(transferState="COMMITTED", fulfilment=one.fulfilment)
            linked.fulfil(conn, _single(told, one.transferId, fulfilled, b""))
    if said in BULK_ENDS:
        for transfer in _reserved(_items(conn, row.bulk)):
            linked.fulfil(conn, _single(told, transfer, Fulfil(transferState="ABORTED"), b""))


def _claims(said: BulkTransferred) -> set[tuple[str, str | None]]:
    """Which transfers have ended by what the payee says, each with its fulfilment where it was done."""
    return {
        (one.transferId, one.fulfilment)
        for one in said.individualTransferResults
        if one.fulfilment or one.errorInformation
    }


def _reserved(items: Sequence[Row[Any]]) -> dict[str, None]:
    """In their order."""
    return {one.transfer: None for one in items if one.state == TransferState.RESERVED}


def _outcome(items: Sequence[Row[Any]]) -> BulkState:
    done = any(one.state == TransferState.COMMITTED for one in items)
    return BulkState.COMPLETED if done else BulkState.REJECTED


def _end(conn: Connection, bulk: str, state: BulkState, at: int) -> None:
    conn.execute(update(b).where(b.c.bulk == bulk).values(state=state.value, completed_at=at))


def _tell(conn: Connection, row: Row[Any], to: str, at: int) -> None:
    """The state, and of each transfer that has ended how."""
    results = [_result(one) for one in _items(conn, row.bulk) if one.state != TransferState.RESERVED]
    body: dict[str, Any] = {"bulkTransferState": row.state}
    if results:
        body["individualTransferResults"] = results
    if row.completed_at is not None:
        body["completedTimestamp"] = outbox.timestamp(row.completed_at)
    _say(conn, row, to, "", body, at)


def _result(item: Row[Any]) -> dict[str, Any]:
    error = item.refused or item.error
    if error is None:
        return {"transferId": item.transfer, "fulfilment": item.fulfilment}
    return {"transferId": item.transfer, "errorInformation": json.loads(error)["errorInformation"]}


def _say(conn: Connection, row: Row[Any], to: str, tail: str, body: Any, at: int) -> None:
    path = f"/{RESOURCE}/{row.bulk}{tail}"
    outbox.post(conn, outbox.own(to, row.bulk, path, (RESOURCE, row.version), body, at), at)


def _of_payee(conn: Connection, told: Inbound[Any]) -> Row[Any]:
    row = _row(conn, told.ids["ID"])
    if row is None or told.envelope.source != row.payee:
        raise Refused(Fault.BULK_TRANSFER, told.ids["ID"])
    return row


def _known(conn: Connection, bulk: str) -> Row[Any]:
    return conn.execute(select(b).where(b.c.bulk == bulk)).one()


def _row(conn: Connection, bulk: str) -> Row[Any] | None:
    return conn.execute(select(b).where(b.c.bulk == bulk)).one_or_none()


def _items(conn: Connection, bulk: str) -> Sequence[Row[Any]]:
    """Its items in order; ``state``, ``fulfilment`` and ``error`` are of the transfers that went on."""
    became = (t.c.transfer == i.c.transfer) & i.c.refused.is_(None)
    query: Select[Any] = (
        select(i.c.place, i.c.transfer, i.c.refused, t.c.state, t.c.fulfilment, t.c.error)
        .join_from(i, t, became, isouter=True)
        .where(i.c.bulk == bulk)
        .order_by(i.c.place)
    )
    return conn.execute(query).all()


def _over(at: int) -> ColumnElement[bool]:
    return b.c.completed_at.is_(None) & (b.c.expires_at <= at)


def _under_way() -> ColumnElement[bool]:
    same = (i.c.bulk == b.c.bulk) & i.c.refused.is_(None) & (t.c.transfer == i.c.transfer)
    return exists().where(same, t.c.state == TransferState.RESERVED.value)
