"""A bulk's way through the switch: many transfers between two participants, each judged as if it came alone.

Always true: what becomes of one transfer changes no other; a bulk's transfers are ended by their bulk or by
their time, never by a message of their own; what each of them would have told by itself, the bulk tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, exists, insert, select, update

from tradelane.market.units import instant
from tradelane.settlement.ehub.server.fspiop import bulk_rows, linked, outbox
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

AT_ONCE = 50
"""Transfers of a bulk in one work, so that nobody waits long for the one writer."""
Effect = Callable[[Connection, Inbound[Any]], bool | None]


class _End(NamedTuple):
    """What a single transfer would have been told, and what it would have done."""

    effect: Effect
    said: Inbound[Any]


def alone(effect: Effect) -> Effect:
    """``effect`` for transfers that are in no bulk; Refused for the others."""

    def judged(conn: Connection, told: Inbound[Any]) -> bool | None:
        if told.ids["ID"] in members(conn, [told.ids["ID"]]):
            raise Refused(Fault.VALIDATION, "the transfer is one of a bulk")
        return effect(conn, told)

    return judged


def prepare(conn: Connection, asked: Inbound[BulkTransfer]) -> bool:
    """POST /bulkTransfers: judges some of it; True while more are left, to be asked again with the same. What
    the hub refuses of it does not go on to the payee."""
    bulk, listed = asked.body.bulkTransferId, asked.body.individualTransfers
    known = bulk_rows.row(conn, bulk)
    if known is None:
        _add(conn, asked)
    elif known.request != asked.digest:
        raise Refused(Fault.MODIFIED, bulk)
    elif known.completed_at is not None:
        bulk_rows.tell(conn, known, asked.envelope.source, asked.at)
        return False
    judged = len(bulk_rows.items(conn, bulk))
    if judged == len(listed):
        return False
    _prepare_some(conn, asked, range(judged, min(judged + AT_ONCE, len(listed))))
    if judged + AT_ONCE < len(listed):
        return True
    going = [item.place for item in bulk_rows.items(conn, bulk) if item.refused is None]
    if going:
        outbox.post(conn, _onward(asked, going), asked.at)
    else:
        bulk_rows.end(conn, bulk, BulkState.REJECTED, asked.at)
        bulk_rows.tell(conn, bulk_rows.known(conn, bulk), asked.body.payerFsp, asked.at)
    return False


def fulfil(conn: Connection, told: Inbound[BulkTransferred]) -> bool:
    """PUT /bulkTransfers/{ID} by the payee: how far it is, and of some transfers or all how they ended.

    COMPLETED and REJECTED end them all: one that is not said to be fulfilled has been rejected. True while
    more are left, to be told again with the same.
    """
    row = _of_payee(conn, told)
    said = BulkState(told.body.bulkTransferState)
    if row.completed_at is None:
        ends = _ends(conn, row, told, said)
        with told_together(conn, told.at, ends):
            for end in list(ends.values())[:AT_ONCE]:
                end.effect(conn, end.said)
        if len(ends) > AT_ONCE:
            return True
    items = bulk_rows.items(conn, row.bulk)
    claimed = _claims(told.body)
    true = {(one.transfer, one.fulfilment) for one in items}
    state = after(BULK, BulkState(row.state), said)
    if state is not None:
        if state in BULK_ENDS:
            bulk_rows.end(conn, row.bulk, state, told.at)
        else:
            conn.execute(update(b).where(b.c.bulk == row.bulk).values(state=state.value))
        refused = any(one.refused for one in items)
        whole = claimed == true and not refused if state in BULK_ENDS else claimed <= true
        if whole and told.envelope.destination != outbox.HUB:
            outbox.post(conn, told.letter(row.payer), told.at)
        else:
            bulk_rows.tell(conn, bulk_rows.known(conn, row.bulk), row.payer, told.at)
    if not claimed <= true:
        bulk_rows.tell(conn, bulk_rows.known(conn, row.bulk), row.payee, told.at)
    return False


def reject(conn: Connection, told: Inbound[Failure]) -> bool:
    """PUT /bulkTransfers/{ID}/error by the payee: what is left is let go; the payer gets it as it came. True
    while more are left."""
    row = _of_payee(conn, told)
    if row.completed_at is not None:
        return False
    reserved = bulk_rows.reserved(bulk_rows.items(conn, row.bulk))
    with told_together(conn, told.at, reserved):
        for transfer in reserved[:AT_ONCE]:
            linked.reject(conn, _single(told, transfer, told.body, told.raw))
    if len(reserved) > AT_ONCE:
        return True
    bulk_rows.end(conn, row.bulk, bulk_rows.outcome(bulk_rows.items(conn, row.bulk)), told.at)
    outbox.post(conn, told.letter(row.payer), told.at)
    return False


def show(conn: Connection, asked: Inbound[None]) -> None:
    """GET /bulkTransfers/{ID}: the present state to one of its two parties."""
    row = bulk_rows.row(conn, asked.ids["ID"])
    source = asked.envelope.source
    if row is None or source not in (row.payer, row.payee):
        raise Refused(Fault.BULK_TRANSFER, asked.ids["ID"])
    bulk_rows.tell(conn, row, source, asked.at)


def expire(conn: Connection, at: int) -> int:
    """End the bulks whose time is over, once all their transfers have ended; how many."""
    rows = conn.execute(select(b).where(_over(at), ~_under_way())).all()
    for row in rows:
        state = bulk_rows.outcome(bulk_rows.items(conn, row.bulk))
        bulk_rows.end(conn, row.bulk, state, at)
        for fsp in (row.payer, row.payee):
            if state is BulkState.COMPLETED:
                bulk_rows.tell(conn, bulk_rows.known(conn, row.bulk), fsp, at)
            else:
                bulk_rows.say(conn, row, fsp, "/error", Refused(Fault.TRANSFER_EXPIRED).body(), at)
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


def _add(conn: Connection, asked: Inbound[BulkTransfer]) -> None:
    body = asked.body
    if body.payerFsp != asked.envelope.source:
        raise Refused(Fault.PAYER_FSP, "payerFsp is not FSPIOP-Source")
    if endpoint_of(conn, body.payeeFsp) is None or body.payeeFsp == body.payerFsp:
        raise Refused(Fault.PAYEE_FSP, body.payeeFsp)
    if instant(body.expiration) <= asked.at:
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


def _prepare_some(conn: Connection, asked: Inbound[BulkTransfer], places: range) -> None:
    some = [(place, asked.body.individualTransfers[place]) for place in places]
    ids = [item.transferId for _, item in some]
    taken = set(conn.execute(select(t.c.transfer).where(t.c.transfer.in_(ids))).scalars())
    rows = []
    with told_together(conn, asked.at, ids):
        for place, item in some:
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
    content = (bulk_rows.RESOURCE, asked.envelope.version)
    own = outbox.own(asked.body.payeeFsp, asked.topic, f"/{bulk_rows.RESOURCE}", content, body, asked.at)
    return replace(own, method="POST", headers={**own.headers, "accept": own.headers["content-type"]})


def _ends(
    conn: Connection, row: Row[Any], told: Inbound[BulkTransferred], said: BulkState
) -> dict[str, _End]:
    """What the message has to end of what is reserved, by transfer; of two for one the first counts."""
    reserved = bulk_rows.reserved(bulk_rows.items(conn, row.bulk))
    held = set(reserved)
    ends: dict[str, _End] = {}
    for one in told.body.individualTransferResults:
        if one.transferId not in held or one.transferId in ends:
            continue
        if one.errorInformation is not None:
            failure = Failure(errorInformation=one.errorInformation)
            raw = failure.model_dump_json().encode()
            ends[one.transferId] = _End(linked.reject, _single(told, one.transferId, failure, raw))
        elif one.fulfilment is not None and said is not BulkState.REJECTED:
            fulfilled = Fulfil(transferState="COMMITTED", fulfilment=one.fulfilment)
            ends[one.transferId] = _End(linked.fulfil, _single(told, one.transferId, fulfilled, b""))
    if said in BULK_ENDS:
        aborted = Fulfil(transferState="ABORTED")
        for transfer in reserved:
            if transfer not in ends:
                ends[transfer] = _End(linked.fulfil, _single(told, transfer, aborted, b""))
    return ends


def _claims(said: BulkTransferred) -> set[tuple[str, str | None]]:
    """Which transfers have ended by what the payee says, each with its fulfilment where it was done."""
    return {
        (one.transferId, one.fulfilment)
        for one in said.individualTransferResults
        if one.fulfilment or one.errorInformation
    }


def _of_payee(conn: Connection, told: Inbound[Any]) -> Row[Any]:
    row = bulk_rows.row(conn, told.ids["ID"])
    if row is None or told.envelope.source != row.payee:
        raise Refused(Fault.BULK_TRANSFER, told.ids["ID"])
    return row


def _over(at: int) -> ColumnElement[bool]:
    return b.c.completed_at.is_(None) & (b.c.expires_at <= at)


def _under_way() -> ColumnElement[bool]:
    same = (i.c.bulk == b.c.bulk) & i.c.refused.is_(None) & (t.c.transfer == i.c.transfer)
    return exists().where(same, t.c.state == TransferState.RESERVED.value)
