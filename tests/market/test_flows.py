"""Whole lots that every zone can meet, the least movement, and zones in the order of travel."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, random_market
from tradelane.market.auction import clear
from tradelane.market.curve import Margins
from tradelane.market.flows import downstream, weights
from tradelane.market.network import Network
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Zone
from tradelane.market.whole import whole_lots

LOTS = st.integers(0, 60)


@st.composite
def one_way_markets(draw: st.DrawFn) -> tuple[Network, list[float], list[Margins]]:
    """Lanes only from lower to higher zones, any flows, any orders."""
    count = draw(st.integers(2, 5))
    zones = [Zone(f"z{k}", "EUR") for k in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    ends = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    lanes = [
        Lane(
            f"z{a}>z{b}",
            f"z{a}",
            f"z{b}",
            draw(st.integers(0, 50)),
            draw(st.sampled_from([0, 30_000, 500_000])),
        )
        for a, b in ends
    ]
    network = Network.of(POWER, zones, lanes)
    flow = [draw(st.floats(0, 1)) * lane.capacity for lane in network.lanes]
    margins = [Margins(draw(LOTS), draw(LOTS), draw(LOTS), draw(LOTS)) for _ in zones]
    return network, flow, margins


@settings(max_examples=400)
@given(one_way_markets())
def test_whole_lots_leave_every_zone_a_position_its_orders_can_meet(
    market: tuple[Network, list[float], list[Margins]],
) -> None:
    network, flow, margins = market
    sent = whole_lots(network, np.array(flow), margins)
    received = [lane.received(f) for lane, f in zip(network.lanes, sent, strict=True)]
    for lane, f, r in zip(network.lanes, sent, received, strict=True):
        assert 0 <= f <= lane.capacity and isinstance(f, int)
        assert r or not f, "nothing is sent that does not arrive"
    for z, m in enumerate(margins):
        net = sum(f for link, f in zip(network.links, sent, strict=True) if link.source == z)
        net -= sum(r for link, r in zip(network.links, received, strict=True) if link.target == z)
        assert -(m.demand_in + m.demand_at) <= net <= m.supply_in + m.supply_at


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_no_lane_carries_both_ways_where_prices_are_not_negative(seed: int) -> None:
    market = random_market(seed)
    if any(order.price < 0 for order in market.orders):
        return
    clearing = clear(market.product, market.zones, market.lanes, market.batches())
    sent = dict(
        zip(((x.source, x.target) for x in clearing.network.lanes), clearing.outcome.sent, strict=True)
    )
    assert not [ends for ends, f in sent.items() if f and sent.get(ends[::-1])]


def test_of_parallel_ways_the_lighter_one_is_taken() -> None:
    """Two lanes alike, and one round a corner: one direct lane carries all, in the order of ids."""
    zones = [Zone(name, "EUR") for name in "ABC"]
    ends = {"1": ("A", "B"), "2": ("A", "B"), "3": ("A", "C"), "4": ("C", "B")}
    lanes = [Lane(name, source, target, 100) for name, (source, target) in ends.items()]
    orders = (
        Order("s", 1, "m", "power", "A", Side.SELL, 100, 80),
        Order("b", 2, "m", "power", "B", Side.BUY, 900, 80),
    )
    market = Market(POWER, tuple(zones), tuple(lanes), orders)
    sent = clear(market.product, zones, lanes, market.batches()).outcome.sent
    w = weights(4)
    assert sent == ((80, 0, 0, 0) if w[0] < w[1] else (0, 80, 0, 0))


def test_weights_are_distinct_and_so_are_the_sums_of_any_two() -> None:
    found = weights(120)
    assert (found >= 1).all() and (found < 2).all() and len(set(found.tolist())) == 120
    sums = sorted(a + b for k, a in enumerate(found.tolist()) for b in found.tolist()[:k])
    assert min(b - a for a, b in pairwise(sums)) > 1e-10


@given(one_way_markets())
def test_downstream_puts_sources_before_targets(market: tuple[Network, list[float], list[Margins]]) -> None:
    network, flow, _ = market
    sent = [int(f) for f in flow]
    order = downstream(len(network.zones), network.links, sent)
    assert sorted(order) == list(range(len(network.zones)))
    for link, f in zip(network.links, sent, strict=True):
        assert not f or order.index(link.source) < order.index(link.target)


def test_zones_on_a_loop_of_flows_come_last() -> None:
    lanes = [Lane("1", "B", "C", 9), Lane("2", "C", "B", 9), Lane("3", "A", "B", 9)]
    network = Network.of(POWER, [Zone(name, "EUR", Decimal(1)) for name in "ABC"], lanes)
    assert downstream(3, network.links, [1, 1, 1]) == [0, 1, 2]
