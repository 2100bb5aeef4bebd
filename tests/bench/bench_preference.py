"""Pairing by preference: what it costs beside pairing in line."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from tests.bench.bench_coupling import POWER, ring_of_lanes
from tests.bench.harness import Pair, benchmark, timed
from tradelane.market.auction import Clearing, clear
from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.pairing import matches
from tradelane.market.product import Lane, Zone
from tradelane.market.wishes import Lists, Preferences, Wishes

ZONES, ORDERS, LOSS_PPM = 10, 1_000_000, 20_000
MEMBERS, COMMUNITIES, ORIGINS = 100_000, 2_000, 5
NAMING_PCT = 10


def cleared() -> Clearing:
    """One interval: half of the orders sell, in zones of different prices."""
    chance = np.random.default_rng(7)
    count = ORDERS // ZONES // 2
    zones = [Zone(f"z{k:02d}", "EUR") for k in range(ZONES)]

    def side(lowest: int) -> Columns:
        price = chance.integers(lowest, lowest + 8_000, count)
        return Columns(price, chance.integers(1, 1_000, count), np.arange(count))

    batches = {zone.id: OrderBatch(side(100 * k), side(2_000)) for k, zone in enumerate(zones)}
    lanes = [
        Lane(f"{a}>{b}", zones[a].id, zones[b].id, 2_000_000, LOSS_PPM, Decimal(tariff))
        for a, b, tariff in ring_of_lanes(ZONES, 1)
    ]
    return clear(POWER, zones, lanes, batches)


def wishes(count: int, sells: bool, seed: int) -> Wishes:
    """All have a name and a community, a tenth names two partners; sells have an origin, buys ask for two."""
    chance = np.random.default_rng(seed)

    def lists(length: IntArray, kinds: int) -> Lists:
        first = np.append(0, np.cumsum(length))
        return Lists(first, chance.integers(0, kinds, int(first[-1])))

    naming = np.where(chance.integers(0, 100, count) < NAMING_PCT, 2, 0)
    nothing = np.full(count, -1, np.int64)
    return Wishes(
        chance.integers(0, MEMBERS, count),
        chance.integers(0, COMMUNITIES, count),
        chance.integers(0, ORIGINS, count) if sells else nothing,
        lists(naming, MEMBERS),
        lists(np.full(count, 0 if sells else 2), ORIGINS),
    )


@benchmark("pairing-by-preference", goal=25)
def by_preference() -> Pair:
    """A million orders in 10 zones whose members name partners, communities and origins, against one line."""
    clearing = cleared()
    outcome = clearing.outcome
    sells, buys = (sum(map(len, fills)) for fills in (outcome.sold, outcome.bought))
    preferences = Preferences(wishes(sells, True, 1), wishes(buys, False, 2), MEMBERS)

    def in_line() -> None:
        assert len(matches(clearing)) > ORDERS // 4

    def preferring() -> None:
        assert len(matches(clearing, preferences)) > ORDERS // 4

    return Pair(
        timed(preferring), timed(in_line), "the same clearing paired in line", repetitions=5, warm_up=1
    )
