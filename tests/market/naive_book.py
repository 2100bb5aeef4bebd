"""The continuous book as a list that is scanned: slow, and easy to see that it is right."""

from __future__ import annotations

from dataclasses import dataclass

from tradelane.market.book import Fill, Kind
from tradelane.market.order import Order, Refusal, Side


@dataclass
class Open:
    order: Order
    left: int


def within(taker: Order, maker: Order) -> bool:
    return maker.price <= taker.price if taker.side is Side.BUY else maker.price >= taker.price


def better(maker: Open) -> tuple[int, int]:
    order = maker.order
    return (order.price if order.side is Side.SELL else -order.price, order.seq)


class NaiveBook:
    def __init__(self) -> None:
        self.open: list[Open] = []

    def submit(self, order: Order, kind: Kind) -> list[Fill] | Refusal:
        if any(o.order.id == order.id for o in self.open):
            return Refusal.DUPLICATE_ID
        if order.quantity <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        makers = [o for o in self.open if o.order.side is not order.side and within(order, o.order)]
        if kind is Kind.FOK and sum(o.left for o in makers) < order.quantity:
            return Refusal.NOT_FILLABLE
        left, fills = order.quantity, []
        for maker in sorted(makers, key=better):
            lots = min(left, maker.left)
            if lots:
                m = maker.order
                fills.append(Fill(m.id, order.id, m.price, lots, m.seq, order.seq))
            maker.left -= lots
            left -= lots
        self.open = [o for o in self.open if o.left]
        if left and kind is Kind.LIMIT:
            self.open.append(Open(order, left))
        return fills

    def cancel(self, order_id: str, member: str) -> int | Refusal:
        for o in self.open:
            if o.order.id == order_id:
                if o.order.member != member:
                    return Refusal.NOT_OWNER
                self.open.remove(o)
                return o.left
        return Refusal.UNKNOWN_ORDER

    def side(self, side: Side) -> list[tuple[str, int]]:
        """Open orders of one side as (id, lots left), in the order in which they would be filled."""
        return [(o.order.id, o.left) for o in sorted(self.open, key=better) if o.order.side is side]
