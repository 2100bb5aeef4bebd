"""Who trades with whom: fills and flows → trades from seller to buyer, through every lane on the way.

In each zone sellers (by sequence) and then incoming lanes stand in one line, buyers and then outgoing lanes
in the other, and lots are matched in order by cumulative sums: linear in orders, and price and welfare do
not depend on it. Zones are taken downstream, so that what a lane brings still knows who sold it. On a loop of
flows (it pays to burn energy at negative prices) the lane itself stands in as ``lane:<id>``.

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
from tradelane.market.product import Lane
from tradelane.market.trade import Trade


@dataclass(frozen=True, slots=True)
class Parcels:
    """Lots standing in a zone: whose they are, how many are ``here``, how many ``sent`` at the start for
    them, and over which ``path`` (an index into a table of paths).
    """

    seller: IntArray
    here: IntArray
    sent: IntArray
    path: IntArray

    def taken(self, at: IntArray, start: IntArray, stop: IntArray) -> Parcels:
        """Parts ``[start, stop)`` of the parcels ``at``, each with its share of what was sent for it."""
        whole, total = self.sent[at], np.maximum(1, self.here[at])
        if len(at) and int(whole.max()) * int(total.max()) >= 2**63:
            scaled = [(x.astype(object) * whole // total).astype(np.int64) for x in (stop, start)]
        else:
            scaled = [stop * whole // total, start * whole // total]
        sent = np.where(self.here[at] == 0, whole, scaled[0] - scaled[1])
        return Parcels(self.seller[at], stop - start, sent, self.path[at])

    @classmethod
    def none(cls) -> Parcels:
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, empty)

    def rows(self, at: IntArray) -> Parcels:
        return Parcels(*(column[at] for column in self.columns()))

    def joined(self, other: Parcels) -> Parcels:
        return Parcels(*(np.concatenate(pair) for pair in zip(self.columns(), other.columns(), strict=True)))

    def columns(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        return self.seller, self.here, self.sent, self.path


def match(supply: IntArray, demand: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Two lines of lots with the same total, matched in order: supply index, demand index, start, stop.

    ``start`` and ``stop`` count from the beginning of that supply. A supply of 0 lots goes to whoever is
    served at its place in the line.
    """
    given, wanted = np.cumsum(supply), np.cumsum(demand)
    edges = np.union1d(given, wanted)
    edges = edges[edges > 0]
    before = np.concatenate([[0], edges[:-1]])
    seller = np.searchsorted(given, edges, side="left")
    buyer = np.searchsorted(wanted, edges, side="left")
    base = (given - supply)[seller]
    start, stop = before - base, edges - base
    none = np.flatnonzero(supply == 0)
    if len(none) and len(demand):
        served = np.minimum(np.searchsorted(wanted, given[none], side="right"), len(demand) - 1)
        zero = np.zeros(len(none), np.int64)
        seller, buyer = np.concatenate([seller, none]), np.concatenate([buyer, served])
        start, stop = np.concatenate([start, zero]), np.concatenate([stop, zero])
    return seller, buyer, start, stop


def carried(lane: Lane, parcels: Parcels, path: IntArray) -> Parcels:
    """What arrives of ``parcels`` at the lane's end: the lane's loss, spread over them in order."""
    stop = np.cumsum(parcels.here)
    arrived = np.array([lane.received(int(x)) for x in stop], np.int64)
    return Parcels(parcels.seller, np.diff(arrived, prepend=0), parcels.sent, path)


def pair(clearing: Clearing, ids: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Trade]:
    """All trades of a clearing. ``ids`` holds per zone the ids of its sells and buys, in batch order."""
    line = _Pairing(clearing)
    for zone in downstream(len(clearing.network.zones), clearing.network.links, clearing.outcome.sent):
        line.serve(zone, *ids[zone])
    return line.trades


class _Pairing:
    """Zones served so far, and what is on its way to those that are not."""

    def __init__(self, clearing: Clearing) -> None:
        self.clearing = clearing
        self.trades: list[Trade] = []
        self.sellers: list[tuple[str, int]] = []
        """Seller's order id and price (milliticks), by the row number that parcels carry."""
        self.paths: list[tuple[str, ...]] = [()]
        self.served: set[int] = set()
        self.arriving = [Parcels.none() for _ in clearing.network.zones]

    def serve(self, zone: int, sell_ids: Sequence[str], buy_ids: Sequence[str]) -> None:
        links, outcome = self.clearing.network.links, self.clearing.outcome
        self.served.add(zone)
        selling, buying = np.flatnonzero(outcome.sold[zone]), np.flatnonzero(outcome.bought[zone])
        supply = self._register([sell_ids[int(k)] for k in selling], outcome.sold[zone][selling], zone)
        supply = supply.joined(self.arriving[zone])
        for k, link in enumerate(links):
            if link.target == zone and outcome.received[k] and link.source not in self.served:
                supply = supply.joined(self._register([self._lane(k)], np.array([outcome.received[k]]), zone))
        leaving = [k for k, link in enumerate(links) if link.source == zone and outcome.sent[k]]
        demand = np.concatenate([outcome.bought[zone][buying], [outcome.sent[k] for k in leaving]])
        at, buyer, start, stop = match(supply.here, demand.astype(np.int64))
        parts = supply.taken(at, start, stop)
        self._trade(parts, [buy_ids[int(k)] for k in buying], buyer, zone)
        for place, k in enumerate(leaving, start=len(buying)):
            rows = np.flatnonzero(buyer == place)
            load = parts.rows(rows[np.argsort(at[rows], kind="stable")])
            if links[k].target in self.served:
                self._trade(load, [self._lane(k)], np.zeros(len(rows), np.int64), zone)
            else:
                self._send(load, k)

    def _lane(self, k: int) -> str:
        return f"lane:{self.clearing.network.lanes[k].id}"

    def _register(self, names: Sequence[str], lots: IntArray, zone: int) -> Parcels:
        first = len(self.sellers)
        self.sellers += [(name, self.clearing.outcome.price[zone]) for name in names]
        return Parcels(np.arange(first, first + len(lots)), lots, lots, np.zeros(len(lots), np.int64))

    def _trade(self, parts: Parcels, buyers: Sequence[str], buyer: IntArray, zone: int) -> None:
        product, price = self.clearing.product.id, self.clearing.outcome.price[zone]
        rows = zip(*(column.tolist() for column in (*parts.columns(), buyer)), strict=True)
        for seller, here, sent, path, at in rows:
            if at < len(buyers):
                name, seller_price = self.sellers[seller]
                self.trades.append(
                    Trade(product, name, buyers[at], sent, here, seller_price, price, self.paths[path])
                )

    def _send(self, load: Parcels, k: int) -> None:
        lane, target = self.clearing.network.lanes[k], self.clearing.network.links[k].target
        onward: dict[int, int] = {}
        for path in dict.fromkeys(load.path.tolist()):
            onward[path] = len(self.paths)
            self.paths.append((*self.paths[path], lane.id))
        over = np.array([onward[path] for path in load.path.tolist()], np.int64)
        self.arriving[target] = self.arriving[target].joined(carried(lane, load, over))
