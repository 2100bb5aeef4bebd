"""Who trades with whom: fills and flows → trades from seller to buyer, through every lane on the way.

First who prefers each other, as far as fills and flows allow (preference.py); then the rest. In each zone
sellers (by sequence) and then incoming lanes stand in one line, buyers and then outgoing lanes in the other,
and lots are matched in order by cumulative sums: linear in orders, and price and welfare do not depend on it.
Zones are taken downstream, so that what a lane brings still knows who sold it. On a loop of flows (it pays to
burn energy at negative prices) the lane itself stands in as ``lane:<id>``.

Always true: per seller Σ sent = fill, per buyer Σ received = fill. A trade may receive 0 lots where the
rounded loss ate all of a small sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradelane.market.auction import Clearing
from tradelane.market.batch import IntArray
from tradelane.market.flows import downstream
from tradelane.market.parcels import Parcels, carried, match
from tradelane.market.preference import Preferred
from tradelane.market.trade import Trade
from tradelane.market.wishes import Preferences


@dataclass(frozen=True, slots=True)
class Matches:
    """All trades of a clearing as columns, in the order they were made.

    ``seller`` and ``buyer`` count through the zones' sells (buys) in Network order; numbers past the last
    stand for lanes. ``sent`` and ``received`` are lots, ``path`` indexes ``paths``.
    """

    seller: IntArray
    buyer: IntArray
    sent: IntArray
    received: IntArray
    path: IntArray
    paths: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.seller)

    def merged(self) -> Matches:
        """The same with one trade for a seller, a buyer and a path: who met in several stages meet once."""
        known = {path: k for k, path in reversed([*enumerate(self.paths)])}
        path = np.array([known[path] for path in self.paths], np.int64)[self.path]
        buyers = int(self.buyer.max(initial=0)) + 1
        key = (self.seller * buyers + self.buyer) * len(self.paths) + path
        _, first, at = np.unique(key, return_index=True, return_inverse=True)
        place = np.argsort(np.argsort(first))[at]
        sent, received = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
        np.add.at(sent, place, self.sent)
        np.add.at(received, place, self.received)
        first.sort()
        return Matches(self.seller[first], self.buyer[first], sent, received, path[first], self.paths)


def matches(clearing: Clearing, preferences: Preferences | None = None) -> Matches:
    """Who trades with whom, without names."""
    preferred = Preferred(clearing)
    if preferences is not None:
        preferred.meet(preferences)
    chosen = bool(preferred.parts)
    pairing = _Pairing(clearing, preferred)
    for zone in downstream(len(clearing.network.zones), clearing.network.links, clearing.outcome.sent):
        pairing.serve(zone)
    made = pairing.made()
    return made.merged() if chosen else made


def pair(
    clearing: Clearing, ids: Sequence[tuple[Sequence[str], Sequence[str]]],
    preferences: Preferences | None = None,
) -> list[Trade]:  # fmt: skip
    """All trades of a clearing. ``ids`` holds per zone the ids of its sells and buys, in batch order."""
    found, prices = matches(clearing, preferences), clearing.outcome.price
    stand_ins = [f"lane:{lane.id}" for lane in clearing.network.lanes]
    links = clearing.network.links
    sellers = [(id, prices[z]) for z, (sells, _) in enumerate(ids) for id in sells]
    sellers += [(name, prices[link.target]) for name, link in zip(stand_ins, links, strict=True)]
    buyers = [(id, prices[z]) for z, (_, buys) in enumerate(ids) for id in buys]
    buyers += [(name, prices[link.source]) for name, link in zip(stand_ins, links, strict=True)]
    product, paths = clearing.product.id, found.paths
    columns = (found.seller, found.buyer, found.sent, found.received, found.path)
    trades = []
    for seller, buyer, sent, received, path in zip(*(c.tolist() for c in columns), strict=True):
        sold_by, seller_price = sellers[seller]
        bought_by, buyer_price = buyers[buyer]
        trades.append(
            Trade(product, sold_by, bought_by, sent, received, seller_price, buyer_price, paths[path])
        )
    return trades


class _Pairing:
    """What preferences left: zones served so far, and what is on its way to those that are not.

    Buyers and lanes of which nothing is left stay in line: a lot that is lost on the way goes to someone.
    """

    def __init__(self, clearing: Clearing, preferred: Preferred) -> None:
        self.network, self.outcome = clearing.network, clearing.outcome
        self.ways, self.paths = preferred.ways, preferred.ways.paths
        self.first_sell, self.first_buy = preferred.first_sell, preferred.first_buy
        self.sold = np.split(preferred.sold, self.first_sell[1:-1])
        self.bought = np.split(preferred.bought, self.first_buy[1:-1])
        self.served: set[int] = set()
        self.arriving = [Parcels.none() for _ in self.network.zones]
        self.parts, self.buyers = preferred.parts, preferred.buyers

    def serve(self, zone: int) -> None:
        links, outcome = self.network.links, self.outcome
        self.served.add(zone)
        selling, buying = np.flatnonzero(self.sold[zone]), np.flatnonzero(outcome.bought[zone])
        supply = Parcels.local(self.first_sell[zone] + selling, self.sold[zone][selling])
        supply = supply.joined(self.arriving[zone])
        for k, link in enumerate(links):
            if link.target == zone and link.source not in self.served and (lots := self._received(k)):
                supply = supply.joined(Parcels.local(np.array([self.first_sell[-1] + k]), np.array([lots])))
        leaving = [k for k, link in enumerate(links) if link.source == zone and outcome.sent[k]]
        demand = np.concatenate([self.bought[zone][buying], [self.ways.left(k) for k in leaving]])
        at, buyer, start, stop = match(supply.here, demand.astype(np.int64))
        parts = supply.taken(at, start, stop)
        ours = buyer < len(buying)
        self._trade(parts.rows(ours), self.first_buy[zone] + buying[buyer[ours]])
        for place, k in enumerate(leaving, start=len(buying)):
            rows = np.flatnonzero(buyer == place)
            load = parts.rows(rows[np.argsort(at[rows], kind="stable")])
            if links[k].target in self.served:
                self._trade(load, np.full(len(rows), self.first_buy[-1] + k))
            else:
                self._send(load, k)

    def _received(self, k: int) -> int:
        """Lots that lane ``k`` is still to bring."""
        return self.outcome.received[k] - self.network.lanes[k].received(self.ways.loaded[k])

    def _trade(self, parts: Parcels, buyers: IntArray) -> None:
        self.parts.append(parts)
        self.buyers.append(buyers)

    def _send(self, load: Parcels, k: int) -> None:
        lane, target = self.network.lanes[k], self.network.links[k].target
        used, at = np.unique(load.path, return_inverse=True)
        first = len(self.paths)
        self.paths += [(*self.paths[path], lane.id) for path in used.tolist()]
        onward = carried(lane, load, first + at, before=self.ways.loaded[k])
        self.arriving[target] = self.arriving[target].joined(onward)

    def made(self) -> Matches:
        none = Parcels.none()
        parts = [none, *self.parts]
        columns = [np.concatenate(c) for c in zip(*(p.columns() for p in parts), strict=True)]
        seller, received, sent, path = columns
        buyer = np.concatenate([none.seller, *self.buyers])
        return Matches(seller, buyer, sent, received, path, tuple(self.paths))
