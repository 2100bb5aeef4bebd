"""Lane sets, flow-based limits and ramps: held, priced, proven, and as good as one naive program finds."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.linked_markets import Linked, naive_linked_welfare, random_linked
from tests.market.markets import POWER, Market
from tradelane.market import highs, simplex
from tradelane.market.auction import Clearing, Part, clear_linked
from tradelane.market.constraint import Ramp, flow_based, joined, lane_set, limit_faults, slack
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Zone
from tradelane.market.program import Solver

SEEDS = st.integers(0, 2**32)
ZONES = (Zone("A", "EUR"), Zone("B", "EUR"), Zone("C", "EUR"))


def cleared(linked: Linked, solver: Solver = highs.solve) -> tuple[Clearing, ...]:
    return clear_linked(linked.parts(), linked.zones, linked.constraints, [solver])


def moved(clearings: tuple[Clearing, ...]) -> dict[tuple[str, str], int]:
    return {
        (c.product.id, lane.id): sent
        for c in clearings
        for lane, sent in zip(c.network.lanes, c.outcome.sent, strict=True)
    }


def order(seq: int, zone: str, side: Side, price: int, lots: int, product: str = "power") -> Order:
    return Order(f"o{seq}", seq, "m", product, zone, side, price, lots)


def dutied(linked: Linked) -> bool:
    return any(lane.duty_ppm for market in linked.markets for lane in market.lanes)


@settings(max_examples=40)
@given(SEEDS)
def test_what_is_published_holds_every_constraint_and_does_not_depend_on_the_solver(seed: int) -> None:
    """Duties and constraints that depend on each other may find no fixed point: such clear uncoupled."""
    linked = random_linked(seed)
    ours, theirs = cleared(linked), cleared(linked, simplex.solve)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.coupled or dutied(linked)) and a.certificate.proven
        mine, other = a.outcome, b.outcome
        assert (mine.price, mine.low, mine.high) == (other.price, other.low, other.high)
        assert (mine.sent, a.shadow) == (other.sent, b.shadow)
        assert all(low <= p <= high for low, p, high in zip(mine.low, mine.price, mine.high, strict=True))
    assert not ours[0].coupled or not limit_faults(linked.constraints, moved(ours), ours[0].shadow)


@settings(max_examples=50)
@given(SEEDS)
def test_no_naive_program_finds_more_than_the_gap_allows(seed: int) -> None:
    linked = random_linked(seed)
    if dutied(linked):
        return  # duty is part of the welfare of the naive program, and not of ours
    clearings = cleared(linked)
    unit = linked.markets[0].product.tick * linked.markets[0].product.lot
    spare = slack(linked.constraints, moved(clearings), clearings[0].shadow) * Fraction(unit)
    gap = sum((c.certificate.gap for c in clearings), spare)
    welfare = sum(c.certificate.welfare for c in clearings)
    assert naive_linked_welfare(linked) <= float(welfare + gap) + 1e-7


@settings(max_examples=40)
@given(SEEDS)
def test_constraints_with_room_to_spare_change_nothing(seed: int) -> None:
    linked = random_linked(seed)
    free = clear_linked(linked.parts(), linked.zones, ())
    wide = [lane_set("wide", m.product.id, [x.id for x in m.lanes], 10**6) for m in linked.markets]
    for a, b in zip(free, clear_linked(linked.parts(), linked.zones, wide), strict=True):
        assert (a.outcome.price, a.outcome.sent) == (b.outcome.price, b.outcome.sent)
        assert not b.shadow


def two_into_one() -> Market:
    """Cheap A and B, dear C: 30 lots at 10 and 30 lots at 20 for 50 lots at 50."""
    lanes = (Lane("A>C", "A", "C", 30), Lane("B>C", "B", "C", 30))
    orders = (
        order(1, "A", Side.SELL, 10, 40), order(2, "B", Side.SELL, 20, 40), order(3, "C", Side.BUY, 50, 60),
        order(4, "C", Side.SELL, 45, 60),
    )  # fmt: skip
    return Market(POWER, ZONES, lanes, orders)


def test_lanes_of_a_set_share_its_capacity_to_who_is_worth_most() -> None:
    market = two_into_one()
    limit = lane_set("into C", "power", ["A>C", "B>C"], 40)
    (clearing,) = clear_linked([Part(POWER, market.lanes, market.batches())], ZONES, [limit])
    assert clearing.outcome.sent == (30, 10)
    assert clearing.outcome.price == (10_000, 20_000, 45_000)
    assert clearing.shadow == {"into C": 25_000}
    assert clearing.certificate.congestion_rent == (30 * 35 + 10 * 25) * Fraction(POWER.tick * POWER.lot)


def test_a_flow_based_limit_prices_zones_by_their_share_of_it() -> None:
    market = two_into_one()
    ptdf = {"A": Fraction(1, 2), "B": Fraction(1, 4)}
    limit = flow_based("line", "power", ptdf, Fraction(15), market.lanes)
    (clearing,) = clear_linked([Part(POWER, market.lanes, market.batches())], ZONES, [limit])
    assert clearing.outcome.sent == (15, 30)
    price = clearing.shadow["line"]
    assert clearing.outcome.price[0] == 10_000 and clearing.outcome.price[2] == 45_000
    assert price == 70_000  # (45 − 10) / ½: what a lot more of the line's room is worth


def test_a_ramp_ties_one_interval_to_the_next() -> None:
    lanes = (Lane("A>C", "A", "C", 100),)
    ramp = Ramp("A>C", ["h0", "h1"], ["A>C"], up=20, down=20, before=0)
    parts = []
    for hour, wanted in (("h0", 0), ("h1", 100)):
        orders = [order(1, "A", Side.SELL, 10, 100, hour), order(2, "C", Side.SELL, 40, 100, hour)]
        orders += [order(3, "C", Side.BUY, 60, wanted, hour)] if wanted else []
        orders += [order(4, "C", Side.BUY, 5, 30, hour)]
        product = Market(POWER, ZONES, lanes, tuple(orders))
        hourly = type(POWER)(hour, "MWh", POWER.lot, POWER.tick, -500, 4000)
        parts.append(Part(hourly, lanes, product.batches()))
    first, second = clear_linked(parts, ZONES, list(ramp.constraints()))
    assert first.outcome.sent == (20,), "it is worth 5 − 10 a lot now, and 30 the hour after"
    assert second.outcome.sent == (40,)
    assert set(first.shadow) == {"A>C up h0", "A>C up h1"}


def test_a_ramp_without_a_past_begins_anywhere() -> None:
    free = Ramp("x", ["h0", "h1"], ["A>C"], up=20, down=10)
    assert [c.id for c in free.constraints()] == ["x up h1", "x down h1"]
    known = Ramp("x", ["h0", "h1"], ["A>C"], ["C>A"], up=20, before=70)
    first, second = known.constraints()
    assert first.room == 90 and first.share == {("h0", "A>C"): 1, ("h0", "C>A"): -1}
    assert second.share[("h0", "A>C")] == -1 and second.share[("h1", "A>C")] == 1


def test_products_are_cleared_with_those_they_are_tied_to() -> None:
    ramp = Ramp("x", ["b", "d"], ["A>C"], up=1)
    alone = lane_set("y", "a", ["A>C"], 1)
    assert joined(["d", "c", "b", "a"], [*ramp.constraints(), alone]) == [["a"], ["b", "d"], ["c"]]


@pytest.mark.parametrize(
    ("sent", "price", "fault"),
    [(41, 0, "beyond its room"), (40, -1, "below zero"), (0, 5, "of room left"), (40, 5, None), (0, 0, None)],
)
def test_a_constraint_is_checked_from_flows_and_its_price_alone(
    sent: int, price: int, fault: str | None
) -> None:
    found = limit_faults([lane_set("s", "power", ["A>C"], 40)], {("power", "A>C"): sent}, {"s": price})
    assert bool(found) == (fault is not None) and all(str(fault) in text for text in found)


def test_a_loss_counts_where_it_is_lost() -> None:
    lanes = [Lane("A>C", "A", "C", 30, 100_000, Decimal(0))]
    limit = flow_based("line", "power", {"A": Fraction(1, 2), "C": Fraction(1, 5)}, Fraction(9), lanes)
    assert limit.share == {("power", "A>C"): Fraction(1, 2) - Fraction(9, 10) * Fraction(1, 5)}
