"""The trading floor of one product: orders that were let in are matched, rest, wait, fire and leave here.

Always true: every open order is in one book and in ``orders``; a stop fires only after the order that set
it off has come to rest, or books could be left crossed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import attrgetter

from tradelane.market.book import Book
from tradelane.market.expiry import Expiry
from tradelane.market.ladder import Resting
from tradelane.market.limits import Account
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Cancelled, Event, Fill, Triggered, Why
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.roads import Roads
from tradelane.market.rules import Rules
from tradelane.market.session import Phase
from tradelane.market.sweep import match_over, meet, reachable
from tradelane.market.terms import Kind, Terms
from tradelane.market.trial import Trial
from tradelane.market.uncross import uncross

# An enum member is looked up through its metaclass; a module name costs a third of that on every order.
_SELL, _MARKET = Side.SELL, Kind.MARKET
_PRE_OPEN, _CONTINUOUS = Phase.PRE_OPEN, Phase.CONTINUOUS

Check = Callable[[Order, Kind, Terms, Account, int], Refusal | None]


class Floor:
    """Books by zone, lanes, and what they share. ``seq`` is the latest sequence number; ``plain`` are the
    books in which orders are matched as they come: all or, in other phases, none.

    ValueError for a lane to nowhere or an id used twice.
    """

    def __init__(
        self, product: Product, zones: Iterable[Zone], lanes: Iterable[Lane], rules: Rules, phase: Phase
    ) -> None:  # fmt: skip
        places = list(zones)
        self.rules = rules
        self.seq = -1
        self.orders: dict[str, Resting] = {}
        self.expiry = Expiry(self.orders)
        self.books = {zone.id: Book(zone.id, product, rules, self.orders) for zone in places}
        self.roads = Roads(product, places, lanes, self.books)
        self.joined = bool(self.roads.lanes)
        self.plain: dict[str, Book] = {}
        self.turn(phase)

    def turn(self, phase: Phase) -> None:
        """Be in a phase."""
        self.phase = phase
        self.plain = self.books if phase is _CONTINUOUS else {}

    def enter(
        self, order: Order, kind: Kind, terms: Terms, account: Account, lots: int, seq: int,
        events: list[Event],
    ) -> None:  # fmt: skip
        """Match an order, or let it wait for its trigger."""
        book = self.books[order.zone]
        if terms.trigger is None and self.phase is not _PRE_OPEN:
            if order.side is _SELL:
                price = limit = order.price if kind is not _MARKET else book.low
                facing = book.buys
            else:
                price = order.price if kind is not _MARKET else book.high
                facing, limit = book.sells, -price
            if self.joined and reachable(self.roads.far(book.zone, order.side), price):
                views = reachable(self.roads.views(book.zone, order.side), price)
                lots = match_over(views, book, order, account, lots, seq, events)
            elif facing.best >= limit:
                lots = book.match(order, account, facing, limit, lots, seq, events)
            if not lots:
                return
            if not kind.rests:
                events.append(Cancelled(order.id, lots, Why.REST))
                return
        resting = book.rest(order, kind, terms, account, lots, seq)
        if terms.until is not None:
            self.expiry.add(resting)

    def fire(self, events: list[Event], unfit: Check) -> None:
        """Let every stop come whose trigger was traded, by zone, until none is left."""
        if self.phase is not _CONTINUOUS:
            return
        while (resting := _fired(self.books.values())) is not None:
            order, account, lots = resting.order, resting.account, resting.left
            resting.level.ladder.remove(resting)
            events.append(Triggered(order.id))
            terms = replace(resting.terms, trigger=None)
            if unfit(order, resting.kind, terms, account, lots) is None:
                self.enter(order, resting.kind, terms, account, lots, self.seq, events)
            else:
                events.append(Cancelled(order.id, lots, Why.REFUSED))

    def take_off(self, resting: Resting, why: Why) -> Cancelled:
        """Take an order or a waiting stop off with all that is left of it."""
        order, lots = resting.order, resting.left + resting.hidden
        resting.level.ladder.remove(resting)
        return Cancelled(order.id, lots, why)

    def uncross(self, events: list[Event]) -> None:
        """Trade all that crosses: in each zone at one price, then what still crosses over lanes."""
        for zone, book in self.books.items():
            reference = self.rules.references.get(zone) if book.last is None else book.last
            uncross(book, reference, events)
        if self.joined:
            self._uncross_lanes(events)

    def would_trade(self, order: Order, lots: int) -> bool:
        """Whether an order would meet another at once."""
        return meet(reachable(self.roads.views(order.zone, order.side), order.price), lots) is not None

    def fillable(self, order: Order, account: Account, lots: int) -> bool:
        """Whether an order would trade so many lots at once."""
        trial, events = Trial(), list[Event]()
        views = reachable(trial.views(self.roads.views(order.zone, order.side)), order.price)
        book = trial.book(self.books[order.zone])
        match_over(views, book, order, trial.account(account), lots, self.seq, events)
        fills = [event for event in events if isinstance(event, Fill)]
        return sum(f.sent if order.side is _SELL else f.received for f in fills) == lots

    def _uncross_lanes(self, events: list[Event]) -> None:
        """Trade what crosses over lanes, as if all orders came once more in the sequence of priority."""
        sides = [side for book in self.books.values() for side in (book.sells, book.buys)]
        standing = sorted((resting for side in sides for resting in side), key=attrgetter("seq"))
        for resting in standing:
            resting.level.ladder.remove(resting)
        for resting in standing:
            self.enter(
                resting.order, resting.kind, resting.terms, resting.account,
                resting.left + resting.hidden, resting.seq, events,
            )  # fmt: skip


def _fired(books: Iterable[Book]) -> Resting | None:
    for book in books:
        resting = book.fired()
        if resting is not None:
            return resting
    return None
