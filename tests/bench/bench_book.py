"""The continuous market: a stream of orders and cancels, against keeping the same ids in a dict."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Iterable
from decimal import Decimal

from tests.bench.harness import Pair, benchmark
from tests.bench.orders import (
    EVENTS,
    GOODS,
    STRICT,
    Cancel,
    Limit,
    counted,
    keep,
    market_of,
    play,
    rows,
    stream,
    uncollected,
)
from tradelane.market.exchange import Exchange
from tradelane.market.order import Order
from tradelane.market.product import Lane, Zone

ZONES = ("NL", "GB", "CH")


@benchmark("book", goal=16)
def book() -> Pair:
    """Self-trade prevention, collar and limits switched on."""
    events = stream(EVENTS, seed=42)
    candidate = counted("book", EVENTS, uncollected(play(lambda: market_of(STRICT), events)))
    return Pair(candidate, uncollected(keep(events)), f"a dict, {EVENTS} events", repetitions=9)


@benchmark("book-lanes", goal=55)
def exchange() -> Pair:
    events = stream(EVENTS, 42, ZONES)
    zones = [Zone(name, "EUR") for name in ZONES]
    pairs = [(a, b) for a in ZONES for b in ZONES if a != b]
    lanes = [Lane(f"{a}>{b}", a, b, 10**9, tariff=Decimal("0.02")) for a, b in pairs]
    work = play(lambda: Exchange(GOODS, zones, lanes, STRICT), events)
    candidate = counted("book-lanes", EVENTS, uncollected(work))
    return Pair(candidate, uncollected(keep(events)), f"a dict, {EVENTS} events", repetitions=7)


@benchmark("book-tail", goal=10)
def tail() -> Pair:
    """p99 against p50."""
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


@benchmark("book-replay", goal=32)
def replay() -> Pair:
    """From a snapshot on file and rows of a journal: the orders are made anew."""
    journal = rows(EVENTS, seed=42)
    half = EVENTS // 2
    first = market_of(STRICT)
    feed(first, journal[:half])
    saved, tail = json.dumps(first.snapshot()), journal[half:]
    feed(first, tail)

    def restored() -> Exchange:
        again = market_of(STRICT)
        again.restore(json.loads(saved))
        feed(again, tail)
        return again

    if restored().state_hash() != first.state_hash():
        raise ValueError("the replayed market differs from the first")
    candidate = counted("book-replay", half, uncollected(restored))
    floor = keep([row if len(row) == 2 else Order(*row) for row in tail])
    return Pair(candidate, uncollected(floor), f"a dict, {half} events", repetitions=7)


def feed(market: Exchange, journal: Iterable[Limit | Cancel]) -> None:
    for row in journal:
        if len(row) == 2:
            market.cancel(*row)
        else:
            market.submit(Order(*row))
