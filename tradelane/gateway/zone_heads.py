"""The newest head of each meter's sealed chain that a zone was told: who cuts the chain does not cut this.

Always true: a head kept is signed by the member's key, and never gives way to an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from tradelane.gateway.heads import SignedHead
from tradelane.gateway.tables import heads
from tradelane.meter.seal import Head


def keep(conn: Connection, member: str, one: SignedHead, now: int) -> None:
    """Remember ``one`` as told at ``now`` (ms), unless a later one is known."""
    values: dict[str, Any] = {
        "member": member,
        "meter": one.meter,
        "seq": one.head.seq,
        "hash": one.head.hash.hex(),
        "signature": one.signature.hex(),
        "at": now,
    }
    upsert = sqlite.insert(heads).values(values)
    newer = heads.c.seq < upsert.excluded.seq
    conn.execute(upsert.on_conflict_do_update(index_elements=["member", "meter"], set_=values, where=newer))


def kept(conn: Connection, member: str | None = None) -> Iterator[SignedHead]:
    """All, or those of a member's meters."""
    query = select(heads).order_by(heads.c.member, heads.c.meter)
    if member is not None:
        query = query.where(heads.c.member == member)
    for row in conn.execute(query):
        yield SignedHead(row.meter, Head(row.seq, bytes.fromhex(row.hash)), bytes.fromhex(row.signature))
