"""Orders as rows of the store: taken once, and answered as the first time when they come again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from tradelane.gateway import journal
from tradelane.gateway.intake import Asked, refuse
from tradelane.gateway.tables import contracts, orders
from tradelane.market.order import Refusal, Side

COLUMNS = ("id", "product", "zone", "member", "side", "price", "quantity")


def add(conn: Connection, asked: Asked, seq: int, state: str, now: int, wall: int) -> None:
    """``seq`` is the journal's number, ``now`` market time and ``wall`` wall time in ms."""
    body = asked.body()
    row = {name: body[name] for name in COLUMNS}
    times = {"at": now, "received_wall": wall, "read_wall": asked.read_wall}
    conn.execute(insert(orders).values(**row, **times, seq=seq, filled=0, state=state))


def answer(asked: Asked, seq: int, filled: int) -> dict[str, Any]:
    """``filled``: lots traded at once."""
    return {"id": asked.order.id, "seq": seq, "filled": asked.product.quantity_text(filled)}


def first_answer(conn: Connection, asked: Asked) -> dict[str, Any] | None:
    """None for a new order; a changed one under an id that was used is refused."""
    seq = conn.execute(select(orders.c.seq).where(orders.c.id == asked.order.id)).scalar()
    if seq is None:
        return None
    if next(journal.read(conn, seq - 1, limit=1)).body != asked.body():
        refuse(Refusal.DUPLICATE_ID)
    return answer(asked, seq, _filled_at_once(conn, asked.order.side, seq))


def _filled_at_once(conn: Connection, side: Side, seq: int) -> int:
    """Lots in the contracts that the journal's entry ``seq`` made; none where an order waits for a gate."""
    lots = contracts.c.sent if side is Side.SELL else contracts.c.received
    made = select(lots).where(contracts.c.id.between(f"c{seq}-", f"c{seq}-~"))
    return sum(conn.execute(made).scalars())
