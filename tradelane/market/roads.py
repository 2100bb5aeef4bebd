"""The lanes of a continuous market as its zones see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from tradelane.market.book import Book
from tradelane.market.landed import Landed
from tradelane.market.order import Side
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.sweep import Road, View

_SELL = Side.SELL  # an enum member is looked up through its metaclass
Named = TypeVar("Named", Zone, Lane)


class Roads:
    """Who sees whom.

    ValueError for a lane to nowhere or an id used twice.
    """

    def __init__(
        self, product: Product, zones: Sequence[Zone], lanes: Iterable[Lane], books: Mapping[str, Book]
    ) -> None:  # fmt: skip
        places = by_id(zones, "zone")
        self.lanes = by_id(lanes, "lane")
        self.roads = {lane.id: _road(lane, places, product) for lane in self.lanes.values()}
        self.home = {side: {z: View(books[z], None, side is Side.SELL) for z in places} for side in Side}
        self._far_buyers: dict[str, list[View]] = {zone: [] for zone in places}
        self._far_sellers: dict[str, list[View]] = {zone: [] for zone in places}
        for name, lane in sorted(self.lanes.items()):
            self._far_buyers[lane.source].append(View(books[lane.target], self.roads[name], True))
            self._far_sellers[lane.target].append(View(books[lane.source], self.roads[name], False))

    def views(self, zone: str, side: Side) -> list[View]:
        """Where an order of ``side`` in ``zone`` looks: at home, then over its lanes by id."""
        return [self.home[side][zone], *self.far(zone, side)]

    def far(self, zone: str, side: Side) -> list[View]:
        """Where an order of ``side`` in ``zone`` looks over lanes, by their ids."""
        return self._far_buyers[zone] if side is _SELL else self._far_sellers[zone]

    def sent(self, lane_id: str) -> int:
        """Lots sent over a lane so far. KeyError for an unknown lane."""
        return self.lanes[lane_id].capacity - self.roads[lane_id].room

    def restore(self, sent: Mapping[str, int]) -> None:
        """Take up how many lots were sent, by lane id."""
        for name, lots in sent.items():
            self.roads[name].room = self.lanes[name].capacity - lots


def by_id(things: Iterable[Named], what: str) -> dict[str, Named]:
    """Things by their ids; ValueError when two have the same."""
    found: dict[str, Named] = {}
    for thing in things:
        if thing.id in found:
            raise ValueError(f"two {what}s have the id {thing.id}")
        found[thing.id] = thing
    return found


def _road(lane: Lane, zones: Mapping[str, Zone], product: Product) -> Road:
    ends = zones.get(lane.source), zones.get(lane.target)
    if ends[0] is None or ends[1] is None:
        raise ValueError(f"lane {lane.id} runs between zones of this market")
    if lane.source == lane.target:
        raise ValueError(f"lane {lane.id} starts where it ends")
    return Road(lane.id, Landed(lane, ends[0], ends[1], product.tick), lane.capacity)
