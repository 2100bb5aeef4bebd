"""The continuous market of one product: a book in every zone, shared over the lanes (as SIDC does).

Always true: no book is crossed, nor two books over a lane with room left, as far as a lot would arrive;
no lane sends more than its capacity; a match takes the lane's room in the same step; a refused command
changes nothing; the same commands always give the same ``state_hash``.

A trade is at the resting order's own price in its own zone. The other party's price is the landed
equivalent in whole ticks of its own zone, rounded so that it covers the duty and the freight and stays
within its limit; what is over belongs to a named account of the settlement. On a lane with loss the lots
lost are rounded up a trade, so that up to one lot a trade is paid to the seller and not by the buyer.

It knows single lanes only: no path over two. A lane's capacity counts one direction; trade the other way
frees none of it. Capacity lowered below what was sent closes the lane; capacity raised under a live book,
or at ``restore``, could leave books crossed over the lane until the next order. Gates need a clock: they
are the caller's, by ``order.check``. A member may trade with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter
from typing import TypedDict, TypeVar

from tradelane.market.book import Book, BookState, Depth, Kind, digest
from tradelane.market.ladder import DepthLevel, Ladder, Resting
from tradelane.market.landed import Landed
from tradelane.market.order import Order, Refusal, Side, check
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.sweep import EVERYTHING, Road, Step, View, sweep
from tradelane.market.trade import Trade
from tradelane.market.units import MILLI

Named = TypeVar("Named", Zone, Lane)
_BEFORE_ANY_GATE = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did: ``trades`` in the order they were made, lots ``resting``, lots ``cancelled``."""

    refusal: Refusal | None = None
    trades: list[Trade] = field(default_factory=list)
    resting: int = 0
    cancelled: int = 0


class ExchangeState(TypedDict):
    """The exchange on file: lots ``sent`` by lane id, books by zone id."""

    product: str
    sent: dict[str, int]
    books: dict[str, BookState]


