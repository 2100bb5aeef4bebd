"""Prices under ad-valorem duty: a fixed point that two solvers find alike, in every market."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, random_market
from tradelane.market import highs, simplex
from tradelane.market.auction import Clearing, clear
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Zone
from tradelane.market.program import Solver

SEEDS = st.integers(0, 2**32)


def dutied(seed: int) -> Market:
    """A random market in which about half of the lanes cross a customs border of 10 %."""
    market, r = random_market(seed), random.Random(seed + 1)
    return replace(
        market, lanes=tuple(replace(lane, duty_ppm=r.choice([0, 100_000])) for lane in market.lanes)
    )


def cleared(market: Market, *solvers: Solver) -> Clearing:
    return clear(market.product, market.zones, market.lanes, market.batches(), solvers or (highs.solve,))


@settings(max_examples=60)
@given(SEEDS)
@pytest.mark.parametrize("solver", [highs.solve, simplex.solve])
def test_every_market_with_duties_clears_coupled(solver: Solver, seed: int) -> None:
    clearing = cleared(dutied(seed), solver)
    assert clearing.coupled and clearing.certificate.proven


@settings(max_examples=40)
@given(SEEDS)
def test_what_is_published_does_not_depend_on_the_solver(seed: int) -> None:
    market = dutied(seed)
    ours, theirs = cleared(market, highs.solve).outcome, cleared(market, simplex.solve).outcome
    assert (ours.price, ours.low, ours.high) == (theirs.price, theirs.low, theirs.high)
    assert ours.sent == theirs.sent


@pytest.mark.parametrize("seed", [832, 1075, 1137, 2220, 2806, 2814])
def test_markets_whose_duties_go_round_and_round(seed: int) -> None:
    assert cleared(dutied(seed)).coupled


@settings(max_examples=60)
@given(SEEDS, SEEDS)
def test_a_guess_of_the_prices_changes_nothing(seed: int, guess: int) -> None:
    market, r = dutied(seed), random.Random(guess)
    start = {zone.id: Fraction(r.randint(-500, 4000)) for zone in market.zones}
    with_guess = clear(market.product, market.zones, market.lanes, market.batches(), start=start)
    assert with_guess.outcome.price == cleared(market).outcome.price
    assert with_guess.outcome.sent == cleared(market).outcome.sent


def test_duty_by_hand() -> None:
    """10.00 and a tenth of duty are 11.00; between buyers at 12 who are many, the lane is full."""
    zones = (Zone("A", "EUR"), Zone("B", "EUR"))
    orders = (
        Order("s", 1, "m", "power", "A", Side.SELL, 1000, 100),
        Order("b", 2, "m", "power", "B", Side.BUY, 1200, 80),
    )
    lane = Lane("A>B", "A", "B", 200, duty_ppm=100_000)
    open_lane = cleared(Market(POWER, zones, (lane,), orders))
    assert open_lane.outcome.price == (1_000_000, 1_100_000) and open_lane.outcome.sent == (80,)
    assert open_lane.certificate.duty == 80 * Fraction("0.001") * Fraction(1)
    full = cleared(Market(POWER, zones, (replace(lane, capacity=50),), orders))
    assert full.outcome.price == (1_000_000, 1_200_000) and full.outcome.sent == (50,)
    assert full.certificate.congestion_rent == 50 * Fraction("0.001") * Fraction(1)
    dear = replace(lane, duty_ppm=210_000)
    assert cleared(Market(POWER, zones, (dear,), orders)).outcome.sent == (0,)
    assert Decimal("0.01") == POWER.tick
