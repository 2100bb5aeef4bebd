"""Seeded streams of market commands for comparing a market with its twin."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tradelane.market.order import Order, Side
from tradelane.market.session import Phase
from tradelane.market.terms import PLAIN, Kind, Terms

MEMBERS = ("anna", "bram", "chloe", "dirk")
KINDS = (Kind.LIMIT,) * 8 + (Kind.IOC, Kind.FOK)
ALL_KINDS = (Kind.LIMIT,) * 6 + tuple(Kind)


@dataclass(frozen=True)
class Submit:
    order: Order
    kind: Kind = Kind.LIMIT
    terms: Terms = PLAIN


@dataclass(frozen=True)
class Cancel:
    order_id: str
    member: str


@dataclass(frozen=True)
class Amend:
    order_id: str
    member: str
    price: int
    quantity: int
    seq: int


@dataclass(frozen=True)
class Expire:
    now: int


@dataclass(frozen=True)
class Turn:
    phase: Phase
    seq: int


Command = Submit | Cancel | Amend | Expire | Turn


def commands(
    seed: int, count: int, zones: Sequence[str] = ("NL",), prices: tuple[int, int] = (80, 120)
) -> Iterator[Command]:
    """Orders around one price, two of five commands being cancels: some late, some of another's order."""
    rng = random.Random(seed)
    sent: list[Order] = []
    for seq in range(1, count + 1):
        if sent and rng.random() < 0.4:
            order = rng.choice(sent[-60:])
            yield Cancel(order.id, someone(rng, order))
            continue
        yield Submit(some_order(rng, seq, sent, zones, prices), rng.choice(KINDS))


def everything(
    seed: int, count: int, zones: Sequence[str] = ("NL",), prices: tuple[int, int] = (80, 120)
) -> Iterator[Command]:
    """Every command there is, with every kind and term, the session's phases and market time."""
    rng = random.Random(seed)
    sent: list[Order] = []
    for seq in range(1, count + 1):
        what = rng.random()
        if what < 0.02:
            yield Turn(rng.choice(list(Phase)), seq)
        elif what < 0.04:
            yield Turn(Phase.AUCTION, seq)
        elif what < 0.10:
            yield Turn(Phase.CONTINUOUS, seq)
        elif what < 0.14:
            yield Expire(seq + rng.randint(-5, 5))
        elif sent and what < 0.24:
            order = rng.choice(sent[-40:])
            yield Cancel(order.id, someone(rng, order))
        elif sent and what < 0.42:
            order = rng.choice(sent[-40:])
            price = order.price if rng.random() < 0.5 else rng.randint(*prices)
            quantity = max(0, order.quantity + rng.randint(-30, 12))
            yield Amend(order.id, someone(rng, order), price, quantity, seq)
        else:
            order = some_order(rng, seq, sent, zones, prices)
            yield Submit(order, rng.choice(ALL_KINDS), some_terms(rng, seq, prices))


def someone(rng: random.Random, order: Order) -> str:
    return order.member if rng.random() < 0.95 else rng.choice(MEMBERS)


def some_order(
    rng: random.Random, seq: int, sent: list[Order], zones: Sequence[str], prices: tuple[int, int]
) -> Order:
    side = rng.choice((Side.SELL, Side.BUY))
    low, high = prices
    price = rng.randint(low, high) + side.sign * (high - low) // 8
    again = bool(sent) and rng.random() < 0.02
    name = sent[-1].id if again else f"o{seq}"
    lots = rng.randint(0, 1) if rng.random() < 0.02 else rng.randint(1, 60)
    order = Order(name, seq, rng.choice(MEMBERS), "potatoes", rng.choice(zones), side, price, lots)
    sent.append(order)
    return order


def some_terms(rng: random.Random, seq: int, prices: tuple[int, int]) -> Terms:
    if rng.random() < 0.5:
        return PLAIN
    display = rng.choice((0, 0, 1, 4, 9)) if rng.random() < 0.97 else -1
    until = seq + rng.randint(-1, 60) if rng.random() < 0.3 else None
    trigger = rng.randint(*prices) if rng.random() < 0.4 else None
    return Terms(display, until, trigger)
