"""Rationing at the margin against loops that hand out one lot at a time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER
from tradelane.market.allocation import NotBalanced, allocate, in_time, pro_rata
from tradelane.market.batch import OrderBatch
from tradelane.market.curve import Curve
from tradelane.market.order import Order, Side
from tradelane.market.product import Allocation

QUANTITIES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def first_come(quantity: list[int], amount: int) -> list[int]:
    filled = [0] * len(quantity)
    for k, most in enumerate(quantity):
        while filled[k] < most and amount:
            filled[k] += 1
            amount -= 1
    return filled


def in_proportion(quantity: list[int], amount: int) -> list[int]:
    """Whole shares first, then a lot each to the largest remainders, the earlier of two equal ones first."""
    total = sum(quantity)
    exact = [Fraction(q * amount, total) for q in quantity]
    filled = [int(share) for share in exact]
    order = sorted(range(len(quantity)), key=lambda k: (-(exact[k] - filled[k]), k))
    for k in order[: amount - sum(filled)]:
        filled[k] += 1
    return filled


@given(QUANTITIES, st.data())
def test_in_time_and_pro_rata_agree_with_their_naive_twins(quantity: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(quantity)))
    column = np.array(quantity, np.int64)
    assert in_time(column, amount).tolist() == first_come(quantity, amount)
    assert pro_rata(column, amount).tolist() == in_proportion(quantity, amount)


@given(st.lists(st.integers(2**40, 2**48), min_size=2, max_size=5), st.data())
def test_pro_rata_is_exact_where_products_do_not_fit(quantity: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(1, sum(quantity)))
    column = np.array(quantity, np.int64)
    assert pro_rata(column, amount).tolist() == in_proportion(quantity, amount)


@given(QUANTITIES, st.integers(0, 500))
def test_nobody_gets_more_than_it_asked_for_or_unequal_shares(quantity: list[int], amount: int) -> None:
    filled = pro_rata(np.array(quantity, np.int64), amount).tolist()
    assert sum(filled) == min(amount, sum(quantity))
    for k, (got, asked) in enumerate(zip(filled, quantity, strict=True)):
        assert 0 <= got <= asked
        for other, its in list(zip(filled, quantity, strict=True))[:k]:
            assert its != asked or got <= other, "of equals, the earlier is not worse off"


@st.composite
def books(draw: st.DrawFn) -> list[Order]:
    rows = draw(
        st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 6), st.integers(1, 20)), max_size=12)
    )
    return [Order(f"o{k}", k, "m", "power", "Z", *row) for k, row in enumerate(rows)]


@settings(max_examples=300)
@given(books(), st.integers(500, 6500), st.integers(-60, 60), st.sampled_from(list(Allocation)))
def test_fills_meet_the_net_position_inside_every_limit(
    book: list[Order], price: int, net: int, rule: Allocation
) -> None:
    batch = OrderBatch.of(book)
    margins = Curve.of(batch).margins(price)
    possible = -(margins.demand_in + margins.demand_at) <= net <= margins.supply_in + margins.supply_at
    if not possible:
        with pytest.raises(NotBalanced):
            allocate(batch, price, net, margins, rule)
        return
    sold, bought = allocate(batch, price, net, margins, rule)
    assert int(sold.sum()) - int(bought.sum()) == net
    for side, fill in ((batch.sells, sold), (batch.buys, bought)):
        assert ((fill >= 0) & (fill <= side.quantity)).all()
    assert all(f == 0 for f, p in zip(sold, batch.sells.price, strict=True) if p * 1000 > price)
    assert all(f == 0 for f, p in zip(bought, batch.buys.price, strict=True) if p * 1000 < price)
    if margins.net_low <= net <= margins.net_high:
        sells, buys = batch.sells, batch.buys
        assert all(
            f == q for f, q, p in zip(sold, sells.quantity, sells.price, strict=True) if p * 1000 < price
        )
        assert all(
            f == q for f, q, p in zip(bought, buys.quantity, buys.price, strict=True) if p * 1000 > price
        )


def test_rejected_are_the_orders_nearest_to_the_price_and_the_latest_of_them() -> None:
    rows = [(Side.SELL, 1, 5), (Side.SELL, 2, 5), (Side.SELL, 2, 5)]
    batch = OrderBatch.of(Order(f"o{k}", k, "m", POWER.id, "Z", *row) for k, row in enumerate(rows))
    sold, _ = allocate(batch, 3000, 8, Curve.of(batch).margins(3000), Allocation.TIME)
    assert sold.tolist() == [5, 3, 0]
