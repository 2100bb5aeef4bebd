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
import numpy.typing as npt

from tradelane.market.auction import Clearing
from tradelane.market.batch import IntArray
from tradelane.market.flows import downstream
from tradelane.market.product import Lane
from tradelane.market.trade import Trade
from tradelane.market.units import PPM


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

    @classmethod
    def local(cls, seller: IntArray, lots: IntArray) -> Parcels:
        """Lots where they are sold."""
        here = lots.astype(np.int64)
        return cls(seller, here, here, np.zeros(len(here), np.int64))

    def rows(self, at: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Parcels:
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
    if int(stop.max(initial=0)) * PPM < 2**63:
        arrived = stop - -(-stop * lane.loss_ppm // PPM)
    else:
        arrived = np.array([lane.received(int(x)) for x in stop], np.int64)
    return Parcels(parcels.seller, np.diff(arrived, prepend=0), parcels.sent, path)


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


def matches(clearing: Clearing) -> Matches:
    """Who trades with whom, without names."""
    pairing = _Pairing(clearing)
    for zone in downstream(len(clearing.network.zones), clearing.network.links, clearing.outcome.sent):
        pairing.serve(zone)
    return pairing.made()


def pair(clearing: Clearing, ids: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[Trade]:
    """All trades of a clearing. ``ids`` holds per zone the ids of its sells and buys, in batch order."""
    found, prices = matches(clearing), clearing.outcome.price
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
    """Zones served so far, and what is on its way to those that are not."""

    def __init__(self, clearing: Clearing) -> None:
        self.network, self.outcome = clearing.network, clearing.outcome
        self.first_sell = np.cumsum([0, *(len(fill) for fill in self.outcome.sold)])
        self.first_buy = np.cumsum([0, *(len(fill) for fill in self.outcome.bought)])
        self.paths: list[tuple[str, ...]] = [()]
        self.served: set[int] = set()
        self.arriving = [Parcels.none() for _ in self.network.zones]
        self.parts: list[Parcels] = []
        self.buyers: list[IntArray] = []

    def serve(self, zone: int) -> None:
        links, outcome = self.network.links, self.outcome
        self.served.add(zone)
        selling, buying = np.flatnonzero(outcome.sold[zone]), np.flatnonzero(outcome.bought[zone])
        supply = Parcels.local(self.first_sell[zone] + selling, outcome.sold[zone][selling])
        supply = supply.joined(self.arriving[zone])
        for k, link in enumerate(links):
            if link.target == zone and outcome.received[k] and link.source not in self.served:
                lots = np.array([outcome.received[k]])
                supply = supply.joined(Parcels.local(np.array([self.first_sell[-1] + k]), lots))
        leaving = [k for k, link in enumerate(links) if link.source == zone and outcome.sent[k]]
        demand = np.concatenate([outcome.bought[zone][buying], [outcome.sent[k] for k in leaving]])
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

    def _trade(self, parts: Parcels, buyers: IntArray) -> None:
        self.parts.append(parts)
        self.buyers.append(buyers)

    def _send(self, load: Parcels, k: int) -> None:
        lane, target = self.network.lanes[k], self.network.links[k].target
        used, at = np.unique(load.path, return_inverse=True)
        first = len(self.paths)
        self.paths += [(*self.paths[path], lane.id) for path in used.tolist()]
        self.arriving[target] = self.arriving[target].joined(carried(lane, load, first + at))

    def made(self) -> Matches:
        none = Parcels.none()
        parts = [none, *self.parts]
        columns = [np.concatenate(c) for c in zip(*(p.columns() for p in parts), strict=True)]
        seller, received, sent, path = columns
        buyer = np.concatenate([none.seller, *self.buyers])
        return Matches(seller, buyer, sent, received, path, tuple(self.paths))
