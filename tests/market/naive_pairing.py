"""A naive twin of pairing by preference: orders one by one, lots one by one, every way tried."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from tests.market.markets import Market
from tradelane.market.auction import Clearing
from tradelane.market.flows import downstream
from tradelane.market.order import Order, Side
from tradelane.market.wish import NO_WISH, Wish
from tradelane.market.wishes import Preferences

Key = tuple[str, ...] | str | None
Ask = tuple[Callable[[Wish], Key], Callable[[Wish], Key]]
"""What a stage asks of a sell and of a buy: equal answers meet."""
Met = Counter[tuple[str, str, tuple[str, ...]]]
"""Lots received, by seller, buyer and path."""


def random_wishes(market: Market, seed: int, listed: int = 2) -> dict[str, Wish]:
    """What a few members, communities and origins say of each other, by order id; some say nothing."""
    r = random.Random(seed)

    def some(kind: str, most: int) -> tuple[str, ...]:
        return tuple(r.sample([f"{kind}{k}" for k in range(4)], r.randint(0, most)))

    def maybe(kind: str) -> str:
        return next(iter(some(kind, 1)), "")

    wishes = {}
    for order in market.orders:
        sells = order.side is Side.SELL
        wish = Wish(
            maybe("m"), maybe("c"), some("m", listed), maybe("o") * sells, () if sells else some("o", listed)
        )
        wishes[order.id] = wish
    return wishes


def in_network_order(market: Market, clearing: Clearing) -> tuple[list[Order], list[Order]]:
    rows = sorted(market.orders, key=lambda o: (o.zone, o.seq))
    assert [z.id for z in clearing.network.zones] == sorted(z.id for z in market.zones)
    return [o for o in rows if o.side is Side.SELL], [o for o in rows if o.side is Side.BUY]


def preferences_of(market: Market, clearing: Clearing, wishes: Mapping[str, Wish]) -> Preferences:
    sells, buys = in_network_order(market, clearing)
    return Preferences.of(
        [wishes.get(o.id, NO_WISH) for o in sells], [wishes.get(o.id, NO_WISH) for o in buys]
    )


def at(items: tuple[str, ...], place: int) -> str | None:
    return items[place] if place < len(items) else None


class NaivePairing:
    def __init__(self, market: Market, clearing: Clearing, wishes: Mapping[str, Wish]) -> None:
        self.network, self.outcome, self.wishes = clearing.network, clearing.outcome, wishes
        sells, buys = in_network_order(market, clearing)
        fills = [int(x) for fill in self.outcome.sold for x in fill]
        self.sells = {o.id: lots for o, lots in zip(sells, fills, strict=True) if lots}
        fills = [int(x) for fill in self.outcome.bought for x in fill]
        self.buys = {o.id: lots for o, lots in zip(buys, fills, strict=True) if lots}
        self.zone_of = {o.id: o.zone for o in market.orders}
        self.loaded = [0] * len(self.network.lanes)
        self.zones = [z.id for z in self.network.zones]
        self.met: Met = Counter()

    def stages(self) -> Iterator[Ask]:
        """Community and origins, after the named."""
        yield lambda s: s.community or None, lambda b: b.community or None
        for k in range(4):
            yield lambda s: s.origin or None, lambda b, k=k: at(b.origins, k)  # type: ignore[misc]  # k is bound

    def named(self) -> Iterator[Ask]:
        def both(seller: str, buyer: str | None) -> Key:
            return (seller, buyer) if seller and buyer else None

        for b_rank in range(4):
            for s_rank in range(4):
                yield (
                    lambda s, k=s_rank: both(s.member, at(s.partners, k)),  # type: ignore[misc]  # k is bound
                    lambda b, k=b_rank: both(at(b.partners, k) or "", b.member),  # type: ignore[misc]  # k is bound
                )
        for k in range(4):
            yield lambda s: s.member or None, lambda b, k=k: at(b.partners, k)  # type: ignore[misc]  # k is bound
        for k in range(4):
            yield lambda s, k=k: at(s.partners, k), lambda b: b.member or None  # type: ignore[misc]  # k is bound

    def partners(self, sell: str, buy: str) -> bool:
        s, b = self.wishes.get(sell, NO_WISH), self.wishes.get(buy, NO_WISH)
        return (s.member or None) in b.partners or (b.member or None) in s.partners

    def run(self) -> Met:
        named = list(self.named())
        for zone in self.zones:
            self.partners_at_home(zone, named)
        for ask in named:
            self.abroad(ask)
        for ask in self.stages():
            for zone in self.zones:
                self.at_home(zone, ask)
            self.abroad(ask)
        self.rest()
        return +self.met

    def partners_at_home(self, zone: str, named: list[Ask]) -> None:
        in_line = list(zip(self.lots(self.sells, zone), self.lots(self.buys, zone), strict=False))
        in_line = [pair for pair in in_line if self.partners(*pair)]
        kept = dict(self.sells), dict(self.buys), self.met.copy()
        for ask in named:
            self.at_home(zone, ask)
        if self.met.total() - kept[2].total() < len(in_line):
            self.sells, self.buys, self.met = kept
            for sell, buy in in_line:
                self.trade(sell, buy, 1)
            for ask in named:
                self.at_home(zone, ask)

    def trade(self, sell: str, buy: str, lots: int) -> None:
        self.sells[sell] -= lots
        self.buys[buy] -= lots
        self.met[sell, buy, ()] += lots

    def meeting(
        self, source: str, target: str, ask: Ask
    ) -> tuple[dict[Key, list[str]], dict[Key, list[str]]]:
        groups: list[dict[Key, list[str]]] = []
        for rows, zone, key in ((self.sells, source, ask[0]), (self.buys, target, ask[1])):
            found: dict[Key, list[str]] = defaultdict(list)
            for order, left in rows.items():
                answer = key(self.wishes.get(order, NO_WISH))
                if left and self.zone_of[order] == zone and answer is not None:
                    found[answer].append(order)
            groups.append(found)
        return groups[0], groups[1]

    def at_home(self, zone: str, ask: Ask) -> None:
        selling, buying = self.meeting(zone, zone, ask)
        for key, sells in selling.items():
            for sell in sells:
                for buy in buying.get(key, ()):
                    self.trade(sell, buy, min(self.sells[sell], self.buys[buy]))

    def left(self, k: int) -> int:
        return self.outcome.sent[k] - self.loaded[k]

    def ways(self, source: int, target: int, been: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
        if source == target:
            yield ()
            return
        for k, link in enumerate(self.network.links):
            if link.source == source and link.target not in been and self.left(k):
                for way in self.ways(link.target, target, (*been, source)):
                    yield (k, *way)

    def abroad(self, ask: Ask) -> None:
        for lanes in range(1, len(self.zones)):
            for source in range(len(self.zones)):
                for target in range(len(self.zones)):
                    while source != target:
                        way = min(self.ways(source, target), key=lambda w: (len(w), w), default=())
                        if len(way) != lanes or not self.fill(way, ask):
                            break

    def enough(self, way: tuple[int, ...], wanted: int) -> int:
        """The most lots of which never more than ``wanted`` arrive, even if each lane rounds up."""
        lots = 0
        while True:
            here = lots + 1
            for k in way:
                here = -(-here * (1_000_000 - self.network.lanes[k].loss_ppm) // 1_000_000)
            if here > wanted:
                return lots
            lots += 1

    def fill(self, way: tuple[int, ...], ask: Ask) -> bool:
        """Send lot by lot; True when the way was full first."""
        links = self.network.links
        selling, buying = self.meeting(
            self.zones[links[way[0]].source], self.zones[links[way[-1]].target], ask
        )
        path = tuple(self.network.lanes[k].id for k in way)
        limit = {}
        for key in selling.keys() & buying.keys():
            given, wanted = (sum(self.sells[o] for o in selling[key]), sum(self.buys[o] for o in buying[key]))
            limit[key] = min(given, self.enough(way, wanted))
        for group, sell in [(key, sell) for key in selling if key in limit for sell in selling[key]]:
            while limit[group] and self.sells[sell]:
                if not self.fits(way):
                    return True
                self.sells[sell] -= 1
                limit[group] -= 1
                if self.send(way):
                    buy = next(o for o in buying[group] if self.buys[o])
                    self.buys[buy] -= 1
                    self.met[sell, buy, path] += 1
        return False

    def survives(self, k: int) -> bool:
        lane = self.network.lanes[k]
        return lane.received(self.loaded[k] + 1) > lane.received(self.loaded[k])

    def fits(self, way: tuple[int, ...]) -> bool:
        for k in way:
            if not self.left(k):
                return False
            if not self.survives(k):
                return True
        return True

    def send(self, way: tuple[int, ...]) -> bool:
        """One lot; whether it arrives."""
        for k in way:
            arrives = self.survives(k)
            self.loaded[k] += 1
            if not arrives:
                return False
        return True

    def rest(self) -> None:
        """Everyone left, in line, zones downstream."""
        waiting: dict[int, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        served: list[int] = []
        for zone in downstream(len(self.zones), self.network.links, self.outcome.sent):
            self.serve(zone, served, waiting)

    def serve(
        self, zone: int, served: list[int], waiting: dict[int, list[tuple[str, tuple[str, ...]]]]
    ) -> None:
        served.append(zone)
        line = [(id, ()) for id in self.lots(self.sells, self.zones[zone])] + waiting[zone]
        for k, link in enumerate(self.network.links):
            if link.target == zone and link.source not in served:
                brought = self.outcome.received[k] - self.network.lanes[k].received(self.loaded[k])
                line += [(f"lane:{self.network.lanes[k].id}", ())] * brought
        takers: list[str | int] = [*self.lots(self.buys, self.zones[zone])]
        for k, link in enumerate(self.network.links):
            if link.source == zone:
                takers += [k] * self.left(k)
        for (seller, path), taker in zip(line, takers, strict=True):
            if isinstance(taker, str):
                self.met[seller, taker, path] += 1
            elif self.network.links[taker].target in served:
                self.met[seller, f"lane:{self.network.lanes[taker].id}", path] += 1
            elif self.send((taker,)):
                target = self.network.links[taker].target
                waiting[target].append((seller, (*path, self.network.lanes[taker].id)))

    def lots(self, rows: Mapping[str, int], zone: str) -> list[str]:
        """Each lot left in a zone as the id of its order."""
        return [id for id, left in rows.items() if self.zone_of[id] == zone for _ in range(left)]
