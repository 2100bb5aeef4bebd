"""The call auction against known answers, a naive twin, and what must always hold."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, ids_of, naive_welfare, random_market
from tests.shared import shared_file
from tradelane.market import highs, simplex
from tradelane.market.auction import Clearing, clear
from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.pairing import pair
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.program import Program, Solution

SEEDS = st.integers(0, 2**32)
KNOWN = Product("known", "MWh", Decimal(1), Decimal("0.01"), -50_000, 400_000)


def cleared(market: Market) -> Clearing:
    return clear(market.product, market.zones, market.lanes, market.batches())


def burns(market: Market) -> bool:
    """Whether somebody pays to be rid of energy: what loops of lossy lanes burn need not fit whole lots."""
    return any(o.side is Side.SELL and o.price < 0 for o in market.orders)


def prices(clearing: Clearing) -> dict[str, float]:
    """Published prices in currency per unit."""
    tick = float(clearing.product.tick) / 1000
    return {z.id: p * tick for z, p in zip(clearing.network.zones, clearing.outcome.price, strict=True)}


def test_known_answers() -> None:
    cases = json.loads(shared_file("data/known_answers.json").read_text())
    for case in cases:
        orders = tuple(
            Order(
                str(k), k, "m", "known", zone, Side.SELL if side == "S" else Side.BUY, 100 * price, quantity
            )
            for k, (zone, side, price, quantity) in enumerate(case["orders"])
        )
        lanes = tuple(
            Lane(f"{a}>{b}", a, b, capacity, ppm, Decimal(str(tariff)))
            for a, b, capacity, tariff, ppm in case["lanes"]
        )
        market = Market(KNOWN, tuple(Zone(z, "EUR") for z in case["zones"]), lanes, orders)
        clearing = cleared(market)
        assert clearing.coupled and clearing.certificate.proven
        for zone, price in case.get("price", {}).items():
            assert prices(clearing)[zone] == pytest.approx(price, abs=1e-5), case["name"]
        for k, zone in enumerate(clearing.network.zones):
            if zone.id in case.get("price_interval", {}):
                low, high = case["price_interval"][zone.id]
                assert clearing.outcome.low[k] == low * 100_000, case["name"]
                assert clearing.outcome.high[k] == high * 100_000, case["name"]
        flow = {lane.id: f for lane, f in zip(clearing.network.lanes, clearing.outcome.sent, strict=True)}
        for lane, sent in case.get("flow", {}).items():
            assert flow[lane] == sent, case["name"]
        if "welfare" in case:
            assert clearing.certificate.welfare == case["welfare"], case["name"]
        if "rent" in case:
            assert clearing.certificate.congestion_rent == case["rent"], case["name"]
    assert len(cases) == 12


@settings(max_examples=300)
@given(SEEDS)
def test_welfare_agrees_with_the_naive_twin(seed: int) -> None:
    market = random_market(seed)
    clearing = cleared(market)
    if not clearing.coupled:
        assert burns(market), "a solvable market was left uncoupled"
        return
    best = naive_welfare(market)
    found = float(clearing.certificate.welfare)
    # at negative prices a loss rounded up burns more than the program may, and burning is worth something
    assert found <= best + max(0.0, -float(clearing.certificate.loss_dust)) + 1e-6
    assert best - found <= float(clearing.certificate.gap) + 1e-6


@settings(max_examples=150)
@given(SEEDS)
def test_lossless_markets_are_cleared_without_any_loss_of_welfare(seed: int) -> None:
    market = random_market(seed, lossless=True)
    clearing = cleared(market)
    assert clearing.certificate.order_slack == 0
    assert float(clearing.certificate.welfare) == pytest.approx(naive_welfare(market), abs=1e-7)


@settings(max_examples=150)
@given(SEEDS)
def test_money_splits_into_its_accounts(seed: int) -> None:
    certificate = cleared(random_market(seed)).certificate
    kept = certificate.congestion_rent + certificate.freight + certificate.duty
    assert certificate.buyers_pay - certificate.sellers_get == kept


@settings(max_examples=150)
@given(SEEDS)
def test_input_order_does_not_matter(seed: int) -> None:
    market = random_market(seed)
    r = random.Random(seed)
    shuffled = replace(
        market,
        zones=tuple(r.sample(market.zones, len(market.zones))),
        lanes=tuple(r.sample(market.lanes, len(market.lanes))),
        orders=tuple(r.sample(market.orders, len(market.orders))),
    )
    one, two = cleared(market), cleared(shuffled)
    assert _as_plain(one) == _as_plain(two)


def _as_plain(clearing: Clearing) -> tuple[object, ...]:
    o = clearing.outcome
    fills = [(a.tolist(), b.tolist()) for a, b in zip(o.sold, o.bought, strict=True)]
    return o.price, o.low, o.high, o.sent, o.received, fills


@settings(max_examples=200)
@given(SEEDS)
def test_pairing_gives_every_fill_its_trades(seed: int) -> None:
    market = random_market(seed)
    clearing = cleared(market)
    ids = ids_of(market, clearing.network.zones)
    trades = pair(clearing, ids)
    sent, received = Counter[str](), Counter[str]()
    for trade in trades:
        sent[trade.seller] += trade.sent
        received[trade.buyer] += trade.received
        assert trade.sent > 0 and trade.received >= 0
    for (sells, buys), sold, bought in zip(ids, clearing.outcome.sold, clearing.outcome.bought, strict=True):
        assert {i: f for i, f in zip(sells, sold.tolist(), strict=True) if f} == {
            i: sent[i] for i in sells if sent[i]
        }
        assert {i: f for i, f in zip(buys, bought.tolist(), strict=True) if f} == {
            i: received[i] for i in buys if received[i]
        }


def test_scaling_every_quantity_scales_the_result() -> None:
    market = random_market(7, lossless=True)
    tenfold = replace(
        market,
        orders=tuple(replace(o, quantity=10 * o.quantity) for o in market.orders),
        lanes=tuple(replace(lane, capacity=10 * lane.capacity) for lane in market.lanes),
    )
    one, ten = cleared(market), cleared(tenfold)
    assert one.outcome.price == ten.outcome.price
    assert [10 * f for f in one.outcome.sent] == list(ten.outcome.sent)


def test_a_zone_in_dearer_money_does_not_break_the_price_limits_of_its_neighbour() -> None:
    """A zone sold out next to one at its price cap in a stronger currency: its price follows past its cap."""
    zones = (Zone("GB", "GBP", Decimal("1.17")), Zone("NO2", "NOK", Decimal("0.087")))
    lane = Lane("NO2>GB", "NO2", "GB", 1000)
    orders = (
        Order("s", 1, "m", "power", "NO2", Side.SELL, 10, 50),
        Order("b", 2, "m", "power", "GB", Side.BUY, 4000, 80),
    )
    clearing = cleared(Market(POWER, zones, (lane,), orders))
    assert clearing.coupled
    assert clearing.outcome.sent == (50,)
    assert clearing.outcome.price[0] == 4000 * 1000


def test_an_empty_market_clears_to_nothing() -> None:
    clearing = cleared(Market(POWER, (Zone("A", "EUR"), Zone("B", "EUR")), (Lane("A>B", "A", "B", 5),), ()))
    assert clearing.outcome.sent == (0,)
    assert clearing.certificate.welfare == 0


def overflowing(program: Program) -> Solution:
    """A solver gone wrong: every lane at its capacity."""
    found = highs.solve(program)
    steps = len(program.zone)
    return replace(found, value=np.concatenate([found.value[:steps], program.borders.capacity]))


def wrong_market() -> tuple[list[Zone], list[Lane], dict[str, OrderBatch]]:
    orders = [
        Order("a", 1, "m", "power", "A", Side.SELL, 100, 10),
        Order("b", 2, "m", "power", "A", Side.BUY, 200, 10),
    ]
    return [Zone("A", "EUR"), Zone("B", "EUR")], [Lane("A>B", "A", "B", 500)], {"A": OrderBatch.of(orders)}


def test_the_second_solver_takes_over_when_the_first_does_not_prove() -> None:
    zones, lanes, orders = wrong_market()
    clearing = clear(POWER, zones, lanes, orders, solvers=[overflowing, simplex.solve])
    assert clearing.coupled
    assert len(clearing.rejected) == 1
    assert clearing.certificate.proven


def test_uncoupled_when_no_solver_proves() -> None:
    """What is wrong is never published: the zones clear on their own and the result says so."""
    zones, lanes, orders = wrong_market()
    clearing = clear(POWER, zones, lanes, orders, solvers=[overflowing, overflowing])
    assert not clearing.coupled
    assert len(clearing.rejected) == 2
    assert clearing.certificate.proven
    assert clearing.certificate.welfare == 100 * Fraction("0.01") * Fraction("0.001") * 10


@settings(max_examples=300)
@given(SEEDS)
def test_two_solvers_publish_the_same(seed: int) -> None:
    market = random_market(seed)
    results = [
        clear(market.product, market.zones, market.lanes, market.batches(), solvers=[solver])
        for solver in (highs.solve, simplex.solve)
    ]
    assert all(result.coupled for result in results) or burns(market)
    assert _as_plain(results[0]) == _as_plain(results[1])
