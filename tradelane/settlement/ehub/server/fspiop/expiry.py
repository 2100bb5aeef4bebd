"""What ends because its time is over: transfers, and the bulks they came in."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.ehub.server.fspiop import bulk_transfers, outbox, transfers


def expire(conn: Connection, at: int) -> int:
    """End what is beyond its time at ``at`` (ms), some hundreds at a time; how many.

    A transfer that came in a bulk is told of by its bulk alone.
    """
    with outbox.kept(conn) as letters:
        ended = transfers.expire(conn, at)
    members = bulk_transfers.members(conn, {letter.topic for letter in letters})
    for letter in letters:
        if letter.topic not in members:
            outbox.post(conn, letter, at)
    return ended + bulk_transfers.expire(conn, at)


def overdue(conn: Connection, at: int) -> bool:
    """Whether there is anything whose time is over. Only reads."""
    return transfers.overdue(conn, at) or bulk_transfers.overdue(conn, at)
