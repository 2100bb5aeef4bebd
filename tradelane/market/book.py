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
from tradelane.market.terms import PLAIN, Terms
from tradelane.market.terms import Kind as Kind

# An enum member is looked up through its metaclass; a module name costs a third of that on every order.
_SELL = Side.SELL
# And a named tuple's own constructor costs three times the bare one.
_new = tuple.__new__


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
        self.sells = Ladder(Side.SELL)
        self.buys = Ladder(Side.BUY)
        # A stop to buy fires as the price rises, the lowest trigger first: its ladder is that of sells.
        self.stop_buys = Ladder(Side.SELL)
        self.stop_sells = Ladder(Side.BUY)
        self.last: int | None = None
        self.dip = self.peak = 0
        self.low, self.high = product.min_price, product.max_price
        if zone in rules.references:
            self._collar(rules.references[zone])

    def match(
        self, order: Order, account: Account, limit: int, left: int, seq: int, events: list[Event]
    ) -> int:  # fmt: skip
        """Fill an order from this book's other side down to the key ``limit``; the lots that are left."""
        facing = self.buys if order.side is _SELL else self.sells
        keys, levels, orders = facing.keys, facing.levels, self.orders
        guarded = self.guarded
        first = price = None
        while left and keys and keys[-1] >= limit:
            level = levels[keys[-1]]
            maker = level.head
            owner = maker.account
            if owner is account and guarded:
                left = self.prevent(maker, order, left, events)
                continue
            price = level.price
            lots = maker.left
            if lots > left:
                lots = left
                maker.left -= lots
                level.quantity -= lots
            elif maker.hidden:
                level.quantity -= lots
                renew(maker, seq)
            else:
                owner.orders -= 1
                del orders[maker.order.id]
                facing.remove(maker)
            owner.lots -= lots
            left -= lots
            events.append(_new(Fill, (maker.order, order, price, price, lots, lots, None)))
            if first is None:
                first = price
        if first is not None and price is not None:
            if first != price:
                self.printed(first)
            self.printed(price)
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
            self.remove(maker)
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
        self.orders[order.id] = resting = Resting()
        resting.order = order
        resting.kind = kind
        resting.terms = terms
        resting.account = account
        resting.left = lots
        resting.hidden = 0
        resting.seq = seq
        account.orders += 1
        account.lots += lots
        price, selling = order.price, order.side is _SELL
        ladder = self.sells if selling else self.buys
        if terms is not PLAIN:
            if terms.trigger is not None:
                price, ladder = terms.trigger, self.stop_sells if selling else self.stop_buys
            elif 0 < terms.display < lots:
                resting.left = terms.display
                resting.hidden = lots - terms.display
        ladder.add(resting, price * ladder.sign)
        return resting

    def remove(self, resting: Resting) -> None:
        """Take an order off with all that is left of it."""
        account, order = resting.account, resting.order
        account.orders -= 1
        account.lots -= resting.left + resting.hidden
        del self.orders[order.id]
        resting.level.ladder.remove(resting)

    def shrink(self, resting: Resting, lots: int) -> None:
        """Take lots off an order that keeps its place: hidden ones first. With its last it leaves."""
        unseen = min(lots, resting.hidden)
        if lots - unseen == resting.left:
            self.remove(resting)
            return
        resting.hidden -= unseen
        resting.left -= lots - unseen
        resting.level.quantity -= lots - unseen
        resting.account.lots -= lots

    def take(self, resting: Resting, lots: int, seq: int) -> None:
        """Fill so many of the lots that an order shows."""
        assert 0 < lots <= resting.left, "no order is filled beyond its quantity"
        if lots == resting.left and not resting.hidden:
            self.remove(resting)
            return
        resting.left -= lots
        resting.level.quantity -= lots
        resting.account.lots -= lots
        if not resting.left:
            renew(resting, seq)

    def printed(self, price: int) -> None:
        """Remember a trade in this zone."""
        if price == self.last:
            return
        if self.last is None:
            self.dip = self.peak = price
        elif price < self.dip:
            self.dip = price
        elif price > self.peak:
            self.peak = price
        self.last = price
        self._collar(price)

    def fired(self) -> Resting | None:
        """The first stop whose trigger was traded: buys before sells, the nearest trigger, then in line."""
        if self.last is not None:
            keys = self.stop_buys.keys
            if keys and keys[-1] >= -self.peak:
                return self.stop_buys.levels[keys[-1]].head
            keys = self.stop_sells.keys
            if keys and keys[-1] >= self.dip:
                return self.stop_sells.levels[keys[-1]].head
        return None

    def settle(self) -> None:
        """Forget prices traded before the last: no stop is left for them to fire."""
        if self.last is not None:
            self.dip = self.peak = self.last

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
            self._collar(self.last)
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

    def _collar(self, price: int) -> None:
        if self.width is not None:
            self.low = max(self.product.min_price, price - self.width)
            self.high = min(self.product.max_price, price + self.width)
