"""Hundreds of tiny markets with blocks, where a twin tries every choice: families, groups and parts too."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from tests.market.block_markets import LOT, TICK, BlockMarket, product
from tests.market.naive_blocks import accepted_lots, best_of_all, tiny_market, welfare_of
from tradelane.market import few
from tradelane.market.block import Block
from tradelane.market.order import Order, Side
from tradelane.market.units import NANO

UNIT = Fraction(TICK * LOT)
PARTIAL = (36, 57, 88, 90, 154)
"""Markets in which a block is accepted in part."""


def missed_by(seed: int) -> Fraction:
    """By how much our choice falls short of the twin's best, in ticks and lots: never by more than the gap
    that we state. The twin finds the same welfare, and that all rules are kept.
    """
    market = tiny_market(seed)
    joint = market.cleared()
    welfare, best = market.welfare(joint) / UNIT, best_of_all(market)
    assert welfare == welfare_of(market, accepted_lots(market, joint.accepted))
    assert joint.notes == () and joint.most_welfare is not None
    assert welfare <= best <= joint.most_welfare / float(UNIT) + 1e-3
    return best - welfare


def test_the_best_of_few_blocks_is_found() -> None:
    """In each market (in 3,000 of 3,000, when this was written); in some of them blocks are taken in part."""
    assert [seed for seed in range(450) if missed_by(seed)] == []
    accepted = (tiny_market(seed).cleared().accepted for seed in PARTIAL)
    assert all(any(0 < share < NANO for share in shares.values()) for shares in accepted)


def test_the_search_among_many_nearly_always_finds_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all but 3 of 1,000 tiny markets when this was written, where one block can move every price."""
    monkeypatch.setattr(few, "MOST", 0)
    assert len([seed for seed in range(150) if missed_by(seed)]) <= 2


def market_of(orders: str, blocks: Sequence[Block]) -> BlockMarket:
    """``orders`` as product, side, price in ticks and lots."""
    rows = [order.split() for order in orders.split(",")]
    made = [
        Order(f"o{k}", k, "", name, "A", Side(side), int(price), int(lots))
        for k, (name, side, price, lots) in enumerate(rows)
    ]
    return BlockMarket((product("h0"), product("h1")), (), tuple(made), tuple(blocks))


def block(id: str, side: str, price: int, lots: dict[str, int], **more: Any) -> Block:
    return Block(id, 100 + int(id[1:]), "A", Side(side), price * TICK, lots, **more)


def test_prices_lean_far_in_one_hour_and_little_in_another() -> None:
    """h0 may cost 60 to 4000, h1 57 to 67; b0 and its child are content with next to none but the lowest of
    both: a method that creeps along between the needs of so different a size ended before it was there.
    """
    orders = """h1 buy 30 9, h1 sell 67 4, h1 buy 18 6, h1 buy 56 2, h1 sell 84 4, h0 buy 42 9, h0 sell 52 1,
        h1 sell 76 8, h1 buy 57 1, h1 sell 10 4, h1 sell 16 3, h1 buy 79 7, h1 buy 40 1, h1 sell 31 9,
        h0 buy 60 7, h1 buy 50 1"""
    blocks = [
        block("b0", "buy", 75, {"h1": 3}, exclusive_group="g"),
        block("b1", "buy", 61, {"h0": 1, "h1": 6}, linked_to="b0"),
        block("b2", "buy", 68, {"h1": 6}, exclusive_group="g"),
    ]
    assert set(market_of(orders, blocks).cleared().accepted) == {"b0", "b1"}


def test_a_block_accepted_by_nothing_is_no_way_to_repeat_a_choice() -> None:
    """b0 and b1 together lose. With b2 counted as accepted, at a share of 0, the same choice came again until
    its blocks were forbidden for good, b0 among them, which does not lose alone.
    """
    orders = """h0 buy 27 8, h0 buy 14 6, h0 buy 57 2, h0 sell 52 2, h0 sell 65 4, h0 buy 30 6, h0 sell 34 8,
        h0 buy 13 9"""
    blocks = [
        block("b0", "buy", 43, {"h0": 6}, min_acceptance=NANO // 2),
        block("b1", "buy", 65, {"h0": 2}, linked_to="b0"),
        block("b2", "sell", 53, {"h0": 2}, min_acceptance=0),
    ]
    joint = market_of(orders, blocks).cleared()
    assert joint.accepted == {"b0": NANO}
    assert joint.rounds < 5
