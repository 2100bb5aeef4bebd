"""The continuous market: a stream of orders and cancels, against keeping the same ids in a dict.

The stream is 60 % limits at a geometric distance from a wandering middle, 30 % cancels of open orders and
10 % limits through the best price, as in DESIGN's measurements of other books.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

from tests.bench.harness import Measure, Pair, Unmeasurable, benchmark, timed
from tradelane.market.exchange import Exchange
from tradelane.market.limits import Limits
from tradelane.market.order import Order, Side
from tradelane.market.prevention import Prevention
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import FREE, Rules

EVENTS = 100_000
MEMBERS = 1_009
ZONES = ("NL", "GB", "CH")
GOODS = Product("goods", "kg", Decimal(1), Decimal("0.01"), -(10**6), 10**6)
STRICT = Rules(Prevention.DECREMENT, 1_000, Limits(10**6, 10**6, 10**12), {"NL": 50_000})
"""Everything switched on, and nothing in the way of the stream but self-trade prevention."""

Cancel = tuple[str, str]


def distance(rng: random.Random) -> int:
    ticks = 1
    while rng.random() > 0.1:
        ticks += 1
    return ticks


def stream(count: int, seed: int, zones: tuple[str, ...] = ("NL",)) -> list[Order | Cancel]:
    """Orders, and ids to cancel. Which orders are open is followed on one book of all zones."""
    rng, market, middle = random.Random(seed), Exchange(GOODS, [Zone("NL", "EUR")], []), 50_000
    events: list[Order | Cancel] = []
    names: list[str] = []
    for seq in range(1, count + 1):
        middle += rng.choice((-1, 1)) if rng.random() < 0.002 else 0
        what = rng.random()
        side = rng.choice((Side.SELL, Side.BUY))
        if 0.6 <= what < 0.9 and market.floor.orders:
            while (name := some(rng, names)) not in market.floor.orders:
                pass
            member = market.floor.orders[name].order.member
            events.append((name, member))
            market.cancel(name, member)
            continue
        off = 5 if what >= 0.9 else -distance(rng)
        lots = rng.randint(1, 250 if what >= 0.9 else 100)
        price, member = middle - side.sign * off, f"member {seq % MEMBERS}"
        at_home = Order(f"o{seq}", seq, member, "goods", "NL", side, price, lots)
        market.submit(at_home)
        names.append(at_home.id)
        events.append(Order(f"o{seq}", seq, member, "goods", zones[seq % len(zones)], side, price, lots))
    return events


def some(rng: random.Random, names: list[str]) -> str:
    """Any of the names; the last takes its place in the list."""
    at = rng.randrange(len(names))
    names[at], names[-1] = names[-1], names[at]
    return names.pop()


def market_of(rules: Rules = FREE) -> Exchange:
    return Exchange(GOODS, [Zone("NL", "EUR")], [], rules)


def play(make: Callable[[], Exchange], events: list[Order | Cancel]) -> Callable[[], None]:
    def work() -> None:
        market = make()
        submit, cancel = market.submit, market.cancel
        for event in events:
            if isinstance(event, Order):
                submit(event)
            else:
                cancel(*event)

    return work


def keep(events: list[Order | Cancel]) -> Callable[[], None]:
    """What no book can do without: put every order under its id, take out the cancelled."""

    def work() -> None:
        orders: dict[str, Order] = {}
        for event in events:
            if isinstance(event, Order):
                orders[event.id] = event
            else:
                orders.pop(event[0], None)

    return work


def counted(name: str, events: int, measure: Measure) -> Measure:
    """The same measure; the best it gave is printed as events per second."""
    best = 0.0

    def again() -> float:
        nonlocal best
        spent = measure()
        if events / spent * 1e3 > best:
            best = events / spent * 1e3
            print(f"{name}: {best:,.0f} events/s", flush=True)
        return spent

    return again


@benchmark("book", goal=16)
def book() -> Pair:
    """Self-trade prevention, collar and limits switched on."""
    events = stream(EVENTS, seed=42)
    candidate = counted("book", EVENTS, timed(play(lambda: market_of(STRICT), events)))
    return Pair(candidate, timed(keep(events)), f"a dict, {EVENTS} events", repetitions=9)


@benchmark("book-lanes", goal=40)
def exchange() -> Pair:
    events = stream(EVENTS, 42, ZONES)
    zones = [Zone(name, "EUR") for name in ZONES]
    pairs = [(a, b) for a in ZONES for b in ZONES if a != b]
    lanes = [Lane(f"{a}>{b}", a, b, 10**9, tariff=Decimal("0.02")) for a, b in pairs]
    work = play(lambda: Exchange(GOODS, zones, lanes, STRICT), events)
    candidate = counted("book-lanes", EVENTS, timed(work))
    return Pair(candidate, timed(keep(events)), f"a dict, {EVENTS} events", repetitions=7)


@benchmark("book-tail", goal=10)
def tail() -> Pair:
    """The collector is off, as in a zone that froze what it loaded: the book itself leaves no cycles."""
    events = stream(EVENTS // 2, seed=42)
    middles: list[float] = []

    def late() -> float:
        spent = sorted(latencies(events))
        middles.append(statistics.median(spent))
        return spent[len(spent) * 99 // 100]

    def middle() -> float:
        if not middles:
            late()
        return middles[-1]

    return Pair(late, middle, "its p50", unit="ns", repetitions=7)


def latencies(events: list[Order | Cancel]) -> list[int]:
    market, clock = market_of(STRICT), time.perf_counter_ns
    spent = []
    gc.collect()
    gc.disable()
    try:
        for event in events:
            started = clock()
            if isinstance(event, Order):
                market.submit(event)
            else:
                market.cancel(*event)
            spent.append(clock() - started)
    finally:
        gc.enable()
    return spent


@benchmark("book-replay", goal=24)
def replay() -> Pair:
    """From a snapshot on file and rows of a journal: the orders are made anew."""
    events = stream(EVENTS, seed=42)
    half = EVENTS // 2
    first = market_of(STRICT)
    feed(first, [row(event) for event in events[:half]])
    saved, rows = json.dumps(first.snapshot()), [row(event) for event in events[half:]]
    feed(first, rows)

    def work() -> None:
        again = market_of(STRICT)
        again.restore(json.loads(saved))
        feed(again, rows)
        hashes.append(again.state_hash())

    hashes: list[str] = []
    work()
    if hashes[0] != first.state_hash():
        raise ValueError("the replayed market differs from the first")
    candidate = counted("book-replay", half, timed(work))
    return Pair(candidate, timed(keep(events[half:])), f"a dict, {half} events", repetitions=7)


def row(event: Order | Cancel) -> tuple[Any, ...]:
    if not isinstance(event, Order):
        return event
    name = event.id, event.seq, event.member, event.product, event.zone
    return (*name, event.side, event.price, event.quantity)


def feed(market: Exchange, rows: list[Any]) -> None:
    for one in rows:
        if len(one) == 2:
            market.cancel(*one)
        else:
            market.submit(Order(*one))


@benchmark("book-peers", goal=1 / 3)
def peers() -> Pair:
    """The faster of two other books, which only match: pip install lightmatchingengine pyorderbook."""
    events = stream(EVENTS, seed=42)
    works = [work for work in (light(events), pyorderbook(events)) if work is not None]
    if not works:
        raise Unmeasurable("neither lightmatchingengine nor pyorderbook is installed")
    fastest = min((timed(work) for work in works), key=lambda measure: measure())
    candidate = timed(play(lambda: market_of(STRICT), events))
    return Pair(candidate, counted("fastest peer", EVENTS, fastest), "the fastest Python peer", repetitions=7)


def light(events: list[Order | Cancel]) -> Callable[[], None] | None:
    try:
        engine = import_module("lightmatchingengine.lightmatchingengine")
    except ImportError:
        return None
    rows = [(e.side, e.price, e.quantity, e.id) if isinstance(e, Order) else e[0] for e in events]

    def work() -> None:
        book, ids = engine.LightMatchingEngine(), dict[str, int]()
        buy, sell = engine.Side.BUY, engine.Side.SELL
        for one in rows:
            if isinstance(one, str):
                book.cancel_order(ids[one], "goods")
            else:
                side, price, lots, name = one
                order, _ = book.add_order("goods", price, lots, buy if side is Side.BUY else sell)
                ids[name] = order.order_id

    return work


def pyorderbook(events: list[Order | Cancel]) -> Callable[[], None] | None:
    try:
        library = import_module("pyorderbook")
    except ImportError:
        return None
    bid, ask = library.bid, library.ask

    def work() -> None:
        book, orders = library.Book(), {}
        for one in events:
            if isinstance(one, Order):
                made = (bid if one.side is Side.BUY else ask)("goods", one.price, one.quantity)
                orders[one.id] = made
                book.match(made)
            else:
                book.cancel(orders[one[0]])

    return work
