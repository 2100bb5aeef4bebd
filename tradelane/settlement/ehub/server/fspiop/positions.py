"""Positions, a row for each participant and currency: reserved by prepare, moved by commit, capped."""

from __future__ import annotations

from sqlalchemy import Connection, Update, select, update

from tradelane.settlement.ehub.server.fspiop.tables import positions as p


def exists(conn: Connection, fsp: str, currency: str) -> bool:
    query = select(p.c.cap_nano).where(p.c.participant == fsp, p.c.currency == currency)
    return conn.execute(query).first() is not None


def reserve(conn: Connection, fsp: str, currency: str, nano: int) -> bool:
    """Reserve within the net debit cap; False, and nothing done, beyond it."""
    room = p.c.position_nano + p.c.reserved_nano + nano <= p.c.cap_nano
    change = _row(fsp, currency).where(room).values(reserved_nano=p.c.reserved_nano + nano)
    return conn.execute(change).rowcount == 1


def release(conn: Connection, fsp: str, currency: str, nano: int) -> None:
    """Let go of what was reserved."""
    conn.execute(_row(fsp, currency).values(reserved_nano=p.c.reserved_nano - nano))


def move(conn: Connection, payer: str, payee: str, currency: str, nano: int) -> None:
    """What the payer reserved becomes what it owes, and the payee is owed."""
    owed = {"position_nano": p.c.position_nano + nano, "reserved_nano": p.c.reserved_nano - nano}
    conn.execute(_row(payer, currency).values(**owed))
    conn.execute(_row(payee, currency).values(position_nano=p.c.position_nano - nano))


def _row(fsp: str, currency: str) -> Update:
    return update(p).where(p.c.participant == fsp, p.c.currency == currency)
