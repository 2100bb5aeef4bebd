from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.naive_exchange import NaiveExchange
from tests.market.places import NL, POTATOES, RULES
from tests.market.short import Bench, cancelled, events, fills
from tests.market.streams import commands, everything
from tests.market.twins import apply, run_both
from tradelane.market.exchange import Exchange
from tradelane.market.limits import Limits
from tradelane.market.order import Refusal, Side
from tradelane.market.outcome import Triggered
from tradelane.market.prevention import Prevention
from tradelane.market.rules import Rules
from tradelane.market.session import TABLE, Phase
from tradelane.market.terms import Kind, Terms

SELL, BUY = Side.SELL, Side.BUY


def test_pre_open_collects_the_auction_trades_at_one_price_and_stops_wait_for_the_open() -> None:
    bench = Bench(phase=Phase.PRE_OPEN)
    bench.order(SELL, 98, 5)
    bench.order(SELL, 101, 5)
    bench.order(BUY, 102, 4, terms=Terms(display=1))
    bench.order(BUY, 100, 3)
    bench.order(BUY, 90, 1, terms=Terms(trigger=95))
    assert bench.order(BUY, 100, 3, Kind.IOC) is Refusal.NOT_IN_THIS_PHASE
    outcome = bench.turn(Phase.AUCTION)  # at 100 five lots trade and two are left over, at 98 the same
    assert fills(outcome) == [("o1", "o3", 98, 4), ("o1", "o4", 98, 1)]
    assert bench.order(BUY, 100, 3) is Refusal.NOT_IN_THIS_PHASE
    assert bench.market.cancel("o2", "member 2") is Refusal.NOT_IN_THIS_PHASE
    assert events(bench.turn(Phase.CONTINUOUS)) == [Triggered("o5")]
    assert bench.line(BUY) == [("o4", 2), ("o5", 1)]


def test_the_uncrossing_price_trades_most_leaves_least_and_is_nearest_to_the_last() -> None:
    bench = Bench(Rules(references={"NL": 100}), Phase.PRE_OPEN)
    bench.order(SELL, 95, 5)
    bench.order(BUY, 103, 5)
    bench.order(BUY, 101, 0)
    bench.order(SELL, 120, 5)
    assert fills(bench.turn(Phase.AUCTION)) == [("o1", "o2", 103, 5)]


def test_a_halt_takes_nothing_but_cancels_and_ends_through_an_auction() -> None:
    bench = Bench()
    bench.order(SELL, 100, 5)
    bench.turn(Phase.HALTED)
    assert bench.order(BUY, 100, 3) is Refusal.NOT_IN_THIS_PHASE
    assert bench.amend("o1", 100, 3) is Refusal.NOT_IN_THIS_PHASE
    assert bench.turn(Phase.CONTINUOUS) is Refusal.NO_SUCH_TURN
    assert cancelled(bench.market.cancel("o1", "member 1")) == 5
    events(bench.turn(Phase.AUCTION))
    events(bench.turn(Phase.CONTINUOUS))


def test_matching_begins_only_after_an_auction() -> None:
    before = {phase for phase, rule in TABLE.items() if Phase.CONTINUOUS in rule.turns_to}
    assert before == {Phase.AUCTION}
    assert set(TABLE) == set(Phase)


def test_refusals_name_the_field_and_change_nothing() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4)
    before = bench.market.state_hash()
    for field, answer in (
        ("id", bench.order(BUY, 100, 4, name="o1")),
        ("quantity", bench.order(BUY, 100, 0)),
        ("price", bench.order(BUY, 100_001, 1)),
        ("display", bench.order(BUY, 100, 1, terms=Terms(display=-1))),
        ("kind", bench.order(BUY, 100, 1, Kind.IOC, Terms(display=1))),
        ("kind", bench.order(BUY, 0, 1, Kind.MARKET, Terms(until=9))),
        ("trigger", bench.order(BUY, 100, 1, terms=Terms(trigger=100_001))),
        ("member", bench.market.cancel("o1", "bram")),
        ("id", bench.market.cancel("o9", "anna")),
        ("member", bench.market.amend("o1", "bram", 90, 4, 99)),
        ("id", bench.market.amend("o9", "anna", 90, 4, 99)),
        ("price", bench.amend("o1", 100_001, 4)),
    ):
        assert isinstance(answer, Refusal) and answer.field == field
    assert bench.market.state_hash() == before


def test_four_thousand_commands_give_what_the_naive_book_gives() -> None:
    market, naive = Exchange(POTATOES, [NL], []), NaiveExchange(POTATOES, [NL], [])
    seen = run_both(market, naive, commands(seed=20260621, count=4_000), every=100)
    assert min(seen[r] for r in ("DUPLICATE_ID", "NOT_FILLABLE", "UNKNOWN_ORDER", "NOT_OWNER", "OWNER")) > 15


@pytest.mark.parametrize("rule", list(Prevention))
def test_a_thousand_commands_of_everything_give_what_the_naive_book_gives(rule: Prevention) -> None:
    rules = Rules(rule, 12, Limits(55, 9, 200), {"NL": 100})
    market, naive = Exchange(POTATOES, [NL], [], rules), NaiveExchange(POTATOES, [NL], [], rules)
    seen = run_both(market, naive, everything(seed=3, count=2_500, prices=(90, 110)))
    rare = {"Amended", "Triggered", "REFUSED", "EXPIRED", "Turn", "OUTSIDE_COLLAR", "TOO_MANY_OPEN_ORDERS"}
    assert min(seen[r] for r in rare) > 2, seen
    assert (seen["SELF_TRADE"] == 0) == (rule is Prevention.NONE)


@given(RULES, st.integers(0, 2**32), st.integers(1, 120), st.integers(2, 30))
def test_any_stream_of_everything_gives_what_the_naive_book_gives(
    rules: Rules, seed: int, count: int, width: int
) -> None:
    market, naive = Exchange(POTATOES, [NL], [], rules), NaiveExchange(POTATOES, [NL], [], rules)
    run_both(market, naive, everything(seed, count, prices=(100 - width, 100)))


def test_a_snapshot_before_the_open_keeps_what_stops_have_to_see() -> None:
    bench = Bench()
    bench.order(SELL, 100, 1)
    bench.order(BUY, 100, 1)
    bench.turn(Phase.PRE_OPEN)
    bench.order(BUY, 80, 1, terms=Terms(trigger=95))
    bench.order(SELL, 90, 1)
    bench.order(BUY, 90, 1)
    bench.turn(Phase.AUCTION)
    again = Exchange(POTATOES, [NL], [])
    again.restore(bench.market.snapshot())
    opened = again.turn(Phase.CONTINUOUS, 9)
    assert opened == bench.market.turn(Phase.CONTINUOUS, 9)
    assert events(opened) == [Triggered("o4")]


def test_the_state_hash_tells_places_in_line_apart() -> None:
    one, two = Bench(), Bench()
    for bench, names in ((one, "ab"), (two, "ba")):
        for name in names:
            bench.order(SELL, 100, 4, name=name, member="anna")
    assert one.market.state_hash() != two.market.state_hash()


def test_orders_that_left_need_no_cycle_collector() -> None:
    stream = list(everything(seed=3, count=3_000))
    market = Exchange(POTATOES, [NL], [], Rules(Prevention.DECREMENT))
    gc.collect()
    gc.disable()
    try:
        for command in stream:
            if getattr(command, "kind", None) is not Kind.FOK:
                apply(market, command)
        assert gc.collect() == 0
    finally:
        gc.enable()
