"""The ledger over HTTP: batches of entries, each with its own outcome, and the journal's lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from tradelane.market.units import instant, iso
from tradelane.settlement.ehub.server import ledger
from tradelane.settlement.ehub.server.commands import Answer, Command
from tradelane.settlement.ehub.server.tables import entries, pendings
from tradelane.settlement.ehub.wire import Total
from tradelane.settlement.ehub.wire_ledger import (
    EntryOutcome,
    LedgerEntry,
    LedgerLine,
    OrderTransfers,
    TransfersAnswer,
)
from tradelane.settlement.ledger import Entry, Outcome, Phase
from tradelane.settlement.problem import Problem


def order(conn: Connection, command: Command, question: OrderTransfers) -> Answer:
    """Every entry that may, in order; refusals are outcomes, and no error of the batch."""
    outcomes = ledger.execute(conn, [_entry(one) for one in question.entries], command.at)
    told = [_outcome(one.id, outcome) for one, outcome in zip(question.entries, outcomes, strict=True)]
    return Answer.of(200, TransfersAnswer(outcomes=told, at=iso(command.at)))


def find(conn: Connection, id: str) -> LedgerLine:
    """The line with this id; Problem 404."""
    row = conn.execute(LINES.where(entries.c.id == id)).first()
    if row is None:
        raise Problem.field(404, "unknown-transfer", "id", "no such transfer")
    return line(row)


def line(row: Row[Any]) -> LedgerLine:
    """A line of the journal as the wire shows it."""
    return LedgerLine(
        seq=row.seq,
        id=row.id,
        phase=row.phase,
        state=row.state,
        pending=row.ended,
        source=row.source,
        target=row.target,
        amount=Total.of(row.nano, row.currency),
        kind=row.kind,
        memo=row.memo,
        expires_at=None if row.expires_at is None else iso(row.expires_at),
        closed_at=None if row.closed_at is None else iso(row.closed_at),
        at=iso(row.at),
        hash=row.hash.hex(),
    )


def _entry(one: LedgerEntry) -> Entry:
    return Entry(
        one.id,
        Phase(one.phase),
        one.source,
        one.target,
        None if one.amount is None else one.amount.money,
        one.pending,
        one.linked,
        None if one.expires_at is None else instant(one.expires_at),
        one.kind,
        one.memo,
    )


def _outcome(id: str, outcome: Outcome) -> EntryOutcome:
    why = outcome.refusal
    if why is None:
        return EntryOutcome(id=id, result=outcome.result)
    return EntryOutcome(id=id, result=outcome.result, code=why.code, field=why.field, reason=why.reason)


_ended = entries.alias("ended")
LINES = (
    select(entries, _ended.c.id.label("ended"), pendings.c.state, pendings.c.closed_at)
    .join_from(entries, pendings, pendings.c.seq == entries.c.seq, isouter=True)
    .join(_ended, _ended.c.seq == entries.c.pending, isouter=True)
)
