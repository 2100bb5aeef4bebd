"""The continuous market of goods: one exchange per product and day, run on the store's writer.

Always true: a command is journaled before the exchange sees it, and its trades stand in the same
transaction. The exchange in memory is a function of the journal, and is built from it: at first use, and
again when the newest entry it has seen is not there, because the commit that held it failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, select, update

from tradelane.gateway import contracts, journal, order_rows
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.intake import Asked
from tradelane.gateway.tables import orders
from tradelane.market.book import Kind
from tradelane.market.exchange import Exchange
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Answer, Cancelled, Event, trades
from tradelane.market.product import Product
from tradelane.market.trade import Trade
from tradelane.settlement.contract import Contract, Leg

KINDS = ("goods_order", "goods_cancel")


class Refused(Exception):
    """The exchange took no part of a command; the savepoint it is raised in drops the journal entry too."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(slots=True)
class _Kept:
    """An exchange in memory, and the newest journal entry it has seen."""

    exchange: Exchange
    seen: journal.Head


class GoodsMarket:
    """The exchanges of the day, by product id. Every method runs on the store's writer."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._kept: dict[str, _Kept] = {}

    def exchange(self, conn: Connection, product: Product) -> Exchange:
        """As the journal has it."""
        return self._current(conn, product).exchange

    def _current(self, conn: Connection, product: Product) -> _Kept:
        kept = self._kept.get(product.id)
        if kept is None or not journal.holds(conn, kept.seen):
            kept = self._replayed(conn, product)
            name = _name(product)
            others = {id: k for id, k in self._kept.items() if id.partition("/")[0] != name}
            self._kept = others | {product.id: kept}
        return kept

    def _replayed(self, conn: Connection, product: Product) -> _Kept:
        lanes = self._catalogue.goods_lanes(_name(product))
        kept = _Kept(Exchange(product, self._catalogue.zones.values(), lanes), journal.NOTHING)
        first = select(orders.c.seq).where(orders.c.product == product.id).order_by(orders.c.seq).limit(1)
        start = conn.execute(first).scalar()
        if start is not None:
            for entry in journal.read(conn, start - 1, KINDS):
                if entry.body["product"] == product.id:
                    _apply(kept.exchange, entry.seq, entry.kind, entry.body)
                    kept.seen = journal.Head(entry.seq, entry.hash)
        return kept

    def submit(self, conn: Connection, asked: Asked, now: int, wall: int) -> tuple[int, int]:
        """Journal and match one order: its sequence number, and the lots traded at once. Raises Refused."""
        seq, events = self._command(conn, asked.product, KINDS[0], asked.body(), now)
        still_open = self.exchange(conn, asked.product).open_lots(asked.order.id)
        order_rows.add(conn, asked, seq, "open" if still_open else "closed", now, wall)
        made = trades(events)
        self._book(conn, asked.product, made, seq, now, wall)
        selling = asked.order.side is Side.SELL
        return seq, sum(t.sent if selling else t.received for t in made)

    def cancel(self, conn: Connection, order_id: str, product: Product, member: str, now: int) -> int:
        """Take an order off its book; the lots taken off. Raises Refused."""
        body = {"id": order_id, "member": member, "product": product.id}
        _, events = self._command(conn, product, KINDS[1], body, now)
        conn.execute(update(orders).where(orders.c.id == order_id).values(state="cancelled"))
        return sum(event.lots for event in events if isinstance(event, Cancelled))

    def _command(
        self, conn: Connection, product: Product, kind: str, body: Mapping[str, Any], now: int
    ) -> tuple[int, Sequence[Event]]:
        kept = self._current(conn, product)
        seq = journal.append(conn, kind, body, now)
        answer = _apply(kept.exchange, seq, kind, body)
        if isinstance(answer, Refusal):
            raise Refused(answer)
        kept.seen = journal.head(conn)
        return seq, answer

    def _book(
        self, conn: Connection, product: Product, trades: list[Trade], seq: int, now: int, wall: int
    ) -> None:  # fmt: skip
        lanes = {lane.id: lane for lane in self._catalogue.goods_lanes(_name(product))}
        zones = self._catalogue.zones
        made = []
        for k, trade in enumerate(trades):
            ids = (trade.seller, trade.buyer)
            seller, buyer = (
                conn.execute(select(orders.c.member, orders.c.zone).where(orders.c.id == id)).one()
                for id in ids
            )
            legs = tuple(
                Leg(lanes[id], zones[lanes[id].source], zones[lanes[id].target], trade.seller_price,
                    trade.buyer_price)
                for id in trade.path
            )  # fmt: skip
            made.append(
                Contract(
                    f"c{seq}-{k}",
                    product,
                    seller.member,
                    zones[seller.zone],
                    buyer.member,
                    zones[buyer.zone],
                    trade.sent,
                    trade.received,
                    trade.seller_price,
                    trade.buyer_price,
                    legs,
                    continuous=True,
                )
            )
            for id, lots in zip(ids, (trade.sent, trade.received), strict=True):
                filled = orders.c.filled + lots
                state = case((filled == orders.c.quantity, "closed"), else_=orders.c.state)
                conn.execute(update(orders).where(orders.c.id == id).values(filled=filled, state=state))
        contracts.add(conn, made, [(t.seller, t.buyer) for t in trades], seq, now, wall)


def _name(product: Product) -> str:
    return product.id.partition("/")[0]


def _apply(exchange: Exchange, seq: int, kind: str, body: Mapping[str, Any]) -> Answer:
    if kind == KINDS[1]:
        return exchange.cancel(body["id"], body["member"])
    order = Order(
        body["id"], seq, body["member"], body["product"], body["zone"], Side(body["side"]), body["price"],
        body["quantity"],
    )  # fmt: skip
    return exchange.submit(order, Kind(body["kind"]))
