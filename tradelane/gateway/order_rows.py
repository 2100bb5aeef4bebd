"""Orders as rows of the store: taken once, and answered as the first time when they come again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from tradelane.gateway import journal
from tradelane.gateway.intake import Asked, AskedAmendment
from tradelane.gateway.refusals import refuse
from tradelane.gateway.tables import amendments, contracts, orders
from tradelane.market.order import Refusal

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
    _same(conn, seq, asked.body())
    return answer(asked, seq, _filled_at_once(conn, asked.order.id, seq))


def add_amendment(conn: Connection, id: str, seq: int) -> None:
    """``seq`` is the number of the journal's entry."""
    conn.execute(insert(amendments).values(id=id, seq=seq))


def amended(asked: AskedAmendment, seq: int, filled: int) -> dict[str, Any]:
    """The answer to an amendment; ``filled``: lots traded at once."""
    filled_text = asked.product.quantity_text(filled)
    return {"id": asked.id, "order": asked.order, "seq": seq, "filled": filled_text}


def first_amended(conn: Connection, asked: AskedAmendment) -> dict[str, Any] | None:
    """As ``first_answer``."""
    seq = conn.execute(select(amendments.c.seq).where(amendments.c.id == asked.id)).scalar()
    if seq is None:
        return None
    _same(conn, seq, asked.body())
    return amended(asked, seq, _filled_at_once(conn, asked.order, seq))


def _same(conn: Connection, seq: int, body: dict[str, Any]) -> None:
    if next(journal.read(conn, seq - 1, limit=1)).body != body:
        refuse(Refusal.DUPLICATE_ID)


def _filled_at_once(conn: Connection, id: str, seq: int) -> int:
    """An order's lots in the contracts that the journal's entry ``seq`` made; none where it waits for a
    gate."""
    here = contracts.c.id.between(f"c{seq}-", f"c{seq}-~")
    sold = select(contracts.c.sent).where(here, contracts.c.seller_order == id)
    bought = select(contracts.c.received).where(here, contracts.c.buyer_order == id)
    lots: list[int] = [*conn.execute(sold).scalars(), *conn.execute(bought).scalars()]
    return sum(lots)
