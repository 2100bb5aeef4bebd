"""What a trader in a zone sees of the market: own and foreign orders at landed prices."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple

from tradelane.market.book import Book
from tradelane.market.ladder import DepthLevel
from tradelane.market.order import Side
from tradelane.market.product import Product
from tradelane.market.roads import Roads
from tradelane.market.sweep import Step
from tradelane.market.trial import visible


class Depth(NamedTuple):
    """Each side's levels, best first."""

    sells: list[DepthLevel]
    buys: list[DepthLevel]


def depth(product: Product, book: Book, roads: Roads, levels: int) -> Depth:
    """The best ``levels`` of each side in the book's zone, as they show."""
    if not roads.lanes:
        return Depth(book.sells.depth(levels), book.buys.depth(levels))
    to_buy = visible(roads.views(book.zone, Side.BUY), product.max_price, False)
    to_sell = visible(roads.views(book.zone, Side.SELL), product.min_price, True)
    return Depth(_levels(to_buy, levels, False), _levels(to_sell, levels, True))


def _levels(steps: Iterable[Step], levels: int, selling: bool) -> list[DepthLevel]:
    found = []
    for price, group in islice(groupby(steps, key=attrgetter("price")), levels):
        lots = [step.sent if selling else step.received for step in group]
        found.append(DepthLevel(price, sum(lots), len(lots)))
    return found
