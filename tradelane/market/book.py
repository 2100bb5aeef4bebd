"""One zone's continuous limit order book: best price first, then the sequence of priority.

Always true: ``dip ≤ last ≤ peak``, and every price traded since stops were last looked at is between dip
and peak; every open order, waiting stops included, is in ``orders`` and counted in its member's account.
While orders are matched as they come the book is never crossed. Prices are integer ticks, quantities
integer lots; there is no clock and no chance.
"""

from __future__ import annotations

from collections.abc import Callable

from tradelane.market.ladder import Ladder, Resting, renew
from tradelane.market.limits import Account
from tradelane.market.order import Order, Side
from tradelane.market.outcome import Cancelled, Event, Fill, Why
from tradelane.market.prevention import Prevention
from tradelane.market.product import Product
from tradelane.market.rules import Rules
from tradelane.market.saved import BookState, restored, saved_ladder
from tradelane.market.terms import Kind as Kind
from tradelane.market.terms import Terms

# An enum member is looked up through its metaclass; a module name costs a third of that on every order.
_SELL = Side.SELL
# And a constructor twice what it takes to fill in a bare object.
_bare = object.__new__


class Book:
    """One zone's book for one product.

    ``orders`` is the index of open orders by id; an exchange gives all its books the same one, so that an
    id is open only once. ``low`` and ``high`` are the prices an order may have now.
    """

    __slots__ = (
        "buys", "dip", "guarded", "high", "last", "low", "orders", "peak", "prevention", "product", "sells",
        "stop_buys", "stop_sells", "width", "zone",
    )  # fmt: skip

    def __init__(self, zone: str, product: Product, rules: Rules, orders: dict[str, Resting]) -> None:
        self.zone = zone
        self.product = product
        self.orders = orders
        self.prevention = rules.prevention
        self.guarded = rules.prevention is not Prevention.NONE
        self.width = rules.collar
        self.sells = Ladder(Side.SELL, orders)
        self.buys = Ladder(Side.BUY, orders)
        # A stop to buy fires as the price rises, the lowest trigger first: its ladder is that of sells.
        self.stop_buys = Ladder(Side.SELL, orders)
        self.stop_sells = Ladder(Side.BUY, orders)
        self.last: int | None = None
        self.dip = self.peak = 0
        self.low, self.high = product.min_price, product.max_price
        if self.width is not None and zone in rules.references:
            self._collar(rules.references[zone], self.width)

    def match(
        self, order: Order, account: Account, facing: Ladder, limit: int, left: int, seq: int,
        events: list[Event],
    ) -> int:  # fmt: skip
        """Fill an order from this book's other side down to the key ``limit``; the lots that are left."""
        levels, orders, emit = facing.levels, self.orders, events.append
        own = account if self.guarded else None
        while left and facing.best >= limit:
            level = levels[facing.best]
            maker, price = level.head, level.price
            owner = maker.account
            if owner is own:
                left = self.prevent(maker, order, left, events)
                continue
            if price != self.last:
                self.printed(price)
            while True:
                lots = maker.left
                if lots > left:
                    lots = left
                fill = _bare(Fill)
                fill.maker = maker.order
                fill.taker = order
                fill.maker_price = fill.taker_price = price
                fill.sent = fill.received = lots
                fill.lane = None
                emit(fill)
                left -= lots
                owner.lots -= lots
                if lots != maker.left:
                    maker.left -= lots
                    level.quantity -= lots
                    return 0
                if maker.hidden:
                    level.quantity -= lots
                    renew(maker, seq)
                    break
                owner.orders -= 1
                del orders[maker.order.id]
                after = maker.next
                if after is None:
                    facing.close(level)
                    break
                level.head = maker = after
                after.prev = None
                level.quantity -= lots
                level.orders -= 1
                owner = after.account
                if not left or owner is own:
                    break
        return left

    def prevent(self, maker: Resting, taker: Order, left: int, events: list[Event]) -> int:
        """Keep a member's two orders from trading; the lots that are left of the one that comes."""
        rule, name = self.prevention, maker.order.id
        lots = maker.left + maker.hidden
        if rule is Prevention.DECREMENT:
            lots = min(lots, left)
            events.append(Cancelled(name, lots, Why.SELF_TRADE))
            events.append(Cancelled(taker.id, lots, Why.SELF_TRADE))
            self.shrink(maker, lots)
            return left - lots
        if rule is not Prevention.NEWEST:
            events.append(Cancelled(name, lots, Why.SELF_TRADE))
            maker.level.ladder.remove(maker)
        if rule is Prevention.OLDEST:
            return left
        events.append(Cancelled(taker.id, left, Why.SELF_TRADE))
        return 0

    def rest(
        self, order: Order, kind: Kind, terms: Terms, account: Account, lots: int, seq: int
    ) -> Resting:  # fmt: skip
        """Let ``lots`` of an order stand at the end of its line, or wait for its trigger.

        The caller has matched what can be matched.
        """
        selling = order.side is _SELL
        ladder, price = self.sells if selling else self.buys, order.price
        if terms.trigger is not None:
            ladder, price = self.stop_sells if selling else self.stop_buys, terms.trigger
        resting = ladder.stand(order, kind, terms, account, lots, seq, price * ladder.sign)
        if terms.trigger is None and 0 < terms.display < lots:
            resting.left = terms.display
            resting.hidden = lots - terms.display
            resting.level.quantity -= resting.hidden
        return resting

    def shrink(self, resting: Resting, lots: int) -> None:
        """Take lots off an order that keeps its place: hidden ones first. With its last it leaves."""
        unseen = min(lots, resting.hidden)
        if lots - unseen == resting.left:
            resting.level.ladder.remove(resting)
            return
        resting.hidden -= unseen
        resting.left -= lots - unseen
        resting.level.quantity -= lots - unseen
        resting.account.lots -= lots

    def take(self, resting: Resting, lots: int, seq: int) -> None:
        """Fill so many of the lots that an order shows."""
        assert 0 < lots <= resting.left, "no order is filled beyond its quantity"
        if lots == resting.left and not resting.hidden:
            resting.level.ladder.remove(resting)
            return
        resting.left -= lots
        resting.level.quantity -= lots
        resting.account.lots -= lots
        if not resting.left:
            renew(resting, seq)

    def printed(self, price: int) -> None:
        """Remember a trade in this zone."""
        if self.last is None:
            self.dip = self.peak = price
        elif price < self.dip:
            self.dip = price
        elif price > self.peak:
            self.peak = price
        self.last = price
        if self.width is not None:
            self._collar(price, self.width)

    def fired(self) -> Resting | None:
        """The first stop whose trigger was traded: buys before sells, the nearest trigger, then in line."""
        if self.settle():
            return None
        rising, falling = self.stop_buys, self.stop_sells
        ladder = rising if rising.best >= -self.peak else falling
        return ladder.levels[ladder.best].head

    def settle(self) -> bool:
        """Forget prices traded before the last unless a stop waits for one of them; whether none does."""
        if self.last is not None:
            if self.stop_buys.best >= -self.peak or self.stop_sells.best >= self.dip:
                return False
            self.dip = self.peak = self.last
        return True

    def saved(self) -> BookState:
        """The book fit for JSON."""
        return {
            "last": self.last,
            "dip": self.dip,
            "peak": self.peak,
            "sell": saved_ladder(self.sells),
            "buy": saved_ladder(self.buys),
            "stop_sell": saved_ladder(self.stop_sells),
            "stop_buy": saved_ladder(self.stop_buys),
        }

    def restore(self, state: BookState, account_of: Callable[[str], Account]) -> None:
        """Lay a snapshot's orders into this empty book, each in the place in line it had."""
        assert not self.sells.keys and not self.buys.keys, "a book is restored before its first order"
        if state["last"] is not None:
            self.last = state["last"]
            if self.width is not None:
                self._collar(self.last, self.width)
        self.dip, self.peak = state["dip"], state["peak"]
        for side, rows in (
            (Side.SELL, state["sell"]), (Side.BUY, state["buy"]),
            (Side.SELL, state["stop_sell"]), (Side.BUY, state["stop_buy"]),
        ):  # fmt: skip
            for row in rows:
                order, kind, terms = restored(row, self.product.id, self.zone, side)
                lots = row["left"] + row["hidden"]
                resting = self.rest(order, kind, terms, account_of(order.member), lots, row["priority"])
                resting.level.quantity += row["left"] - resting.left
                resting.left, resting.hidden = row["left"], row["hidden"]

    def _collar(self, price: int, width: int) -> None:
        self.low = max(self.product.min_price, price - width)
        self.high = min(self.product.max_price, price + width)
