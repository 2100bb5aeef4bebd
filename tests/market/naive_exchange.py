"""The exchange as one list of open orders, scanned anew for every match, with the formulas as written."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from tests.market.naive_lanes import NaiveLanes
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Amended, Answer, Cancelled, Event, Fill, Triggered, Why
from tradelane.market.prevention import Prevention
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import FREE, Rules
from tradelane.market.session import Phase
from tradelane.market.terms import PLAIN, Kind, Terms

TURNS = {"pre_open": "auction halted", "auction": "continuous halted"} | {
    "continuous": "pre_open halted",
    "halted": "pre_open auction",
}
RESTS = (Kind.LIMIT, Kind.POST_ONLY)


@dataclass(eq=False)
class Open:
    order: Order
    left: int
    hidden: int
    kind: Kind
    terms: Terms
    seq: int
    place: int

    @property
    def waits(self) -> bool:
        return self.terms.trigger is not None

    @property
    def lots(self) -> int:
        return self.left + self.hidden


def better(maker: Open) -> tuple[int, int]:
    order = maker.order
    return (order.side.sign * order.price, maker.place)


Candidate = tuple[tuple[int, int, str], Open, int, int, int]


class NaiveExchange(NaiveLanes):
    def __init__(
        self, product: Product, zones: list[Zone], lanes: list[Lane], rules: Rules = FREE,
        phase: Phase = Phase.CONTINUOUS,
    ) -> None:  # fmt: skip
        super().__init__(product, zones, lanes)
        self.rules = rules
        self.phase = phase
        self.open: list[Open] = []
        self.printed: dict[str, list[int]] = {z: [] for z in self.zones}
        """Prices traded by zone; of those before stops were last looked at, only the latest."""
        self.now = self.seq = -1
        self.places = 0

    # Looking: prices, lots and who is met.

    def line(self, zone: str, side: Side) -> list[Open]:
        found = [o for o in self.open if not o.waits and o.order.zone == zone and o.order.side is side]
        return sorted(found, key=better)

    def candidates(self, taker: Order, limit: int, left: int) -> list[Candidate]:
        """The first order in line of each book in reach, with its price, and lots sent and received."""
        found: list[Candidate] = []
        selling = taker.side is Side.SELL
        for lane in (None, *self.lanes.values()):
            here, there = (taker.zone, taker.zone)
            if lane is not None:
                here, there = (lane.source, lane.target) if selling else (lane.target, lane.source)
            if here != taker.zone:
                continue
            for maker in self.line(there, taker.side.other):
                offered, wanted = (left, maker.left) if selling else (maker.left, left)
                sent, received = self.load(lane, offered, wanted)
                if received:
                    price = maker.order.price
                    if lane is not None:
                        price = self.netback(lane, price) if selling else self.landed(lane, price)
                    if taker.side.sign * (price - limit) >= 0:
                        rank = (-taker.side.sign * price, maker.seq, "" if lane is None else lane.id)
                        found.append((rank, maker, price, sent, received))
                    break
        return found

    def band(self, zone: str) -> tuple[int, int]:
        low, high = self.product.min_price, self.product.max_price
        reference = self.printed[zone][-1] if self.printed[zone] else self.rules.references.get(zone)
        if self.rules.collar is None or reference is None:
            return low, high
        return max(low, reference - self.rules.collar), min(high, reference + self.rules.collar)

    def limit_of(self, order: Order, kind: Kind) -> int:
        return order.price if kind is not Kind.MARKET else self.band(order.zone)[order.side is Side.BUY]

    def unfit(self, order: Order, kind: Kind, terms: Terms, lots: int) -> Refusal | None:
        low, high = self.product.min_price, self.product.max_price
        if order.zone not in self.zones:
            return Refusal.UNKNOWN_ZONE
        if order.quantity <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        if kind is not Kind.MARKET and not low <= order.price <= high:
            return Refusal.PRICE_OUT_OF_RANGE
        if terms.display < 0:
            return Refusal.DISPLAY_NEGATIVE
        if (terms.display or terms.until is not None) and kind not in RESTS:
            return Refusal.DOES_NOT_REST
        if terms.until is not None and terms.until <= self.now:
            return Refusal.ALREADY_EXPIRED
        if terms.trigger is not None and not low <= terms.trigger <= high:
            return Refusal.TRIGGER_OUT_OF_RANGE
        if not (self.phase is Phase.CONTINUOUS or (self.phase is Phase.PRE_OPEN and kind is Kind.LIMIT)):
            return Refusal.NOT_IN_THIS_PHASE
        if terms.trigger is not None:
            return None
        low, high = self.band(order.zone)
        if kind is not Kind.MARKET and not low <= order.price <= high:
            return Refusal.OUTSIDE_COLLAR
        if kind is Kind.POST_ONLY and self.candidates(order, order.price, lots):
            return Refusal.WOULD_TRADE
        if kind is Kind.FOK:
            trial, events = copy.deepcopy(self), list[Event]()
            trial.match(order, kind, lots, self.seq, events)
            fills = [e for e in events if isinstance(e, Fill)]
            if sum(f.sent if order.side is Side.SELL else f.received for f in fills) < lots:
                return Refusal.NOT_FILLABLE
        return None

    def too_much(self, member: str, lots: int, besides: Open | None = None) -> Refusal | None:
        own = [o for o in self.open if o.order.member == member and o is not besides]
        if lots > self.rules.limits.order_lots:
            return Refusal.ORDER_TOO_LARGE
        if len(own) >= self.rules.limits.open_orders:
            return Refusal.TOO_MANY_OPEN_ORDERS
        if sum(o.lots for o in own) + lots > self.rules.limits.open_lots:
            return Refusal.TOO_MANY_OPEN_LOTS
        return None

    def named(self, order_id: str) -> Open | None:
        return next((o for o in self.open if o.order.id == order_id), None)

    # Doing.

    def submit(self, order: Order, kind: Kind = Kind.LIMIT, terms: Terms = PLAIN) -> Answer:
        if self.named(order.id):
            return Refusal.DUPLICATE_ID
        refusal = self.unfit(order, kind, terms, order.quantity) or self.too_much(
            order.member, order.quantity
        )
        if refusal:
            return refusal
        self.seq = order.seq
        events: list[Event] = []
        self.enter(order, kind, terms, order.quantity, events)
        self.fire(events)
        return events

    def enter(self, order: Order, kind: Kind, terms: Terms, lots: int, events: list[Event]) -> int:
        if terms.trigger is None and self.phase is Phase.CONTINUOUS:
            lots = self.match(order, kind, lots, self.seq, events)
        if lots and terms.trigger is None and kind not in RESTS:
            events.append(Cancelled(order.id, lots, Why.REST))
            lots = 0
        if lots:
            self.rest(order, kind, terms, lots, self.seq)
        return lots

    def rest(self, order: Order, kind: Kind, terms: Terms, lots: int, seq: int) -> None:
        shown = min(lots, terms.display) if terms.display and terms.trigger is None else lots
        self.places += 1
        self.open.append(Open(order, shown, lots - shown, kind, terms, seq, self.places))

    def match(self, order: Order, kind: Kind, left: int, seq: int, events: list[Event]) -> int:
        limit = self.limit_of(order, kind)
        while left and (found := self.candidates(order, limit, left)):
            (_, _, lane), maker, price, sent, received = min(found, key=lambda c: c[0])
            if maker.order.member == order.member and self.rules.prevention is not Prevention.NONE:
                left = self.prevent(maker, order, left, events)
                continue
            events.append(Fill(maker.order, order, maker.order.price, price, sent, received, lane or None))
            maker.left -= received if order.side is Side.SELL else sent
            left -= sent if order.side is Side.SELL else received
            if lane:
                self.sent[lane] += sent
            self.printed[maker.order.zone].append(maker.order.price)
            self.printed[order.zone].append(price)
            if not maker.left:
                self.open.remove(maker)
                if maker.hidden:
                    self.rest(maker.order, maker.kind, maker.terms, maker.hidden, seq)
        return left

    def prevent(self, maker: Open, taker: Order, left: int, events: list[Event]) -> int:
        rule = self.rules.prevention
        lost = {Prevention.NEWEST: (0, left), Prevention.OLDEST: (maker.lots, 0)} | {
            Prevention.BOTH: (maker.lots, left),
            Prevention.DECREMENT: (min(left, maker.lots), min(left, maker.lots)),
        }
        for name, lots in zip((maker.order.id, taker.id), lost[rule], strict=True):
            if lots:
                events.append(Cancelled(name, lots, Why.SELF_TRADE))
        self.shrink(maker, lost[rule][0])
        return left - lost[rule][1]

    def shrink(self, maker: Open, lots: int) -> None:
        unseen = min(lots, maker.hidden)
        maker.hidden -= unseen
        maker.left -= lots - unseen
        if not maker.left:
            self.open.remove(maker)

    def fire(self, events: list[Event]) -> None:
        if self.phase is not Phase.CONTINUOUS:
            return
        while ready := [o for o in self.open if o.waits and self.traded(o)]:
            zones = list(self.zones)
            first = min(ready, key=lambda o: (zones.index(o.order.zone), o.order.side is Side.SELL, near(o)))
            self.open.remove(first)
            events.append(Triggered(first.order.id))
            terms = replace(first.terms, trigger=None)
            if self.unfit(first.order, first.kind, terms, first.left):
                events.append(Cancelled(first.order.id, first.left, Why.REFUSED))
            else:
                self.enter(first.order, first.kind, terms, first.left, events)
        self.printed = {zone: prices[-1:] for zone, prices in self.printed.items()}

    def traded(self, stop: Open) -> bool:
        """Whether its zone traded at a stop's trigger or beyond."""
        sign, trigger = stop.order.side.sign, stop.terms.trigger
        assert trigger is not None
        return any(sign * price <= sign * trigger for price in self.printed[stop.order.zone])

    def cancel(self, order_id: str, member: str) -> Answer:
        found = self.named(order_id)
        if found is None:
            return Refusal.UNKNOWN_ORDER
        if found.order.member != member:
            return Refusal.NOT_OWNER
        if self.phase is Phase.AUCTION:
            return Refusal.NOT_IN_THIS_PHASE
        self.open.remove(found)
        return [Cancelled(order_id, found.lots, Why.OWNER)]

    def amend(self, order_id: str, member: str, price: int, quantity: int, seq: int) -> Answer:
        found = self.named(order_id)
        if found is None:
            return Refusal.UNKNOWN_ORDER
        old = found.order
        if old.member != member:
            return Refusal.NOT_OWNER
        lots = quantity - (old.quantity - found.lots)
        if quantity <= 0:
            return Refusal.QUANTITY_NOT_POSITIVE
        if lots <= 0:
            return Refusal.ALREADY_DONE
        events: list[Event] = [Amended(order_id, price, quantity)]
        if price == old.price and quantity <= old.quantity:
            if self.phase in (Phase.AUCTION, Phase.HALTED) or (
                self.phase is Phase.PRE_OPEN and found.kind is not Kind.LIMIT
            ):
                return Refusal.NOT_IN_THIS_PHASE
            self.seq = seq
            found.order = replace(old, quantity=quantity)
            self.shrink(found, old.quantity - quantity)
            return events
        order = replace(old, price=price, quantity=quantity, seq=seq)
        refusal = self.unfit(order, found.kind, found.terms, lots) or self.too_much(member, lots, found)
        if refusal:
            return refusal
        self.seq = seq
        self.open.remove(found)
        self.enter(order, found.kind, found.terms, lots, events)
        self.fire(events)
        return events

    def expire(self, now: int) -> Answer:
        self.now = max(now, self.now)
        late = [(o.terms.until, o.order.seq, o.order.id) for o in self.open if o.terms.until is not None]
        events: list[Event] = []
        for until, _, name in sorted(late):
            if until <= self.now:
                found = self.named(name)
                assert found is not None
                self.open.remove(found)
                events.append(Cancelled(name, found.lots, Why.EXPIRED))
        return events

    def turn(self, phase: Phase, seq: int) -> Answer:
        if phase.value not in TURNS[self.phase.value].split():
            return Refusal.NO_SUCH_TURN
        self.phase, self.seq = phase, seq
        events: list[Event] = []
        if phase is Phase.AUCTION:
            for zone in self.zones:
                self.uncross(zone, events)
            self.uncross_lanes(events)
        self.fire(events)
        return events

    def uncross(self, zone: str, events: list[Event]) -> None:
        sells, buys = self.line(zone, Side.SELL), self.line(zone, Side.BUY)
        last = self.printed[zone][-1] if self.printed[zone] else self.rules.references.get(zone)
        ranks = []
        for price in {o.order.price for o in sells + buys}:
            offered = sum(o.lots for o in sells if o.order.price <= price)
            wanted = sum(o.lots for o in buys if o.order.price >= price)
            away = 0 if last is None else abs(price - last)
            ranks.append((-min(offered, wanted), abs(offered - wanted), away, price))
        if not ranks or not min(ranks)[0]:
            return
        volume, _, _, price = min(ranks)
        while volume:
            sell, buy = self.line(zone, Side.SELL)[0], self.line(zone, Side.BUY)[0]
            lots = min(sell.lots, buy.lots, -volume)
            maker, taker = (sell, buy) if sell.seq < buy.seq else (buy, sell)
            events.append(Fill(maker.order, taker.order, price, price, lots, lots, None))
            self.shrink(sell, lots)
            self.shrink(buy, lots)
            self.printed[zone].append(price)
            volume += lots

    def uncross_lanes(self, events: list[Event]) -> None:
        """Enter every order anew, in the sequence of their priority."""
        if not self.lanes:
            return
        sides = [(zone, side) for zone in self.zones for side in Side]
        standing = sorted((o for zone, side in sides for o in self.line(zone, side)), key=lambda o: o.seq)
        self.open = [o for o in self.open if o.waits]
        for o in standing:
            left = self.match(o.order, o.kind, o.lots, o.seq, events)
            if left:
                self.rest(o.order, o.kind, o.terms, left, o.seq)


def near(stop: Open) -> tuple[int, int]:
    assert stop.terms.trigger is not None
    return -stop.order.side.sign * stop.terms.trigger, stop.place
