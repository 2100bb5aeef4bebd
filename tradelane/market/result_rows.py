"""The long parts of a result, by column: what each order got, and who trades with whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tradelane.market.auction import Clearing
from tradelane.market.batch import IntArray
from tradelane.market.order_table import OrderTable
from tradelane.market.pairing import matches
from tradelane.market.product import Product
from tradelane.market.rows import PART, Place, TableRows
from tradelane.market.units import MILLI

AMOUNTS = 1 << 16
"""Texts of amounts that are kept: most lots stand many times."""


def price_text(product: Product, milliticks: int) -> str:
    """A clearing price in currency per unit, with six decimals or what a thousandth of the tick needs."""
    value = product.tick * milliticks / MILLI
    places = max(6, -int(product.tick.normalize().as_tuple().exponent) + 3)
    return format(value, f".{places}f")


def fill_rows(
    clearing: Clearing, orders: OrderTable, blocks: Collection[str], first: int
) -> Iterator[TableRows]:
    """What the orders that are no ``blocks`` got, by sequence; ``first`` rows stand before them."""
    lots = np.zeros(len(orders), np.int64)
    for z, zone in enumerate(clearing.network.zones):
        sells, buys = orders.sides[zone.id]
        lots[sells], lots[buys] = clearing.outcome.sold[z], clearing.outcome.bought[z]
    filled = np.flatnonzero(lots)
    if blocks:
        filled = filled[[orders.id[k] not in blocks for k in filled.tolist()]]
    written = _written(clearing.product)
    for k in range(0, len(filled), PART):
        at = filled[k : k + PART]
        ids = list(map(orders.id.__getitem__, at.tolist()))
        columns = {"order": ids, "quantity": list(map(written, lots[at].tolist()))}
        yield TableRows(Place("fills", first + k), columns)


def trade_rows(clearing: Clearing, orders: OrderTable, first: int) -> Iterator[TableRows]:
    """All trades of a clearing, in the order in which they were made."""
    network = clearing.network
    made = matches(clearing, orders.preferences(zone.id for zone in network.zones))
    sellers = _Parties(clearing, orders, 0, [link.target for link in network.links])
    buyers = _Parties(clearing, orders, 1, [link.source for link in network.links])
    lanes = [path[-1] if path else None for path in made.paths]
    written = _written(clearing.product)
    for k in range(0, len(made), PART):
        part = slice(k, k + PART)
        seller, buyer, path = made.seller[part], made.buyer[part], made.path[part].tolist()
        columns: dict[str, Sequence[Any]] = {
            "product": [clearing.product.id] * len(path),
            "seller": sellers.names(seller),
            "buyer": buyers.names(buyer),
            "quantity": list(map(written, made.sent[part].tolist())),
            "received": list(map(written, made.received[part].tolist())),
            "seller_price": sellers.prices(seller),
            "buyer_price": buyers.prices(buyer),
            "lane": list(map(lanes.__getitem__, path)),
            "path": list(map(made.paths.__getitem__, path)),
        }
        yield TableRows(Place("trades", first + k), columns)


class _Parties:
    """The names and prices behind the numbers of ``pairing.Matches``: orders, then lanes that stand in."""

    def __init__(self, clearing: Clearing, orders: OrderTable, side: int, lane_zones: Sequence[int]) -> None:
        network, product = clearing.network, clearing.product
        places = [orders.sides[zone.id][side] for zone in network.zones]
        at: IntArray = np.concatenate(places)
        self._names = list(map(orders.id.__getitem__, at.tolist()))
        self._names += [f"lane:{lane.id}" for lane in network.lanes]
        zones = np.repeat(np.arange(len(places)), [len(place) for place in places])
        self._zone = np.concatenate([zones, np.array(lane_zones, np.int64)])
        self._price = [price_text(product, price) for price in clearing.outcome.price]

    def names(self, numbers: IntArray) -> list[str]:
        return list(map(self._names.__getitem__, numbers.tolist()))

    def prices(self, numbers: IntArray) -> list[str]:
        return list(map(self._price.__getitem__, self._zone[numbers].tolist()))


def _written(product: Product) -> Callable[[int], str]:
    return lru_cache(AMOUNTS)(product.quantity_text)
