"""Who trades with whom, against two lines served one lot at a time."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, ids_of
from tradelane.market.auction import clear
from tradelane.market.order import Order, Side
from tradelane.market.pairing import pair
from tradelane.market.parcels import Parcels, carried, match
from tradelane.market.product import Lane, Zone
from tradelane.market.trade import Trade

LINES = st.lists(st.integers(0, 12), min_size=1, max_size=8)


def lot_by_lot(supply: list[int], demand: list[int]) -> Counter[tuple[int, int]]:
    """The naive twin: lots met between each supply and each demand."""
    givers = [k for k, lots in enumerate(supply) for _ in range(lots)]
    takers = [k for k, lots in enumerate(demand) for _ in range(lots)]
    return Counter(zip(givers, takers, strict=True))


@given(LINES, st.data())
def test_lines_are_matched_in_order(supply: list[int], data: st.DataObject) -> None:
    total = sum(supply)
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=6)))
    demand = [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    demand = [lots for lots in demand if lots] or [0]
    seller, buyer, start, stop = match(np.array(supply), np.array(demand))
    met: Counter[tuple[int, int]] = Counter()
    for s, b, lots in zip(seller.tolist(), buyer.tolist(), (stop - start).tolist(), strict=True):
        met[s, b] += lots
    assert +met == lot_by_lot(supply, demand)
    assert set(seller.tolist()) >= {k for k, lots in enumerate(supply) if not lots}, (
        "a lot lost on the way is someone's"
    )


@given(LINES, st.sampled_from([0, 30_000, 333_333, 999_999]))
def test_a_lanes_loss_is_spread_over_its_load(lots: list[int], loss: int) -> None:
    lane, column = Lane("A>B", "A", "B", 1000, loss), np.array(lots)
    load = Parcels.local(np.arange(len(lots)), column)
    arrived = carried(lane, load, np.ones(len(lots), np.int64))
    assert int(arrived.here.sum()) == lane.received(sum(lots))
    assert ((arrived.here >= 0) & (arrived.here <= column)).all()
    assert (arrived.sent == column).all()


def traded(zones: str, lanes: list[Lane], orders: list[Order]) -> list[Trade]:
    market = Market(POWER, tuple(Zone(z, "EUR") for z in zones), tuple(lanes), tuple(orders))
    clearing = clear(POWER, market.zones, market.lanes, market.batches())
    assert clearing.coupled
    return pair(clearing, ids_of(market, clearing.network.zones))


def test_what_a_lane_brings_still_knows_who_sold_it() -> None:
    """A sells through B into C; B's own seller comes first at home, the lane's load after it."""
    orders = [
        Order("far", 1, "m", "power", "A", Side.SELL, 100, 50),
        Order("near", 2, "m", "power", "B", Side.SELL, 100, 20),
        Order("home", 3, "m", "power", "B", Side.BUY, 900, 30),
        Order("end", 4, "m", "power", "C", Side.BUY, 900, 40),
    ]
    trades = traded("ABC", [Lane("A>B", "A", "B", 100), Lane("B>C", "B", "C", 100)], orders)
    assert {(t.seller, t.buyer, t.sent, t.received, t.path) for t in trades} == {
        ("near", "home", 20, 20, ()),
        ("far", "home", 10, 10, ("A>B",)),
        ("far", "end", 40, 40, ("A>B", "B>C")),
    }


def test_a_small_sale_may_be_lost_on_the_way_but_is_still_a_sale() -> None:
    orders = [Order(f"s{k}", k, "m", "power", "A", Side.SELL, 100, 1) for k in range(4)]
    orders.append(Order("b", 9, "m", "power", "B", Side.BUY, 900, 50))
    trades = traded("AB", [Lane("A>B", "A", "B", 100, 300_000)], orders)
    assert sorted((t.seller, t.sent) for t in trades) == [(f"s{k}", 1) for k in range(4)]
    assert sum(t.received for t in trades) == 2 and min(t.received for t in trades) == 0


def test_on_a_loop_of_flows_the_lane_stands_in() -> None:
    """At −10 it pays to send energy round a lossy loop and burn it."""
    orders = [
        Order("s", 1, "m", "power", "A", Side.SELL, -400, 40),
        Order("b", 2, "m", "power", "A", Side.BUY, -450, 10),
    ]
    lanes = [Lane("A>B", "A", "B", 100, 100_000), Lane("B>A", "B", "A", 100, 100_000)]
    trades = traded("AB", lanes, orders)
    sold, bought = Counter[str](), Counter[str]()
    for t in trades:
        sold[t.seller] += t.sent
        bought[t.buyer] += t.received
    assert sold["s"] > 0
    assert any(name.startswith("lane:") for name in (*sold, *bought)) or bought["b"] == sold["s"]
    assert Decimal("0.01") == POWER.tick
