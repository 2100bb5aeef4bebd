"""At a price limit zones go short alike, as far as their lanes allow."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER
from tradelane.market import highs, simplex
from tradelane.market.auction import Clearing, clear
from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Zone
from tradelane.market.program import Solver

TOP, BOTTOM = POWER.max_price, POWER.min_price


def cleared(
    wanted: dict[str, int], supply: dict[str, int], room: int, solver: Solver = highs.solve
) -> Clearing:
    """Zones in a ring, each lane with ``room``: demand at any price, cheap supply."""
    names = sorted(wanted)
    zones = [Zone(name, "EUR") for name in names]
    lanes = [Lane(f"{a}>{b}", a, b, room) for a in names for b in names if a != b]
    batches = {}
    for k, name in enumerate(names):
        orders = (
            [Order(f"b{name}", 2 * k, "m", "power", name, Side.BUY, TOP, wanted[name])]
            if wanted[name]
            else []
        )
        if supply.get(name):
            orders.append(Order(f"s{name}", 2 * k + 1, "m", "power", name, Side.SELL, 100, supply[name]))
        batches[name] = OrderBatch.of(orders)
    return clear(POWER, zones, lanes, batches, [solver])


def bought(clearing: Clearing) -> list[int]:
    return [int(fill.sum()) for fill in clearing.outcome.bought]


def test_zones_share_what_there_is_in_proportion() -> None:
    clearing = cleared({"A": 100, "B": 300, "C": 200}, {"A": 300}, room=10_000)
    assert bought(clearing) == pytest.approx([50, 150, 100], abs=1)
    assert sum(bought(clearing)) == 300
    assert clearing.coupled and clearing.certificate.gap == 0


def test_a_full_lane_keeps_a_zone_shorter_than_the_others() -> None:
    clearing = cleared({"A": 100, "B": 300, "C": 200}, {"A": 300}, room=40)
    assert bought(clearing)[0] == 220 - 120 and sum(bought(clearing)) <= 300
    assert bought(clearing)[1:] == pytest.approx([48, 32], abs=1)


def test_too_much_supply_at_the_lowest_price_is_shared_alike() -> None:
    zones = [Zone("A", "EUR"), Zone("B", "EUR")]
    lanes = [Lane("A>B", "A", "B", 1000), Lane("B>A", "B", "A", 1000)]
    batches = {
        "A": OrderBatch.of([Order("s", 1, "m", "power", "A", Side.SELL, BOTTOM, 300)]),
        "B": OrderBatch.of(
            [
                Order("t", 2, "m", "power", "B", Side.SELL, BOTTOM, 100),
                Order("b", 3, "m", "power", "B", Side.BUY, 1000, 200),
            ]
        ),
    }
    clearing = clear(POWER, zones, lanes, batches)
    sold = [int(fill.sum()) for fill in clearing.outcome.sold]
    assert sold == pytest.approx([150, 50], abs=1) and sum(sold) == 200


def fair(wanted: list[int], supply: list[int]) -> list[float]:
    """By hand, where every lane is open: the same part of what each wanted."""
    part = min(1.0, sum(supply) / sum(wanted))
    return [part * w for w in wanted]


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_without_congestion_all_get_the_same_part(seed: int) -> None:
    r = random.Random(seed)
    names = [f"z{k}" for k in range(r.randint(2, 5))]
    wanted = [r.randint(1, 10 ** r.randint(1, 6)) for _ in names]
    supply = [r.randint(0, max(1, w)) for w in wanted]
    clearing = cleared(dict(zip(names, wanted, strict=True)), dict(zip(names, supply, strict=True)), 10**7)
    grain = max(1.0, max(wanted) * 1e-5) * len(names)
    assert bought(clearing) == pytest.approx(fair(wanted, supply), abs=grain)
    assert sum(bought(clearing)) == min(sum(wanted), sum(supply))


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_both_solvers_share_alike_when_lanes_are_full(seed: int) -> None:
    r = random.Random(seed)
    names = [f"z{k}" for k in range(r.randint(2, 4))]
    wanted = {name: r.randint(1, 500) for name in names}
    supply = {name: r.randint(0, 300) for name in names}
    room = r.choice([5, 30, 100])
    ours, theirs = (cleared(wanted, supply, room, solver).outcome for solver in (highs.solve, simplex.solve))
    assert ours.sent == theirs.sent and ours.price == theirs.price
    assert [f.tolist() for f in ours.bought] == [f.tolist() for f in theirs.bought]
