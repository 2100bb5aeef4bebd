"""What ends because its time is over: transfers, the conversions for them, and the bulks they came in."""

from __future__ import annotations

from sqlalchemy import Connection

from tradelane.settlement.ehub.server.fspiop import bulk_transfers, fx_transfers, transfers


def expire(conn: Connection, at: int) -> int:
    """End what is beyond its time at ``at`` (ms), some hundreds at a time; how many.

    A transfer that came in a bulk is told of by its bulk alone.
    """
    with bulk_transfers.told_together(conn, at):
        ended = transfers.expire(conn, at)
        fx_transfers.follow(conn, at)
    return ended + bulk_transfers.expire(conn, at) + fx_transfers.expire(conn, at)


def overdue(conn: Connection, at: int) -> bool:
    """Whether there is anything whose time is over. Only reads."""
    return any(one.overdue(conn, at) for one in (transfers, bulk_transfers, fx_transfers))
