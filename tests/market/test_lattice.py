"""Lowest and highest prices against plain iteration, on small graphs with lossy loops."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradelane.market.lattice import Bound, Inconsistent, bounds, highest, lowest
from tradelane.market.network import Link

PRICES = st.integers(-60, 60).map(Fraction)
GAMMA = st.sampled_from([Fraction(1), Fraction(1), Fraction(19, 20), Fraction(1, 2)])
MARKUP = st.sampled_from([Fraction(1), Fraction(1), Fraction(11, 10)])
TARIFF = st.sampled_from([Fraction(0), Fraction(0), Fraction(1), Fraction(7, 2)])
ROUNDS = 4000
FAR = 10.0**9


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Fraction], list[Link], list[Bound]]:
    """Start prices of 2 to 5 zones, lanes between them, and the bounds of lanes used, full or neither."""
    zones = draw(st.integers(2, 5))
    pairs = [(a, b) for a in range(zones) for b in range(zones) if a != b]
    ends = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=8))
    links = [Link(a, b, 10, draw(GAMMA), draw(TARIFF), draw(MARKUP)) for a, b in ends]
    states = [draw(st.sampled_from([(True, True), (True, False), (False, True)])) for _ in links]
    rules = bounds(links, [sends for sends, _ in states], [spare for _, spare in states])
    return draw(st.lists(PRICES, min_size=zones, max_size=zones)), links, rules


def iterated(start: list[Fraction], rules: list[Bound]) -> list[float] | None:
    """The naive twin: raise every price to every bound, again and again; None when it never rests."""
    price = [float(p) for p in start]
    for _ in range(ROUNDS):
        before = list(price)
        for rule in rules:
            need = float(rule.slope) * price[rule.other] + float(rule.offset)
            price[rule.zone] = max(price[rule.zone], need)
        if max(price) > FAR:
            return None
        if max(b - a for a, b in zip(before, price, strict=True)) < 1e-12:
            return price
    return None


@settings(max_examples=300)
@given(markets())
def test_the_lowest_prices_are_where_iteration_comes_to_rest(
    market: tuple[list[Fraction], list[Link], list[Bound]],
) -> None:
    floor, _, rules = market
    twin = iterated(floor, rules)
    if twin is None:
        with pytest.raises(Inconsistent):
            lowest(floor, rules)
        return
    found = lowest(floor, rules)
    assert [float(p) for p in found] == pytest.approx(twin, abs=1e-3)
    for rule in rules:
        assert found[rule.zone] >= rule.slope * found[rule.other] + rule.offset - Fraction(1, 1000)


@settings(max_examples=200)
@given(markets(), PRICES)
def test_the_highest_prices_are_the_lowest_with_the_signs_turned(
    market: tuple[list[Fraction], list[Link], list[Bound]], more: Fraction
) -> None:
    ceiling, _, rules = market
    turned = [Bound(r.other, r.zone, 1 / r.slope, r.offset / r.slope) for r in rules]
    twin = iterated([-p for p in ceiling], turned)
    assume(twin is not None)
    assert twin is not None
    found = highest(ceiling, rules)
    assert [float(p) for p in found] == pytest.approx([-p for p in twin], abs=1e-3)
    assert all(p <= top for p, top in zip(found, ceiling, strict=True))


def test_a_lossy_loop_at_negative_prices_rests_at_its_fixed_point() -> None:
    """Sent round a loop that loses half of it each way, energy is worth at least nothing: 0 ≥ p ≥ p/4."""
    loop = [
        Link(0, 1, 9, Fraction(1, 2), Fraction(0), Fraction(1)),
        Link(1, 0, 9, Fraction(1, 2), Fraction(0), Fraction(1)),
    ]
    rules = bounds(loop, [False, False], [True, True])
    assert lowest([Fraction(-100), Fraction(-90)], rules) == [0, 0]


def test_a_loop_that_earns_without_end_is_no_optimum() -> None:
    gain = [Bound(0, 1, Fraction(1), Fraction(1)), Bound(1, 0, Fraction(1), Fraction(1))]
    with pytest.raises(Inconsistent, match="without end"):
        lowest([Fraction(0), Fraction(0)], gain)


def test_the_solvers_last_digit_is_forgiven() -> None:
    tiny = [Bound(0, 1, Fraction(1), Fraction(1, 5000)), Bound(1, 0, Fraction(1), Fraction(0))]
    assert lowest([Fraction(5), Fraction(5)], tiny)[0] == pytest.approx(5, abs=1e-3)
