"""Curves: additive to the bit, the same by either path, and right at every price."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.market import curve as module
from tradelane.market.batch import OrderBatch
from tradelane.market.curve import Curve
from tradelane.market.order import Order, Side

ROWS = st.tuples(st.sampled_from(list(Side)), st.integers(-8, 8), st.integers(1, 30))
FAR_ROWS = st.tuples(st.sampled_from(list(Side)), st.integers(-(10**9), 10**9), st.integers(1, 2**40))
BOOKS = st.one_of(st.lists(ROWS, max_size=25), st.lists(FAR_ROWS, max_size=25))
Rows = list[tuple[Side, int, int]]


def batch(rows: Rows, start: int = 0) -> OrderBatch:
    return OrderBatch.of(Order(f"o{k}", k, "m", "p", "Z", *row) for k, row in enumerate(rows, start))


def plain(curve: Curve) -> list[tuple[int, int, int]]:
    return list(zip(curve.tick.tolist(), curve.supply.tolist(), curve.demand.tolist(), strict=True))


def histogram(rows: Rows) -> list[tuple[int, int, int]]:
    """The naive twin."""
    lots: dict[int, list[int]] = {}
    for side, price, quantity in rows:
        lots.setdefault(price, [0, 0])[side is Side.BUY] += quantity
    return [(price, sold, bought) for price, (sold, bought) in sorted(lots.items())]


@given(BOOKS)
def test_both_paths_give_the_histogram(rows: Rows) -> None:
    assert plain(Curve.of(batch(rows))) == histogram(rows)
    if rows:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "BLOCK", 3)
            assert plain(Curve.of(batch(rows))) == histogram(rows)
            patch.setattr(module, "DENSE", 0)
            assert plain(Curve.of(batch(rows))) == histogram(rows)
            patch.setattr(module, "DENSE", 1000)
            if max(abs(price) for _, price, _ in rows) < 10:
                assert plain(Curve.of(batch(rows))) == histogram(rows)


@given(BOOKS, st.lists(st.integers(0, 25), max_size=4))
def test_any_partition_adds_up_to_the_same_curve(rows: Rows, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [Curve.of(batch(rows[a:b], a)) for a, b in pairwise(edges)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert plain(total) == plain(Curve.of(batch(rows)))
    backwards = parts[-1]
    for part in parts[-2::-1]:
        backwards = backwards + part
    assert plain(backwards) == plain(total)


@given(st.lists(ROWS, max_size=25), st.integers(-9500, 9500))
def test_margins_and_spans_are_what_a_loop_counts(rows: Rows, price: int) -> None:
    found, exact = Curve.of(batch(rows)), Fraction(price, 1000)
    sells = [(p, q) for side, p, q in rows if side is Side.SELL]
    buys = [(p, q) for side, p, q in rows if side is Side.BUY]
    margins = found.margins(price)
    assert margins.supply_in == sum(q for p, q in sells if p < exact)
    assert margins.supply_at == sum(q for p, q in sells if p == exact)
    assert margins.demand_in == sum(q for p, q in buys if p > exact)
    assert margins.demand_at == sum(q for p, q in buys if p == exact)
    assert margins.net_low <= margins.net_high
    everyone = sells + buys
    assert found.span(exact) == (
        sum(q for p, q in everyone if p < exact),
        sum(q for p, q in everyone if p <= exact),
    )
    assert found.total_demand == sum(q for _, q in buys)


@given(st.lists(ROWS, min_size=1, max_size=25), st.integers(-9, 9))
def test_the_range_of_prices_holds_exactly_those_that_fit(rows: Rows, tick: int) -> None:
    """At a price, any number of units between its span is optimal: so each of them leads back to it."""
    found = Curve.of(batch(rows))
    for units in found.span(Fraction(tick)):
        low, high = found.price_range(float(units), 1e-5)
        assert (low is None or low <= tick) and (high is None or tick <= high)
    _, above = found.span(Fraction(tick))
    if above < found.passed[-1]:
        low, high = found.price_range(above + 0.5, 1e-5)
        assert low is not None and tick < low == high, "inside a step there is one price"


def test_totals_that_floats_cannot_hold_are_refused() -> None:
    rows = [(Side.SELL, 1, 2**52), (Side.SELL, 1, 2**52)]
    with pytest.raises(ValueError, match=r"2\*\*53"):
        Curve.of(batch(rows))
    wrapping = [(Side.SELL, 1, 2**52)] * 4096
    with pytest.raises(ValueError, match=r"2\*\*53"):
        Curve.of(batch(wrapping))
    apart = [(Side.SELL, 1, 2**52), (Side.SELL, 2**40, 2**52)]
    with pytest.raises(ValueError, match=r"2\*\*53"):
        Curve.of(batch(apart))
    assert plain(Curve.of(batch([(Side.SELL, 1, 2**53 - 1)]))) == [(1, 2**53 - 1, 0)]


def test_nothing_is_a_curve_too() -> None:
    empty = Curve.of(batch([]))
    assert plain(empty) == [] and plain(empty + empty) == []
    assert empty.price_range(0.0, 1e-5) == (None, None)
    assert empty.cost.tolist() == [0.0] and np.array_equal(empty.passed, [0])
