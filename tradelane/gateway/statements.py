"""What members' meters counted, as their zone takes it down: a statement an interval, one correction at most.

Always true: what is taken is journaled in the same transaction; told again, it has no second effect; what an
interval counts for is its correction where there is one, else its statement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, func, insert, select

from tradelane.gateway import journal, keys, zone_heads
from tradelane.gateway.heads import SignedHead
from tradelane.gateway.intake import StatementMessage
from tradelane.gateway.tables import corrections, statements
from tradelane.market.units import Interval
from tradelane.meter.seal import Head, signs
from tradelane.settlement.problem import Problem


@dataclass(frozen=True, slots=True)
class Stated:
    """A message that has passed the door at ``now`` (ms); its interval is ``final`` from then on (ms)."""

    message: StatementMessage
    interval: Interval
    head: SignedHead | None
    now: int
    final: int

    def journal(self, conn: Connection, kind: str) -> int:
        """Its place in the journal; its head is remembered with it."""
        if self.head is not None:
            zone_heads.keep(conn, self.message.member, self.head, self.now)
        return journal.append(conn, kind, self.message.signed(), self.now)

    def row(self) -> dict[str, Any]:
        m = self.message
        return {
            "member": m.member,
            "interval_start": self.interval.start,
            "import_wh": m.import_wh,
            "export_wh": m.export_wh,
            "quality": m.quality,
            "signature": m.signature,
        }


Take = Callable[[Connection, Stated], int]


def signed_head(message: StatementMessage, public_key: str) -> SignedHead | None:
    """The head a message tells, if it tells one whole; a Problem when another key signed it."""
    if message.head_seq is None or message.head_signature is None:
        return None
    key = Ed25519PublicKey.from_public_bytes(keys.public_bytes(public_key))
    try:
        digest, signature = bytes.fromhex(message.head), bytes.fromhex(message.head_signature)
    except ValueError:
        _wrong("head", "is not hexadecimal")
    if not signs(key, signature, digest):
        _wrong("head_signature", "is not by this member's key")
    return SignedHead(message.meter, Head(message.head_seq, digest), signature)


def _wrong(field: str, reason: str) -> NoReturn:
    raise Problem.field(422, "wrong-head", field, reason)


def take_statement(conn: Connection, stated: Stated) -> int:
    """The statement's place in the journal, its first one when it was told before."""
    message = stated.message
    row = _of(conn, statements, message.member, stated.interval.start)
    if row is not None:
        if (row.import_wh, row.export_wh) != (message.import_wh, message.export_wh):
            raise Problem.field(409, "statement-exists", "start", "this interval has another statement")
        return int(row.seq)
    seq = stated.journal(conn, "statement")
    more = {"interval_end": stated.interval.end, "read_wall": message.read_wall, "seq": seq}
    conn.execute(insert(statements).values(stated.row() | more))
    return seq


def take_correction(conn: Connection, stated: Stated) -> int:
    """The correction's place in the journal, its first one when it was told before."""
    message = stated.message
    row = _of(conn, corrections, message.member, stated.interval.start)
    if row is not None:
        if (row.import_wh, row.export_wh) != (message.import_wh, message.export_wh):
            raise Problem.field(409, "correction-exists", "start", "this interval was corrected before")
        return int(row.seq)
    if _of(conn, statements, message.member, stated.interval.start) is None:
        raise Problem.field(422, "no-statement", "start", "there is no statement to correct")
    if stated.now >= stated.final:
        raise Problem.field(422, "too-late", "start", "what was metered in this interval is final")
    seq = stated.journal(conn, "correction")
    conn.execute(insert(corrections).values(stated.row() | {"seq": seq, "booked": False}))
    return seq


def stated(conn: Connection, member: str, start: int) -> Row[Any, Any] | None:
    """``export_wh`` as it is known now, and the statement's ``read_wall``; None without a statement."""
    s, c = statements.c, corrections.c
    query = (
        select(func.coalesce(c.export_wh, s.export_wh).label("export_wh"), s.read_wall)
        .select_from(statements)
        .outerjoin(corrections, (c.member == s.member) & (c.interval_start == s.interval_start))
        .where(s.member == member, s.interval_start == start)
    )
    return conn.execute(query).first()


def _of(conn: Connection, table: Any, member: str, start: int) -> Row[Any] | None:
    query = select(table).where(table.c.member == member, table.c.interval_start == start)
    return conn.execute(query).first()
