"""Seeded streams of market commands for comparing a market with its twin."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tradelane.market.book import Kind
from tradelane.market.order import Order, Side

MEMBERS = ("anna", "bram", "chloe", "dirk")
KINDS = (Kind.LIMIT,) * 8 + (Kind.IOC, Kind.FOK)

Submit = tuple[Order, Kind]
Cancel = tuple[str, str]


def commands(
    seed: int, count: int, zones: Sequence[str] = ("NL",), prices: tuple[int, int] = (80, 120)
) -> Iterator[Submit | Cancel]:
    """Orders around one price, two of five commands being cancels: some late, some of another's order."""
    rng = random.Random(seed)
    sent: list[Order] = []
    for seq in range(1, count + 1):
        if sent and rng.random() < 0.4:
            order = rng.choice(sent[-60:])
            yield order.id, order.member if rng.random() < 0.95 else rng.choice(MEMBERS)
            continue
        side = rng.choice((Side.SELL, Side.BUY))
        low, high = prices
        price = rng.randint(low, high) + side.sign * (high - low) // 8
        again = bool(sent) and rng.random() < 0.02
        name = sent[-1].id if again else f"o{seq}"
        lots = rng.randint(0, 1) if rng.random() < 0.02 else rng.randint(1, 60)
        order = Order(name, seq, rng.choice(MEMBERS), "potatoes", rng.choice(zones), side, price, lots)
        sent.append(order)
        yield order, rng.choice(KINDS)
