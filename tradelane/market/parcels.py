"""Lots on their way from who sold them, and two lines of lots matched in order: what pairing is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tradelane.market.batch import IntArray
from tradelane.market.product import Lane
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
    edges = np.sort(np.concatenate([given, wanted]), kind="stable")  # two runs in order: it merges them
    edges = edges[np.diff(edges, prepend=0) > 0]
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


def carried(lane: Lane, parcels: Parcels, path: IntArray, before: int = 0) -> Parcels:
    """What arrives of ``parcels`` at the lane's end, ``before`` lots having gone ahead of them: the lane's
    loss, spread over all in order.
    """
    stop = before + np.cumsum(parcels.here)
    if int(stop.max(initial=0)) * PPM < 2**63:
        arrived = stop - -(-stop * lane.loss_ppm // PPM)
    else:
        arrived = np.array([lane.received(int(x)) for x in stop], np.int64)
    return Parcels(parcels.seller, np.diff(arrived, prepend=lane.received(before)), parcels.sent, path)
