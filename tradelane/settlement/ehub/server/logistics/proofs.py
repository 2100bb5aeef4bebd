"""The buyer's codes: made from the hub's secret, tried a few times, waived by the operator with a reason.

Always true: a wrong code is counted whatever else becomes of the request that brought it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from tradelane.settlement.ehub.server.logistics.tables import proofs
from tradelane.settlement.logistics import proof_fits
from tradelane.settlement.problem import Problem

t = proofs


class WrongProof(Problem):
    """A wrong code, to be counted by whoever takes the request's effect back."""


class Standing(NamedTuple):
    wrong_tries: int
    waived: str | None


def standing(conn: Connection, shipment: str) -> Standing:
    """How a shipment's proof stands."""
    row = _row(conn, shipment)
    return Standing(0, None) if row is None else Standing(row.wrong_tries, row.waived)


def judged(conn: Connection, secret: bytes, row: Row[Any], code: str | None) -> tuple[bool | None, int]:
    """Whether a code fits its shipment, None when none came, and the wrong tries before it. A waiver fits."""
    stands = standing(conn, row.shipment)
    if stands.waived is not None:
        return True, 0
    return proof_fits(secret, row.shipment, code, row.proof), stands.wrong_tries


def count(conn: Connection, shipment: str) -> None:
    """One wrong code more."""
    tries = standing(conn, shipment).wrong_tries + 1
    _set(conn, shipment, {"wrong_tries": tries})


def waive(conn: Connection, shipment: str, reason: str, at: int) -> None:
    """Ask for no code from now on."""
    _set(conn, shipment, {"waived": reason, "waived_at": at})


def _set(conn: Connection, shipment: str, values: dict[str, Any]) -> None:
    if _row(conn, shipment) is None:
        conn.execute(insert(t), {"shipment": shipment, "wrong_tries": 0, **values})
    else:
        conn.execute(update(t).where(t.c.shipment == shipment).values(**values))


def _row(conn: Connection, shipment: str) -> Row[Any] | None:
    return conn.execute(_FIND, {"id": shipment}).first()


_FIND = select(t).where(t.c.shipment == bindparam("id"))