class Exchange:
    """One product's books and lanes. ValueError for a lane to nowhere or an id used twice."""

    def __init__(self, product: Product, zones: Iterable[Zone], lanes: Iterable[Lane]) -> None:
        self.product = product
        self._orders: dict[str, Resting] = {}
        places = _by_id(zones, "zone")
        self._lanes = _by_id(lanes, "lane")
        self._books = {name: Book(self._orders) for name in places}
        self._roads = {lane.id: _road(lane, places, product) for lane in self._lanes.values()}
        self._views = {
            side: {name: self._views_of(name, side) for name in places} for side in (Side.SELL, Side.BUY)
        }

    def submit(self, order: Order, kind: Kind = Kind.LIMIT) -> Outcome:
        """Match an order near and far; what is left rests in its zone's book or is cancelled."""
        refusal = self._refuse(order)
        if refusal is not None:
            return Outcome(refusal)
        selling = order.side is Side.SELL
        views = self._views[order.side][order.zone]
        steps = list(sweep(views, order.price, order.quantity, selling))
        left = order.quantity - sum(step.sent if selling else step.received for step in steps)
        if left and kind is Kind.FOK:
            return Outcome(Refusal.NOT_FILLABLE)
        trades = [self._execute(order, step, selling) for step in steps]
        if left and kind is Kind.LIMIT:
            self._books[order.zone].rest(order, left)
            return Outcome(None, trades, resting=left)
        return Outcome(None, trades, cancelled=left)

    def cancel(self, order_id: str, member: str) -> Outcome:
        """Take a member's own open order off its book."""
        resting = self._orders.get(order_id)
        if resting is None:
            return Outcome(Refusal.UNKNOWN_ORDER)
        answer = self._books[resting.order.zone].cancel(order_id, member)
        return Outcome(answer) if isinstance(answer, Refusal) else Outcome(cancelled=answer)

    def depth(self, zone: str, levels: int) -> Depth:
        """The best ``levels`` as a trader in ``zone`` sees them: own and foreign orders at landed prices.

        Quantities are what could be bought or sold here: lots that would arrive, lots that could be sent.
        KeyError for an unknown zone.
        """
        to_buy = sweep(self._views[Side.BUY][zone], self.product.max_price, EVERYTHING, False)
        to_sell = sweep(self._views[Side.SELL][zone], self.product.min_price, EVERYTHING, True)
        return Depth(_levels(to_buy, levels, False), _levels(to_sell, levels, True))

    def sent(self, lane_id: str) -> int:
        """Lots sent over a lane so far. KeyError for an unknown lane."""
        return self._lanes[lane_id].capacity - self._roads[lane_id].room

    def snapshot(self) -> ExchangeState:
        """The whole state, fit for JSON, every order in its place in line."""
        return {
            "product": self.product.id,
            "sent": {name: self.sent(name) for name in sorted(self._roads)},
            "books": {name: self._books[name].snapshot() for name in sorted(self._books)},
        }

    def restore(self, state: ExchangeState) -> None:
        """Take up a snapshot in a new exchange of the same product, zones and lanes; ValueError if not."""
        if state["product"] != self.product.id:
            raise ValueError(f"the snapshot is of {state['product']}, not of {self.product.id}")
        if state["books"].keys() != self._books.keys() or state["sent"].keys() != self._roads.keys():
            raise ValueError("the snapshot has other zones or lanes")
        for name, book in state["books"].items():
            self._books[name].restore(book, self.product.id, name)
        for name, lots in state["sent"].items():
            self._roads[name].room = self._lanes[name].capacity - lots

    def state_hash(self) -> str:
        """sha256 (hex) of the canonical JSON of the snapshot."""
        return digest(self.snapshot())

    def _views_of(self, zone: str, side: Side) -> list[View]:
        """Where an order of ``side`` in ``zone`` looks: at home, then over its lanes by id."""
        selling = side is Side.SELL
        views = [View(self._facing(zone, side), None, selling)]
        for name, lane in sorted(self._lanes.items()):
            here, there = (lane.source, lane.target) if selling else (lane.target, lane.source)
            if here == zone:
                views.append(View(self._facing(there, side), self._roads[name], selling))
        return views

    def _facing(self, zone: str, side: Side) -> Ladder:
        return self._books[zone].buys if side is Side.SELL else self._books[zone].sells

    def _refuse(self, order: Order) -> Refusal | None:
        if order.id in self._orders:
            return Refusal.DUPLICATE_ID
        return check(order, self.product, self._books, _BEFORE_ANY_GATE)

    def _execute(self, order: Order, step: Step, selling: bool) -> Trade:
        maker, road = step.maker.order, step.road
        self._books[maker.zone].take(step.maker, step.received if selling else step.sent)
        if road is not None:
            road.room -= step.sent
        seller, buyer = (order, maker) if selling else (maker, order)
        own, other = step.price * MILLI, maker.price * MILLI
        return Trade(
            product=self.product.id,
            seller=seller.id,
            buyer=buyer.id,
            sent=step.sent,
            received=step.received,
            seller_price=own if selling else other,
            buyer_price=other if selling else own,
            path=() if road is None else (road.id,),
        )


def _road(lane: Lane, zones: dict[str, Zone], product: Product) -> Road:
    ends = zones.get(lane.source), zones.get(lane.target)
    if ends[0] is None or ends[1] is None:
        raise ValueError(f"lane {lane.id} runs between zones of this market")
    if lane.source == lane.target:
        raise ValueError(f"lane {lane.id} starts where it ends")
    return Road(lane.id, Landed(lane, ends[0], ends[1], product.tick), lane.capacity)


def _by_id(things: Iterable[Named], what: str) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for thing in things:
        if thing.id in found:
            raise ValueError(f"two {what}s have the id {thing.id}")
        found[thing.id] = thing
    return found


def _levels(steps: Iterator[Step], levels: int, selling: bool) -> list[DepthLevel]:
    found = []
    for price, group in islice(groupby(steps, key=attrgetter("price")), levels):
        lots = [step.sent if selling else step.received for step in group]
        found.append(DepthLevel(price, sum(lots), len(lots)))
    return found
