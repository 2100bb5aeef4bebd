"""The continuous market of one product: a book in every zone, shared over the lanes (as SIDC does).

Always true: no book is crossed while orders are matched, nor two books over a lane with room left, as far
as a lot would arrive; no lane sends more than its capacity; a match takes the lane's room in the same
step; a stop fires only after the order that set it off has come to rest; a refused command changes
nothing; the same commands always give the same ``state_hash``.

A trade is at the resting order's own price in its own zone. The other party's price is the landed
equivalent in whole ticks of its own zone, rounded so that it covers the duty and the freight and stays
within its limit; what is over belongs to a named account of the settlement. On a lane with loss the lots
lost are rounded up a trade, so that up to one lot a trade is paid to the seller and not by the buyer.

It knows single lanes only: no path over two. A lane's capacity counts one direction; trade the other way
frees none of it. Capacity lowered below what was sent closes the lane; capacity raised under a live book,
or at ``restore``, could leave books crossed over the lane until the next order. Gates need a clock: they
are the caller's, by ``order.check``. It cannot tell an id used again after its order left: that ids are
used once is the journal's rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tradelane.market.depth import Depth, depth
from tradelane.market.floor import Floor
from tradelane.market.ladder import Resting
from tradelane.market.limits import Account
from tradelane.market.order import Order, Refusal, check
from tradelane.market.outcome import Amended, Cancelled, Event, Outcome, Why
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import FREE, Rules
from tradelane.market.saved import ExchangeState, digest
from tradelane.market.session import TABLE, Phase
from tradelane.market.terms import PLAIN, Kind, Terms

_LIMIT, _POST_ONLY, _FOK, _MARKET = Kind.LIMIT, Kind.POST_ONLY, Kind.FOK, Kind.MARKET
_CONTINUOUS, _OWNER = Phase.CONTINUOUS, Why.OWNER
_BEFORE_ANY_GATE = -(1 << 62)
_new = tuple.__new__


class Exchange:
    """One product's books and lanes. ValueError for a lane to nowhere or an id used twice.

    ``now`` is the latest instant it was told by ``expire``; ``seq`` the latest sequence number.
    """

    def __init__(
        self, product: Product, zones: Iterable[Zone], lanes: Iterable[Lane], rules: Rules = FREE,
        phase: Phase = Phase.CONTINUOUS,
    ) -> None:  # fmt: skip
        self.product = product
        self.rules = rules
        self._name, self._limits = product.id, rules.limits
        self.now = -1
        self.accounts: dict[str, Account] = {}
        self.floor = Floor(product, zones, lanes, rules, phase)

    def submit(self, order: Order, kind: Kind = Kind.LIMIT, terms: Terms = PLAIN) -> Outcome:
        """Match an order near and far; what is left rests in its zone's book or is cancelled."""
        floor, limits, lots = self.floor, self._limits, order.quantity
        account = self.accounts.get(order.member) or Account()
        book = floor.books.get(order.zone)
        plain = (
            terms is PLAIN and kind is _LIMIT and floor.phase is _CONTINUOUS and lots > 0 and book is not None
            and book.low <= order.price <= book.high and order.id not in floor.orders
            and order.product == self._name and lots <= limits.order_lots
            and account.orders < limits.open_orders and account.lots + lots <= limits.open_lots
        )  # fmt: skip
        if not plain:
            refusal = self._refuse(order, kind, terms, account)
            if refusal is not None:
                return Outcome(refusal, order.id, (), 0)
        if not account.orders:
            self.accounts[order.member] = account
        floor.seq = order.seq
        events: list[Event] = []
        resting = floor.enter(order, kind, terms, account, lots, order.seq, events)
        if events or terms.trigger is not None:
            floor.fire(events, self._unfit)
        return _new(Outcome, (None, order.id, events, resting))

    def cancel(self, order_id: str, member: str) -> Outcome:
        """Take a member's own open order or waiting stop off."""
        floor = self.floor
        resting = floor.orders.get(order_id)
        if resting is None:
            return Outcome(Refusal.UNKNOWN_ORDER, order_id, (), 0)
        order = resting.order
        if order.member != member:
            return Outcome(Refusal.NOT_OWNER, order_id, (), 0)
        if floor.phase is not _CONTINUOUS and not TABLE[floor.phase].cancels:
            return Outcome(Refusal.NOT_IN_THIS_PHASE, order_id, (), 0)
        gone = _new(Cancelled, (order_id, resting.left + resting.hidden, _OWNER))
        floor.books[order.zone].remove(resting)
        return _new(Outcome, (None, order_id, (gone,), 0))

    def amend(self, order_id: str, member: str, price: int, quantity: int, seq: int) -> Outcome:
        """Give an open order another price and another whole quantity, what is already done included.

        It keeps its place when it only shrinks at the same price. Otherwise it leaves and comes again on
        the same terms, as if entered at ``seq``.
        """
        resting = self.floor.orders.get(order_id)
        if resting is None:
            return Outcome(Refusal.UNKNOWN_ORDER, order_id, (), 0)
        old = resting.order
        if old.member != member:
            return Outcome(Refusal.NOT_OWNER, order_id, (), 0)
        less = price == old.price and quantity <= old.quantity
        order = replace(old, price=price, quantity=quantity, seq=old.seq if less else seq)
        refusal = self._refuse_amend(resting, order, less)
        if refusal is not None:
            return Outcome(refusal, order_id, (), 0)
        self.floor.seq = seq
        lots = quantity - _done(resting)
        events: list[Event] = [Amended(order_id, price, quantity)]
        book = self.floor.books[order.zone]
        if less:
            book.shrink(resting, old.quantity - quantity)
            resting.order = order
            return Outcome(None, order_id, events, lots)
        book.remove(resting)
        left = self.floor.enter(order, resting.kind, resting.terms, resting.account, lots, seq, events)
        self.floor.fire(events, self._unfit)
        return Outcome(None, order_id, events, left)

    def expire(self, now: int) -> Outcome:
        """Take off every order whose time is over at ``now`` (ms); time does not go back."""
        self.now = max(now, self.now)
        events: list[Event] = []
        while (resting := self.floor.expiry.pop(self.now)) is not None:
            events.append(self.floor.take_off(resting, Why.EXPIRED))
        return Outcome(None, "", events, 0)

    def turn(self, phase: Phase, seq: int) -> Outcome:
        """Go into another phase of the session, with all that it brings about."""
        if phase not in TABLE[self.floor.phase].turns_to:
            return Outcome(Refusal.NO_SUCH_TURN, "", (), 0)
        floor, events = self.floor, list[Event]()
        floor.phase, floor.seq = phase, seq
        if phase is Phase.AUCTION:
            floor.uncross(events)
        floor.fire(events, self._unfit)
        return Outcome(None, "", events, 0)

    def depth(self, zone: str, levels: int) -> Depth:
        """The best ``levels`` as a trader in ``zone`` sees them: own and foreign orders at landed prices.

        Quantities are what could be bought or sold here: lots that would arrive, lots that could be sent.
        KeyError for an unknown zone.
        """
        return depth(self.product, self.floor.books[zone], self.floor.roads, levels)

    def sent(self, lane_id: str) -> int:
        """Lots sent over a lane so far. KeyError for an unknown lane."""
        return self.floor.roads.sent(lane_id)

    def snapshot(self) -> ExchangeState:
        """The whole state, fit for JSON, every order in its place in line."""
        floor = self.floor
        return {
            "product": self.product.id,
            "phase": floor.phase.value,
            "now": self.now,
            "seq": floor.seq,
            "sent": {name: self.sent(name) for name in sorted(floor.roads.lanes)},
            "books": {name: floor.books[name].saved() for name in sorted(floor.books)},
        }

    def restore(self, state: ExchangeState) -> None:
        """Take up a snapshot in a new exchange of the same product, zones, lanes and rules.

        ValueError when product, zones or lanes differ.
        """
        floor = self.floor
        if state["product"] != self.product.id:
            raise ValueError(f"the snapshot is of {state['product']}, not of {self.product.id}")
        if state["books"].keys() != floor.books.keys() or state["sent"].keys() != floor.roads.lanes.keys():
            raise ValueError("the snapshot has other zones or lanes")
        self.now, floor.phase, floor.seq = state["now"], Phase(state["phase"]), state["seq"]
        floor.roads.restore(state["sent"])
        for name, book in state["books"].items():
            floor.books[name].restore(book, lambda member: self.accounts.setdefault(member, Account()))
        for resting in floor.orders.values():
            floor.expiry.add(resting)

    def state_hash(self) -> str:
        """sha256 (hex) of the canonical JSON of the snapshot: equal markets have equal hashes."""
        return digest(self.snapshot())

    def _refuse(self, order: Order, kind: Kind, terms: Terms, account: Account) -> Refusal | None:
        """All that ``submit`` looks at, with the reason."""
        if order.id in self.floor.orders:
            return Refusal.DUPLICATE_ID
        refusal = self._unfit(order, kind, terms, account, order.quantity)
        return refusal or self.rules.limits.refusal(account, order.quantity)

    def _unfit(
        self, order: Order, kind: Kind, terms: Terms, account: Account, lots: int
    ) -> Refusal | None:  # fmt: skip
        """The first reason to refuse an order whose id and limits are in order."""
        quoted = replace(order, price=self.product.min_price) if kind is _MARKET else order
        refusal = check(quoted, self.product, self.floor.books, _BEFORE_ANY_GATE)
        if refusal is None:
            refusal = terms.refusal(kind, self.product, self.now)
        if refusal is not None:
            return refusal
        if kind not in TABLE[self.floor.phase].takes:
            return Refusal.NOT_IN_THIS_PHASE
        book = self.floor.books[order.zone]
        if terms.trigger is not None:
            return None
        if kind is not _MARKET and not book.low <= order.price <= book.high:
            return Refusal.OUTSIDE_COLLAR
        if kind is _POST_ONLY and self.floor.would_trade(order, lots):
            return Refusal.WOULD_TRADE
        if kind is _FOK and not self.floor.fillable(order, account, lots):
            return Refusal.NOT_FILLABLE
        return None

    def _refuse_amend(self, resting: Resting, order: Order, less: bool) -> Refusal | None:
        open_lots = resting.left + resting.hidden
        lots = order.quantity - _done(resting)
        if order.quantity <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        if lots <= 0:
            return Refusal.ALREADY_DONE
        if less:
            return None if resting.kind in TABLE[self.floor.phase].takes else Refusal.NOT_IN_THIS_PHASE
        account = resting.account
        refusal = self._unfit(order, resting.kind, resting.terms, account, lots)
        if refusal is not None:
            return refusal
        others = Account(account.orders - 1, account.lots - open_lots)
        return self.rules.limits.refusal(others, lots)


def _done(resting: Resting) -> int:
    return resting.order.quantity - resting.left - resting.hidden
