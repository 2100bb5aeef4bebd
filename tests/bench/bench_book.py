"""The continuous market: a stream of orders and cancels, against keeping the same ids in a dict.

The stream is 60 % limits at a geometric distance from a wandering middle, 30 % cancels of open orders and
10 % limits through the best price, as in DESIGN's measurements of other books.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.bench.harness import Pair, benchmark, timed
from tradelane.market.book import Book
from tradelane.market.exchange import Exchange
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Product, Zone

EVENTS = 50_000
ZONES = ("NL", "GB", "CH")
GOODS = Product("goods", "kg", Decimal(1), Decimal("0.01"), -(10**6), 10**6)


def distance(rng: random.Random) -> int:
    ticks = 1
    while rng.random() > 0.1:
        ticks += 1
    return ticks


def stream(count: int, seed: int) -> list[Order | str]:
    """Orders, and ids to cancel. Which orders are open is followed on one book of all zones."""
    rng, book, middle = random.Random(seed), Book(), 50_000
    events: list[Order | str] = []
    for seq in range(1, count + 1):
        middle += rng.choice((-1, 1)) if rng.random() < 0.002 else 0
        what = rng.random()
        side = rng.choice((Side.SELL, Side.BUY))
        if 0.6 <= what < 0.9 and book.orders:
            name = events[-1 - rng.randrange(min(len(events), 4_000))]
            name = name if isinstance(name, str) else name.id
            if name not in book.orders:
                name = next(reversed(book.orders))
            events.append(name)
            book.cancel(name, "anna")
            continue
        off = 5 if what >= 0.9 else -distance(rng)
        lots = rng.randint(1, 250 if what >= 0.9 else 100)
        price = middle - side.sign * off
        order = Order(f"o{seq}", seq, "anna", "goods", ZONES[seq % 3], side, price, lots)
        events.append(order)
        book.submit(order)
    return events


def play(make: Callable[[], Any], events: list[Order | str]) -> Callable[[], None]:
    def work() -> None:
        market = make()
        submit, cancel = market.submit, market.cancel
        for event in events:
            if event.__class__ is str:
                cancel(event, "anna")
            else:
                submit(event)

    return work


def keep(events: list[Order | str]) -> Callable[[], None]:
    """What no book can do without: put every order under its id, take out the cancelled."""

    def work() -> None:
        orders: dict[str, Order] = {}
        for event in events:
            if isinstance(event, str):
                orders.pop(event, None)
            else:
                orders[event.id] = event

    return work


@benchmark("book", goal=10)
def book() -> Pair:
    events = stream(EVENTS, seed=42)
    return Pair(timed(play(Book, events)), timed(keep(events)), f"a dict, {EVENTS} events")


@benchmark("exchange", goal=100)
def exchange() -> Pair:
    events = stream(EVENTS, seed=42)
    zones = [Zone(name, "EUR") for name in ZONES]
    pairs = [(a, b) for a in ZONES for b in ZONES if a != b]
    lanes = [Lane(f"{a}>{b}", a, b, 10**9, tariff=Decimal("0.02")) for a, b in pairs]
    candidate = timed(play(lambda: Exchange(GOODS, zones, lanes), events))
    return Pair(candidate, timed(keep(events)), f"a dict, {EVENTS} events", repetitions=7)
