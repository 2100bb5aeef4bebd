"""The exchange as one list of open orders, scanned anew for every match, with the formulas as written."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from tests.market.naive_book import Open, better
from tradelane.market.book import Kind
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.trade import Trade

Answer = tuple[Refusal | None, list[Trade], int, int]


class NaiveExchange:
    def __init__(self, product: Product, zones: list[Zone], lanes: list[Lane]) -> None:
        self.product = product
        self.zones = {z.id: z for z in zones}
        self.lanes = {lane.id: lane for lane in lanes}
        self.sent = dict.fromkeys(self.lanes, 0)
        self.open: list[Open] = []

    def landed(self, lane: Lane, price: int) -> int:
        tick = Fraction(self.product.tick)
        source, target = Fraction(self.zones[lane.source].fx), Fraction(self.zones[lane.target].fx)
        cost = price * tick * source * (1 + Fraction(lane.duty_ppm, 10**6)) + Fraction(lane.tariff)
        return ceil(cost / (1 - Fraction(lane.loss_ppm, 10**6)) / target / tick)

    def netback(self, lane: Lane, price: int) -> int:
        tick = Fraction(self.product.tick)
        source, target = Fraction(self.zones[lane.source].fx), Fraction(self.zones[lane.target].fx)
        worth = price * tick * target * (1 - Fraction(lane.loss_ppm, 10**6)) - Fraction(lane.tariff)
        return floor(worth / (1 + Fraction(lane.duty_ppm, 10**6)) / source / tick)

    def load(self, lane: Lane | None, offered: int, wanted: int) -> tuple[int, int]:
        if lane is None:
            return min(offered, wanted), min(offered, wanted)
        offered = min(offered, max(0, lane.capacity - self.sent[lane.id]))
        if lane.received(offered) <= wanted:
            return offered, lane.received(offered)
        return next(s for s in range(offered + 1) if lane.received(s) == wanted), wanted

    def candidates(self, taker: Order, left: int) -> list[tuple[int, int, str, Open, int, int]]:
        """The first order in line of each book in reach: (rank, seq, lane, order, sent, received)."""
        found = []
        selling = taker.side is Side.SELL
        for lane in (None, *self.lanes.values()):
            here, there = (taker.zone, taker.zone)
            if lane is not None:
                here, there = (lane.source, lane.target) if selling else (lane.target, lane.source)
            if here != taker.zone:
                continue
            facing = taker.side.other
            line = [o for o in self.open if o.order.side is facing and o.order.zone == there]
            for maker in sorted(line, key=better):
                offered, wanted = (left, maker.left) if selling else (maker.left, left)
                sent, received = self.load(lane, offered, wanted)
                if received:
                    price = maker.order.price
                    if lane is not None:
                        price = self.netback(lane, price) if selling else self.landed(lane, price)
                    if taker.side.sign * (price - taker.price) >= 0:
                        name = "" if lane is None else lane.id
                        rank = -taker.side.sign * price
                        found.append((rank, maker.order.seq, name, maker, sent, received))
                    break
        return found

    def submit(self, order: Order, kind: Kind) -> Answer:
        if any(o.order.id == order.id for o in self.open):
            return Refusal.DUPLICATE_ID, [], 0, 0
        if order.zone not in self.zones:
            return Refusal.UNKNOWN_ZONE, [], 0, 0
        if order.quantity <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE, [], 0, 0
        before = [Open(o.order, o.left) for o in self.open], dict(self.sent)
        left, trades = order.quantity, []
        while left and (found := self.candidates(order, left)):
            rank, _, name, maker, sent, received = min(found, key=lambda c: c[:3])
            trades.append(self.trade(order, maker, -order.side.sign * rank, name, sent, received))
            left -= sent if order.side is Side.SELL else received
        if left and kind is Kind.FOK:
            self.open, self.sent = before
            return Refusal.NOT_FILLABLE, [], 0, 0
        if left and kind is Kind.LIMIT:
            self.open.append(Open(order, left))
            return None, trades, left, 0
        return None, trades, 0, left

    def trade(self, taker: Order, maker: Open, price: int, lane: str, sent: int, received: int) -> Trade:
        selling = taker.side is Side.SELL
        maker.left -= received if selling else sent
        self.open = [o for o in self.open if o.left]
        if lane:
            self.sent[lane] += sent
        prices = (price, maker.order.price) if selling else (maker.order.price, price)
        ids = (taker.id, maker.order.id) if selling else (maker.order.id, taker.id)
        path = (lane,) if lane else ()
        return Trade(self.product.id, *ids, sent, received, prices[0] * 1000, prices[1] * 1000, path)

    def cancel(self, order_id: str, member: str) -> Answer:
        for o in self.open:
            if o.order.id == order_id:
                if o.order.member != member:
                    return Refusal.NOT_OWNER, [], 0, 0
                self.open.remove(o)
                return None, [], 0, o.left
        return Refusal.UNKNOWN_ORDER, [], 0, 0
