"""What the benchmarks of the continuous book have in common: the stream of events, the market, the floor.

The stream is 60 % limits at a geometric distance from a wandering middle, 30 % cancels of open orders and
10 % limits through the best price, as in DESIGN's measurements of other books.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from tests.bench.harness import Measure, timed
from tradelane.market.exchange import Exchange
from tradelane.market.limits import Limits
from tradelane.market.order import Order, Side
from tradelane.market.prevention import Prevention
from tradelane.market.product import Product, Zone
from tradelane.market.rules import FREE, Rules

EVENTS = 100_000
MEMBERS = 1_009
GOODS = Product("goods", "kg", Decimal(1), Decimal("0.01"), -(10**6), 10**6)
STRICT = Rules(Prevention.DECREMENT, 1_000, Limits(10**6, 10**6, 10**12), {"NL": 50_000})
"""Everything switched on, and nothing in the way of the stream but self-trade prevention."""

Limit = tuple[str, int, str, str, str, Side, int, int]
"""The fields of an order, as a journal keeps them."""
Cancel = tuple[str, str]


def distance(rng: random.Random) -> int:
    ticks = 1
    while rng.random() > 0.1:
        ticks += 1
    return ticks


def rows(count: int, seed: int, zones: Sequence[str] = ("NL",)) -> list[Limit | Cancel]:
    """Orders, and ids to cancel. Which orders are open is followed on one book of all zones."""
    rng, market, middle = random.Random(seed), Exchange(GOODS, [Zone("NL", "EUR")], []), 50_000
    members = [f"member {number}" for number in range(MEMBERS)]
    found: list[Limit | Cancel] = []
    names: list[str] = []
    for seq in range(1, count + 1):
        middle += rng.choice((-1, 1)) if rng.random() < 0.002 else 0
        what = rng.random()
        side = rng.choice((Side.SELL, Side.BUY))
        if 0.6 <= what < 0.9 and market.floor.orders:
            while (name := some(rng, names)) not in market.floor.orders:
                pass
            member = market.floor.orders[name].order.member
            found.append((name, member))
            market.cancel(name, member)
            continue
        off = 5 if what >= 0.9 else -distance(rng)
        lots = rng.randint(1, 250 if what >= 0.9 else 100)
        name, price, member = f"o{seq}", middle - side.sign * off, members[seq % MEMBERS]
        market.submit(Order(name, seq, member, "goods", "NL", side, price, lots))
        names.append(name)
        found.append((name, seq, member, "goods", zones[seq % len(zones)], side, price, lots))
    return found


def some(rng: random.Random, names: list[str]) -> str:
    """Any of the names; the last takes its place in the list."""
    at = rng.randrange(len(names))
    names[at], names[-1] = names[-1], names[at]
    return names.pop()


def stream(count: int, seed: int, zones: Sequence[str] = ("NL",)) -> list[Order | Cancel]:
    return [row if len(row) == 2 else Order(*row) for row in rows(count, seed, zones)]


def market_of(rules: Rules = FREE) -> Exchange:
    return Exchange(GOODS, [Zone("NL", "EUR")], [], rules)


def play(make: Callable[[], Exchange], events: Iterable[Order | Cancel]) -> Callable[[], None]:
    def work() -> None:
        market = make()
        submit, cancel = market.submit, market.cancel
        for event in events:
            if isinstance(event, Order):
                submit(event)
            else:
                cancel(*event)

    return work


def keep(events: Iterable[Order | Cancel]) -> Callable[[], None]:
    """What no book can do without: put every order under its id, take out the cancelled."""

    def work() -> None:
        orders: dict[str, Order] = {}
        for event in events:
            if isinstance(event, Order):
                orders[event.id] = event
            else:
                orders.pop(event[0], None)

    return work


def uncollected(work: Callable[[], object]) -> Measure:
    """The wall time of ``work`` with the cycle collector off: our book leaves it nothing to find, and what
    it costs depends on what else the process holds."""

    def still() -> None:
        gc.disable()
        try:
            work()
        finally:
            gc.enable()

    return timed(still)


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
