"""The auction that opens a book: what crosses is traded in each zone at one price.

The price is the one at which most lots trade, then the fewest are left over, then the nearest to the last
trade or reference, then the lowest; only prices of orders are looked at. Hidden lots count, in their
order's place. Nobody is newest in an auction: self-trade prevention does not apply to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tradelane.market.book import Book
from tradelane.market.ladder import Ladder
from tradelane.market.outcome import Event, Fill


def uncross(book: Book, reference: int | None, events: list[Event]) -> None:
    """Trade what crosses in a zone's book, in priority, at the price found."""
    price = uncrossing_price(_lots(book.sells), _lots(book.buys), reference)
    while price is not None and book.sells.keys and book.buys.keys:
        sell = book.sells.levels[book.sells.keys[-1]].head
        buy = book.buys.levels[book.buys.keys[-1]].head
        if sell.order.price > price or buy.order.price < price:
            break
        lots = min(sell.left + sell.hidden, buy.left + buy.hidden)
        maker, taker = (sell, buy) if sell.seq < buy.seq else (buy, sell)
        events.append(Fill(maker.order, taker.order, price, price, lots, lots, None))
        book.shrink(sell, lots)
        book.shrink(buy, lots)
        book.printed(price)


def uncrossing_price(
    sells: dict[int, int], buys: dict[int, int], reference: int | None
) -> int | None:  # fmt: skip
    """The price in ticks for lots by price of both sides, or None when nothing crosses."""
    if not sells or not buys or min(sells) > max(buys):
        return None
    prices = sorted(price for price in {*sells, *buys} if min(sells) <= price <= max(buys))
    supply = _upto(sells, prices)
    demand = _upto({-price: lots for price, lots in buys.items()}, [-p for p in reversed(prices)])[::-1]
    best: tuple[int, int, int, int] | None = None
    for price, offered, wanted in zip(prices, supply, demand, strict=True):
        away = 0 if reference is None else abs(price - reference)
        rank = (-min(offered, wanted), abs(offered - wanted), away, price)
        best = rank if best is None else min(best, rank)
    assert best is not None, "the best sell's price is one of them"
    return best[3]


def _upto(lots: dict[int, int], points: Iterable[int]) -> list[int]:
    """For each of the rising points, the lots at keys up to it."""
    keys = sorted(lots, reverse=True)
    total, found = 0, []
    for point in points:
        while keys and keys[-1] <= point:
            total += lots[keys.pop()]
        found.append(total)
    return found


def _lots(ladder: Ladder) -> dict[int, int]:
    found: dict[int, int] = {}
    for resting in ladder:
        price = resting.order.price
        found[price] = found.get(price, 0) + resting.left + resting.hidden
    return found
