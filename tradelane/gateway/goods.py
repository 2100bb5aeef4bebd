"""The continuous market of goods: one exchange per product and day, run on the store's writer.

Always true: a command is journaled before the exchange sees it, and its trades stand in the same
transaction. The exchange in memory is a function of the journal: at start it is replayed. If a commit
fails, memory and journal may differ, so the process ends and starts over from the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from tradelane.gateway import contracts, journal
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.tables import orders
from tradelane.market.book import Kind
from tradelane.market.exchange import Exchange, Outcome
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.product import Product
from tradelane.market.trade import Trade
from tradelane.settlement.contract import Contract, Leg

KINDS = ("goods_order", "goods_cancel")


class Refused(Exception):
    """The exchange took no part of a command; the savepoint it is raised in drops the journal entry too."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class GoodsMarket:
    """The exchanges of the day, by product id."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._exchanges: dict[str, Exchange] = {}

    def replay(self, conn: Connection, now: int) -> None:
        """Rebuild the exchanges open at ``now`` from the journal."""
        for product in self._catalogue.open_goods(now):
            first = select(orders.c.seq).where(orders.c.product == product.id).order_by(orders.c.seq).limit(1)
            start = conn.execute(first).scalar()
            if start is None:
                continue
            for entry in journal.read(conn, start - 1, KINDS):
                if entry.body["product"] == product.id:
                    self._apply(product, entry.seq, entry.kind, entry.body)

    def exchange(self, product: Product) -> Exchange:
        found = self._exchanges.get(product.id)
        if found is None:
            lanes = self._catalogue.goods_lanes(product.id.partition("/")[0])
            found = Exchange(product, self._catalogue.zones.values(), lanes)
            self._exchanges[product.id] = found
        return found

    def submit(
        self, conn: Connection, order: Order, product: Product, kind: Kind, now: int, wall: int
    ) -> tuple[int, Outcome]:  # fmt: skip
        """Journal and match one order; its sequence number and what it did. Raises Refused."""
        body = {
            "id": order.id,
            "member": order.member,
            "product": product.id,
            "zone": order.zone,
            "side": order.side.value,
            "price": order.price,
            "quantity": order.quantity,
            "kind": kind.value,
        }
        seq = journal.append(conn, KINDS[0], body, now)
        outcome = _accepted(self._apply(product, seq, KINDS[0], body))
        conn.execute(insert(orders), _order_row(body, seq, now, outcome, wall))
        self._book(conn, product, outcome.trades, seq, now, wall)
        return seq, outcome

    def cancel(self, conn: Connection, order_id: str, product: Product, member: str, now: int) -> Outcome:
        """Take an order off its book. Raises Refused."""
        body = {"id": order_id, "member": member, "product": product.id}
        seq = journal.append(conn, KINDS[1], body, now)
        outcome = _accepted(self._apply(product, seq, KINDS[1], body))
        conn.execute(update(orders).where(orders.c.id == order_id).values(state="cancelled"))
        return outcome

    def _apply(self, product: Product, seq: int, kind: str, body: Mapping[str, Any]) -> Outcome:
        exchange = self.exchange(product)
        if kind == KINDS[1]:
            return exchange.cancel(body["id"], body["member"])
        order = Order(
            body["id"], seq, body["member"], product.id, body["zone"], Side(body["side"]), body["price"],
            body["quantity"],
        )  # fmt: skip
        return exchange.submit(order, Kind(body["kind"]))

    def _book(
        self, conn: Connection, product: Product, trades: list[Trade], seq: int, now: int, wall: int
    ) -> None:  # fmt: skip
        lanes = {lane.id: lane for lane in self._catalogue.goods_lanes(product.id.partition("/")[0])}
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
                conn.execute(update(orders).where(orders.c.id == id).values(filled=filled))
        contracts.add(conn, made, [(t.seller, t.buyer) for t in trades], seq, now, wall)


def _accepted(outcome: Outcome) -> Outcome:
    if outcome.refusal is not None:
        raise Refused(outcome.refusal)
    return outcome


def _order_row(body: Mapping[str, Any], seq: int, now: int, outcome: Outcome, wall: int) -> dict[str, Any]:
    fields = ("id", "product", "zone", "member", "side", "price", "quantity")
    return {
        **{name: body[name] for name in fields},
        "seq": seq,
        "filled": 0,
        "state": "open" if outcome.resting else "closed",
        "at": now,
        "received_wall": wall,
    }
