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

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tradelane.market.depth import Depth, depth
from tradelane.market.floor import Floor
from tradelane.market.ladder import Resting
from tradelane.market.limits import Account
from tradelane.market.order import Order, Refusal, Side, check
from tradelane.market.outcome import Amended, Answer, Cancelled, Event, Why
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import FREE, Rules
from tradelane.market.saved import ExchangeState, digest
from tradelane.market.session import TABLE, Phase
from tradelane.market.terms import PLAIN, Kind, Terms

_LIMIT, _POST_ONLY, _FOK, _MARKET = Kind.LIMIT, Kind.POST_ONLY, Kind.FOK, Kind.MARKET
_SELL = Side.SELL
_CONTINUOUS, _OWNER = Phase.CONTINUOUS, Why.OWNER
_BEFORE_ANY_GATE = -(1 << 62)
_bare = object.__new__


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
        self._orders = self.floor.orders

    @property
    def phase(self) -> Phase:
        return self.floor.phase

    def submit(self, order: Order, kind: Kind = Kind.LIMIT, terms: Terms = PLAIN) -> Answer:
        """Match an order near and far; what is left rests in its zone's book or is cancelled."""
        floor, limits = self.floor, self._limits
        lots, price = order.quantity, order.price
        account = self.accounts.get(order.member)
        if account is None:
            account = self.accounts[order.member] = Account()
        book = floor.plain.get(order.zone)
        if (
            book is None or kind is not _LIMIT or terms is not PLAIN
            or not 0 < lots <= limits.order_lots or account.orders >= limits.open_orders
            or account.lots + lots > limits.open_lots or not book.low <= price <= book.high
            or order.id in self._orders or order.product != self._name
        ):  # fmt: skip
            refusal = self._refuse(order, kind, terms, account)
            return refusal or self._enter(order, kind, terms, account)
        if floor.joined:
            return self._enter(order, kind, terms, account)
        floor.seq = seq = order.seq
        if order.side is _SELL:
            own, facing, key = book.sells, book.buys, -price
        else:
            own, facing, key = book.buys, book.sells, price
        if facing.best < -key:
            own.stand(order, _LIMIT, PLAIN, account, lots, seq, key)
            return ()
        events: list[Event] = []
        lots = book.match(order, account, facing, -key, lots, seq, events)
        if lots:
            own.stand(order, _LIMIT, PLAIN, account, lots, seq, key)
        if not book.settle():
            floor.fire(events, self._unfit)
        return events

    def _enter(self, order: Order, kind: Kind, terms: Terms, account: Account) -> Sequence[Event]:
        """The long way in, for any order that is not refused."""
        floor, events = self.floor, list[Event]()
        floor.seq = order.seq
        floor.enter(order, kind, terms, account, order.quantity, order.seq, events)
        if events or terms.trigger is not None:
            floor.fire(events, self._unfit)
        return events

    def cancel(self, order_id: str, member: str) -> Answer:
        """Take a member's own open order or waiting stop off."""
        resting = self._orders.get(order_id)
        if resting is None:
            return Refusal.UNKNOWN_ORDER
        if resting.order.member != member:
            return Refusal.NOT_OWNER
        phase = self.floor.phase
        if phase is not _CONTINUOUS and not TABLE[phase].cancels:
            return Refusal.NOT_IN_THIS_PHASE
        gone = _bare(Cancelled)
        gone.id = order_id
        gone.lots = resting.left + resting.hidden
        gone.why = _OWNER
        resting.level.ladder.remove(resting)
        return (gone,)

    def amend(self, order_id: str, member: str, price: int, quantity: int, seq: int) -> Answer:
        """Give an open order another price and another whole quantity, what is already done included.

        It keeps its place when it only shrinks at the same price. Otherwise it leaves and comes again on
        the same terms, as if entered at ``seq``.
        """
        resting = self.floor.orders.get(order_id)
        if resting is None:
            return Refusal.UNKNOWN_ORDER
        old = resting.order
        if old.member != member:
            return Refusal.NOT_OWNER
        less = price == old.price and quantity <= old.quantity
        order = replace(old, price=price, quantity=quantity, seq=old.seq if less else seq)
        refusal = self._refuse_amend(resting, order, less)
        if refusal is not None:
            return refusal
        self.floor.seq = seq
        lots = quantity - _done(resting)
        events: list[Event] = [Amended(order_id, price, quantity)]
        if less:
            self.floor.books[order.zone].shrink(resting, old.quantity - quantity)
            resting.order = order
            return events
        resting.level.ladder.remove(resting)
        self.floor.enter(order, resting.kind, resting.terms, resting.account, lots, seq, events)
        self.floor.fire(events, self._unfit)
        return events

    def expire(self, now: int) -> Answer:
        """Take off every order whose time is over at ``now`` (ms); time does not go back."""
        self.now = max(now, self.now)
        events: list[Event] = []
        while (resting := self.floor.expiry.pop(self.now)) is not None:
            events.append(self.floor.take_off(resting, Why.EXPIRED))
        return events

    def due(self, now: int) -> bool:
        """Whether ``expire`` would take an order off at ``now`` (ms)."""
        return self.floor.expiry.due(now)

    def turn(self, phase: Phase, seq: int) -> Answer:
        """Go into another phase of the session, with all that it brings about."""
        if phase not in TABLE[self.floor.phase].turns_to:
            return Refusal.NO_SUCH_TURN
        floor, events = self.floor, list[Event]()
        floor.seq = seq
        floor.turn(phase)
        if phase is Phase.AUCTION:
            floor.uncross(events)
        floor.fire(events, self._unfit)
        return events

    def depth(self, zone: str, levels: int) -> Depth:
        """The best ``levels`` as a trader in ``zone`` sees them: own and foreign orders at landed prices.

        Quantities are what could be bought or sold here: lots that would arrive, lots that could be sent.
        KeyError for an unknown zone.
        """
        return depth(self.product, self.floor.books[zone], self.floor.roads, levels)

    def open_lots(self, order_id: str) -> int:
        """Lots of an order that are open, those of a waiting stop too; 0 when it is none."""
        resting = self._orders.get(order_id)
        return 0 if resting is None else resting.left + resting.hidden

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
        self.now, floor.seq = state["now"], state["seq"]
        floor.turn(Phase(state["phase"]))
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
