"""Preferred partners first: the lots of a clearing that meet by choice, before the rest meets in line.

The clearing fixes every fill and every flow; within them lots meet in stages, each taking what earlier ones
left. Named partners: who name each other, then whom buys name, then whom sells name, the dearest first.
Then one community. Then the origin a buy prefers, the dearest first. At each level first within zones, then
over lanes that have flow, fewest lanes first. Sells and buys that may meet do so in sequence; a lane takes
them group by group, that with the earliest sell first. A meeting is sorts and sums: a stage is near-linear in
the orders that take part.

Always true: no order gives or takes more than its fill, no lane more than its flow; what is left balances in
every zone. At least as many lots meet named partners at home as would in the plain line: in a zone where the
stages miss that, partners who meet in the line stay together first. It is not the most that could meet, which
would be a maximum flow. Over lossy lanes a group may leave a lot that it could have sent: no buyer gets more
than its fill, however the loss is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tradelane.market.auction import Clearing
from tradelane.market.batch import IntArray
from tradelane.market.meeting import gather, up_to
from tradelane.market.parcels import Parcels, match
from tradelane.market.ways import Way, Ways
from tradelane.market.wishes import Keyed, Preferences, Stage


class Preferred:
    """What has met so far, as ``parts`` and their ``buyers``, and what is left: ``sold`` and ``bought`` (lots
    a row, through all zones in Network order) and in ``ways`` of each lane's flow.
    """

    def __init__(self, clearing: Clearing) -> None:
        outcome = clearing.outcome
        self.ways = Ways(clearing.network, outcome.sent)
        self.sold, self.first_sell = _end_to_end(outcome.sold)
        self.bought, self.first_buy = _end_to_end(outcome.bought)
        self.parts: list[Parcels] = []
        self.buyers: list[IntArray] = []

    def meet(self, preferences: Preferences) -> None:
        named = preferences.named()
        if named:
            self._partners_at_home(named, preferences)
        for stage in named:
            self._abroad(stage)
        for stage in preferences.after_partners():
            self._at_home(stage)
            self._abroad(stage)

    def _partners_at_home(self, named: Sequence[Stage], preferences: Preferences) -> None:
        sold, bought = self.sold.copy(), self.bought.copy()
        sells, buys = np.arange(len(sold)), np.arange(len(bought))
        zones = Stage(Keyed(sells, np.zeros_like(sells)), Keyed(buys, np.zeros_like(buys)))
        in_line, buyers = self._met(self._by_zone(zones))
        partners = preferences.partners(in_line.seller, buyers)
        in_line, buyers = in_line.rows(partners), buyers[partners]
        for stage in named:
            self._at_home(stage)
        missed = self._lots_by_zone([in_line]) > self._lots_by_zone(self.parts)
        if missed.any():
            self.sold, self.bought, self.parts, self.buyers = sold, bought, [], []
            kept = missed[_zone_of(in_line.seller, self.first_sell)]
            self._take(in_line.rows(kept), buyers[kept])
            for stage in named:
                self._at_home(stage)

    def _lots_by_zone(self, parts: Sequence[Parcels]) -> IntArray:
        lots = np.zeros(len(self.first_sell) - 1, np.int64)
        for part in parts:
            np.add.at(lots, _zone_of(part.seller, self.first_sell), part.here)
        return lots

    def _at_home(self, stage: Stage) -> None:
        self._take(*self._met(self._by_zone(stage)))

    def _by_zone(self, stage: Stage) -> Stage:
        """The same, meeting only within zones."""
        zones = len(self.first_sell) - 1
        (sell, sells), (buy, buys) = stage
        return Stage(
            Keyed(sell, sells * zones + _zone_of(sell, self.first_sell)),
            Keyed(buy, buys * zones + _zone_of(buy, self.first_buy)),
        )

    def _met(self, stage: Stage) -> tuple[Parcels, IntArray]:
        """Who meets where no lane lies between them, and their buyers."""
        sells, buys, given, wanted = gather(stage, self.sold, self.bought)
        lots = np.minimum(given, wanted)
        supply = up_to(lots, sells, self.sold[sells.row])
        demand = up_to(lots, buys, self.bought[buys.row])
        at, to, start, stop = match(supply[supply > 0], demand[demand > 0])
        return Parcels.local(sells.row[supply > 0][at], stop - start), buys.row[demand > 0][to]

    def _take(self, parts: Parcels, buyers: IntArray) -> None:
        if len(buyers):
            np.subtract.at(self.sold, parts.seller, parts.sent)
            np.subtract.at(self.bought, buyers, parts.here)
            self.parts.append(parts)
            self.buyers.append(buyers)

    def _abroad(self, stage: Stage) -> None:
        """Over one lane everywhere, then over two, …; of equally many from and to the first zones first."""
        open_ = gather(stage, self.sold, self.bought)
        selling, buying = _split(open_.sells, self.first_sell), _split(open_.buys, self.first_buy)
        lanes, farthest = 1, min(1, len(selling), len(buying))
        while lanes <= farthest:
            for source, sells in selling.items():
                for target, buys in buying.items():
                    way = self.ways.from_zone(source).get(target, ())
                    while len(way) == lanes and self._fill_way(way, Stage(sells, buys)):
                        way = self.ways.from_zone(source).get(target, ())
                    farthest = max(farthest, len(way))
            lanes += 1

    def _fill_way(self, way: Way, stage: Stage) -> bool:
        """Meet along ``way``; whether it was full before all had met."""
        sells, buys, given, wanted = gather(stage, self.sold, self.bought)
        if not len(given):
            return False
        parts = up_to(np.minimum(given, self.ways.enough(way, wanted)), sells, self.sold[sells.row])
        room, total = self.ways.room(way), int(parts.sum())
        parts = np.diff(np.minimum(np.cumsum(parts), room), prepend=0)
        sells, parts = sells.where(parts > 0), parts[parts > 0]
        load = self.ways.send(way, Parcels.local(sells.row, parts))
        arrived = np.zeros(len(given), np.int64)
        np.add.at(arrived, sells.key, load.here)
        demand = up_to(arrived, buys, self.bought[buys.row])
        at, to, start, stop = match(load.here, demand)
        first = np.searchsorted(buys.key, np.arange(len(given) + 1))
        to = np.clip(to, first[sells.key[at]], first[sells.key[at] + 1] - 1)
        self._take(load.taken(at, start, stop), buys.row[to])
        return total > room


def _end_to_end(fills: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    """All zones' fills one after another, and where each zone begins."""
    first = np.cumsum([0, *(len(fill) for fill in fills)])
    return np.concatenate([np.zeros(0, np.int64), *fills]).astype(np.int64), first


def _zone_of(row: IntArray, first: IntArray) -> IntArray:
    return np.searchsorted(first, row, side="right") - 1


def _split(side: Keyed, first: IntArray) -> dict[int, Keyed]:
    """By zone, rows in sequence; zones without a row are left out."""
    side = side.where(np.argsort(side.row, kind="stable"))
    cuts = enumerate(pairwise(np.searchsorted(side.row, first).tolist()))
    parts = ((zone, Keyed(side.row[a:b], side.key[a:b])) for zone, (a, b) in cuts)
    return {zone: part for zone, part in parts if len(part.row)}
