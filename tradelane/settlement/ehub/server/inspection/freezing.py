"""Money of a disputed contract stays where it is."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from tradelane.settlement.contract import State
from tradelane.settlement.ehub.server.inspection.tables import disputes
from tradelane.settlement.problem import Problem


def check(conn: Connection, contract: str) -> None:
    """Problem 409 while the contract is disputed."""
    if conn.execute(_DISPUTED, {"id": contract}).first() is not None:
        reason = "it is disputed: its money stays held until that is decided"
        raise Problem.field(409, "contract-disputed", "contract", reason)


_DISPUTED = select(disputes.c.contract).where(
    disputes.c.contract == bindparam("id"), disputes.c.state == State.DISPUTED.value
)
