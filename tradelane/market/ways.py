"""Ways over lanes as they are loaded: a clearing's flows, of which lots are taken way by way.

Always true: no lane takes more than its flow. The loss is counted along a lane's load, so that the whole load
brings what the flow brings, in whatever order it is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tradelane.market.batch import IntArray
from tradelane.market.network import Network
from tradelane.market.parcels import Parcels, carried
from tradelane.market.units import PPM

Way = tuple[int, ...]
"""Lanes in the order of travel, as numbers into the network's."""


class Ways:
    def __init__(self, network: Network, sent: Sequence[int]) -> None:
        self._lanes, self._links = network.lanes, network.links
        self._whole = tuple(sent)
        self._known: dict[int, dict[int, Way]] = {}
        self.loaded = [0] * len(sent)
        self.paths: list[tuple[str, ...]] = [()]
        self._named: dict[Way, int] = {(): 0}

    def left(self, k: int) -> int:
        """Lots that lane ``k`` is still to send."""
        return self._whole[k] - self.loaded[k]

    def from_zone(self, source: int) -> dict[int, Way]:
        """The way of fewest lanes with room to each zone in reach, the nearest first; of equally short ones
        that with the earlier lanes.
        """
        if source not in self._known:
            self._known[source] = self._search(source)
        return self._known[source]

    def _search(self, source: int) -> dict[int, Way]:
        found: dict[int, Way] = {source: ()}
        line = [source]
        for zone in line:
            for k, link in enumerate(self._links):
                if link.source == zone and link.target not in found and self.left(k):
                    found[link.target] = (*found[zone], k)
                    line.append(link.target)
        del found[source]
        return found

    def room(self, way: Way) -> int:
        """The most lots that can be sent along ``way``; at least one while each of its lanes has room."""
        most = self.left(way[-1])
        for k in reversed(way[:-1]):
            lane, loaded = self._lanes[k], self.loaded[k]
            arrived = lane.received(loaded) + most
            most = min(self.left(k), -(-(arrived + 1) * PPM // (PPM - lane.loss_ppm)) - 1 - loaded)
        return most

    def enough(self, way: Way, wanted: IntArray) -> IntArray:
        """Lots to send along ``way`` so that never more arrive than are ``wanted``, wherever in the load."""
        for k in reversed(way):
            loss = self._lanes[k].loss_ppm
            if int(wanted.max(initial=0)) * PPM < 2**63:
                wanted = wanted * PPM // (PPM - loss)
            else:
                wanted = (wanted.astype(object) * PPM // (PPM - loss)).astype(np.int64)
        return wanted

    def send(self, way: Way, load: Parcels) -> Parcels:
        """What arrives of ``load`` at the end of ``way``."""
        for k in way:
            lots = int(load.here.sum())
            load = carried(self._lanes[k], load, load.path, before=self.loaded[k])
            self.loaded[k] += lots
            if lots and not self.left(k):
                self._known.clear()
        number = self._named.setdefault(way, len(self.paths))
        if number == len(self.paths):
            self.paths.append(tuple(self._lanes[k].id for k in way))
        return Parcels(load.seller, load.here, load.sent, np.full(len(load.seller), number))
