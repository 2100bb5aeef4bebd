"""The certificate finds every planted fault, and adds up exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, random_market
from tradelane.market import certificate
from tradelane.market.auction import Clearing, clear
from tradelane.market.batch import Columns, IntArray
from tradelane.market.certificate import Outcome, certify, exact_dot
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Zone

SEEDS = st.integers(0, 2**32)
ZONES = (Zone("A", "EUR"), Zone("B", "GBP", Decimal("1.17")))
ORDERS = (
    Order("s1", 1, "m", "power", "A", Side.SELL, 1000, 60),
    Order("s2", 2, "m", "power", "A", Side.SELL, 1500, 60),
    Order("b1", 3, "m", "power", "A", Side.BUY, 2000, 30),
    Order("b2", 4, "m", "power", "B", Side.BUY, 3000, 40),
    Order("b3", 5, "m", "power", "B", Side.BUY, 1200, 40),
)
LANE = Lane("A>B", "A", "B", 100, 50_000, Decimal("0.05"))


def cleared(market: Market) -> Clearing:
    return clear(market.product, market.zones, market.lanes, market.batches())


def sample() -> Clearing:
    """s1 in full, s2 in part at the money; 43 lots are sent so that 40 arrive."""
    clearing = cleared(Market(POWER, ZONES, (LANE,), ORDERS))
    assert clearing.outcome.price[0] == 1_500_000 and clearing.outcome.sent == (43,)
    assert [fill.tolist() for fill in clearing.outcome.sold] == [[60, 13], []]
    return clearing


def at(fills: tuple[IntArray, ...], zone: int, row: int, lots: int) -> tuple[IntArray, ...]:
    changed = [fill.copy() for fill in fills]
    changed[zone][row] += lots
    return tuple(changed)


def priced(o: Outcome, zone: int, price: int) -> Outcome:
    """Another price for one zone, within a range of its own."""
    one = tuple(price if z == zone else p for z, p in enumerate(o.price))
    return replace(o, price=one, low=one, high=one)


PLANTED: dict[str, tuple[str, Callable[[Outcome], Outcome]]] = {
    "sell beyond its quantity": ("beyond its quantity", lambda o: replace(o, sold=at(o.sold, 0, 0, 1))),
    "sell below zero": ("below zero", lambda o: replace(o, sold=at(o.sold, 0, 1, -20))),
    "buy outside its limit": ("outside its limit", lambda o: replace(o, bought=at(o.bought, 1, 1, 1))),
    "a lot more sold": ("sold less bought", lambda o: replace(o, sold=at(o.sold, 0, 1, 1))),
    "left unfilled": ("left unfilled", lambda o: replace(o, bought=at(o.bought, 1, 0, -40))),
    "fills for other orders": ("do not match", lambda o: replace(o, sold=(o.sold[0][:1], o.sold[1]))),
    "a price above its range": ("low and high", lambda o: replace(o, high=(o.price[0] - 1, o.high[1]))),
    "beyond the capacity": ("of a capacity", lambda o: replace(o, sent=(101,), received=(95,))),
    "against the lane": ("of a capacity", lambda o: replace(o, sent=(-1,), received=(-1,))),
    "more received": ("deliver 40, not 41", lambda o: replace(o, received=(41,))),
    "less sent": ("sold less bought", lambda o: replace(o, sent=(42,), received=(39,))),
    "a price too high": ("unfilled", lambda o: priced(o, 0, 1_600_000)),
    "a price too low": ("outside", lambda o: priced(o, 0, 1_400_000)),
    "a margin left on the way": ("at a margin", lambda o: priced(o, 1, o.price[1] + 50_000)),
}  # fmt: skip


@pytest.mark.parametrize(("words", "plant"), PLANTED.values(), ids=PLANTED)
def test_each_planted_fault_is_found(words: str, plant: Callable[[Outcome], Outcome]) -> None:
    c = sample()
    assert certify(c.product, c.network, c.batches, c.outcome).faults == ()
    faults = certify(c.product, c.network, c.batches, plant(c.outcome)).faults
    assert any(words in fault for fault in faults), faults


@settings(max_examples=80)
@given(SEEDS, st.data())
def test_no_fill_can_be_changed_unseen(seed: int, data: st.DataObject) -> None:
    """One lot more or less for any order, and its zone no longer adds up."""
    c = cleared(random_market(seed))
    places = [
        (z, side, k)
        for z, batch in enumerate(c.batches)
        for side, rows in (("sold", batch.sells), ("bought", batch.buys))
        for k in range(len(rows))
    ]
    if not places:
        return
    zone, side, row = data.draw(st.sampled_from(places))
    fills = at(getattr(c.outcome, side), zone, row, data.draw(st.sampled_from([-1, 1])))
    changed = replace(c.outcome, sold=fills) if side == "sold" else replace(c.outcome, bought=fills)
    assert not certify(c.product, c.network, c.batches, changed).proven


@settings(max_examples=80)
@given(SEEDS)
def test_the_gap_is_the_sum_of_what_each_party_can_check(seed: int) -> None:
    certificate = cleared(random_market(seed)).certificate
    assert certificate.gap == certificate.order_slack + certificate.lane_slack + certificate.loss_dust
    assert certificate.order_slack >= 0 and certificate.lane_slack >= 0
    kept = certificate.congestion_rent + certificate.freight + certificate.duty
    assert certificate.buyers_pay - certificate.sellers_get == kept


ROWS = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(1, 2**31 - 1), st.sampled_from([0, 0, 0, 1, -1])),
    min_size=1,
    max_size=12,
)


@given(ROWS, st.sampled_from(list(Side)), st.integers(-40_000, 40_000), st.sampled_from([1, 3, 1 << 16]))
def test_one_side_adds_up_as_its_orders_do(
    rows: list[tuple[int, int, int]], side: Side, price: int, block: int
) -> None:
    """In blocks of any size and columns of any width; some fills are a lot off."""
    inside = [side.sign * (price - 1000 * limit) > 0 for limit, _, _ in rows]
    fills = [
        min(quantity * inn + off, 2**31 - 1) for inn, (_, quantity, off) in zip(inside, rows, strict=True)
    ]
    found = []
    for width in (np.int32, np.int64):
        limit, quantity = (np.array([row[k] for row in rows], width) for k in (0, 1))
        columns = Columns(limit, quantity, np.arange(len(rows)))  # type: ignore[arg-type]  # narrow on purpose
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificate, "BLOCK", block)
            found.append(certificate._side(columns, np.array(fills, width), price, side.sign))
    parties = list(zip(rows, inside, fills, strict=True))
    short = [max(0, quantity - fill) for (_, quantity, _), inn, fill in parties if inn]
    worth = sum(
        max(0, quantity - fill) * side.sign * (price - 1000 * limit)
        for (limit, quantity, _), inn, fill in parties if inn
    )  # fmt: skip
    faults = {
        "fill below zero": any(fill < 0 for fill in fills),
        "fill beyond its quantity": any(fill > quantity for (_, quantity, _), _, fill in parties),
        "fill outside its limit": any(
            fill != 0 and side.sign * (price - 1000 * limit) < 0 for (limit, _, _), _, fill in parties
        ),
    }
    for one in found:
        assert one.filled == sum(fills)
        assert one.value == sum(limit * fill for (limit, _, _), _, fill in parties)
        assert (one.short, one.slack) == (sum(short), worth)
        assert set(one.faults) == {words for words, there in faults.items() if there}


WIDE = st.one_of(
    st.integers(-3, 3), st.integers(-(2**31), 2**31), st.integers(-(2**62), 2**62),
    st.sampled_from([2**53, -(2**53) - 1]),
)  # fmt: skip


@given(st.lists(st.tuples(WIDE, WIDE), max_size=50))
def test_exact_dot_is_exact_at_any_size(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    assert exact_dot(a, b) == sum(x * y for x, y in pairs)


@given(st.integers(1, 2**31), st.integers(1, 2**31), st.integers(1, 5000))
def test_exact_dot_of_long_columns(x: int, y: int, count: int) -> None:
    """At the edge where a sum of many products no longer fits into 64 bits."""
    assert exact_dot(np.full(count, x), np.full(count, -y)) == -x * y * count
