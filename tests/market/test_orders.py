from __future__ import annotations

import pytest

from tests.market.short import Bench, cancelled, events, fills
from tradelane.market.ladder import DepthLevel
from tradelane.market.limits import Limits
from tradelane.market.order import Refusal, Side
from tradelane.market.outcome import Amended, Cancelled, Fill, Triggered, Why, trades
from tradelane.market.prevention import Prevention
from tradelane.market.rules import Rules
from tradelane.market.terms import Kind, Terms

SELL, BUY = Side.SELL, Side.BUY


def test_better_price_first_then_sequence_at_the_makers_price() -> None:
    bench = Bench()
    for price, lots in ((102, 5), (101, 5), (101, 7), (103, 9)):
        assert events(bench.order(SELL, price, lots)) == []
    outcome = bench.order(BUY, 102, 15)
    assert fills(outcome) == [("o2", "o5", 101, 5), ("o3", "o5", 101, 7), ("o1", "o5", 102, 3)]
    assert bench.market.depth("NL", 9) == ([DepthLevel(102, 2, 1), DepthLevel(103, 9, 1)], [])
    assert bench.market.depth("NL", 0) == ([], [])


def test_what_is_left_of_each_kind() -> None:
    for kind, resting, gone in ((Kind.LIMIT, 3, 0), (Kind.IOC, 0, 3), (Kind.MARKET, 0, 3)):
        bench = Bench()
        bench.order(SELL, 100, 5)
        outcome = bench.order(BUY, 100, 8, kind)
        assert (bench.market.open_lots("o2"), cancelled(outcome), len(trades(outcome))) == (resting, gone, 1)
        assert len(bench.market.floor.orders) == (1 if resting else 0)


def test_fill_or_kill_counts_all_levels_and_hidden_lots_and_changes_nothing_when_refused() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4)
    bench.order(SELL, 101, 9, terms=Terms(display=2))
    bench.order(SELL, 102, 4)
    before = bench.market.state_hash()
    assert bench.order(BUY, 101, 14, Kind.FOK) is Refusal.NOT_FILLABLE
    assert bench.market.state_hash() == before
    outcome = bench.order(BUY, 101, 13, Kind.FOK)
    assert [lots for *_, lots in fills(outcome)] == [4, 2, 2, 2, 2, 1]


def test_fill_or_kill_does_not_count_the_members_own_orders() -> None:
    bench = Bench(Rules(Prevention.OLDEST))
    bench.order(SELL, 100, 4, member="anna")
    bench.order(SELL, 100, 4)
    assert bench.order(BUY, 100, 5, Kind.FOK, member="anna") is Refusal.NOT_FILLABLE
    outcome = bench.order(BUY, 100, 4, Kind.FOK, member="anna")
    assert events(outcome)[0] == Cancelled("o1", 4, Why.SELF_TRADE)
    assert fills(outcome) == [("o2", "o4", 100, 4)]


def test_a_market_order_trades_up_to_the_collar() -> None:
    bench = Bench(Rules(collar=5, references={"NL": 100}))
    bench.order(SELL, 104, 3)
    bench.order(SELL, 105, 3)
    assert bench.order(SELL, 106, 3) is Refusal.OUTSIDE_COLLAR
    assert cancelled(bench.order(BUY, 102, 1, Kind.IOC)) == 1
    bench.order(BUY, 105, 5)
    assert bench.market.floor.books["NL"].last == 105  # the band is now 100 to 110
    bench.order(SELL, 110, 3)
    outcome = bench.order(BUY, 0, 9, Kind.MARKET)
    assert fills(outcome) == [("o2", "o7", 105, 1), ("o6", "o7", 110, 3)]
    assert cancelled(outcome) == 5


def test_post_only_never_takes() -> None:
    bench = Bench()
    bench.order(SELL, 100, 5)
    assert bench.order(BUY, 100, 5, Kind.POST_ONLY) is Refusal.WOULD_TRADE
    assert events(bench.order(BUY, 99, 5, Kind.POST_ONLY)) == []
    assert bench.amend("o3", 100, 5) is Refusal.WOULD_TRADE


def test_an_iceberg_shows_a_part_and_goes_to_the_end_of_the_line_with_the_next() -> None:
    bench = Bench()
    bench.order(SELL, 100, 10, terms=Terms(display=4))
    bench.order(SELL, 100, 5)
    assert bench.market.depth("NL", 1).sells == [DepthLevel(100, 9, 2)]
    assert fills(bench.order(BUY, 100, 5)) == [("o1", "o3", 100, 4), ("o2", "o3", 100, 1)]
    assert bench.line(SELL) == [("o2", 4), ("o1", 4)]
    assert fills(bench.order(BUY, 100, 11)) == [
        ("o2", "o4", 100, 4),
        ("o1", "o4", 100, 4),
        ("o1", "o4", 100, 2),
    ]


def test_a_stop_waits_unseen_until_its_price_is_traded_and_comes_after_the_rest_stands() -> None:
    bench = Bench()
    bench.order(BUY, 99, 1, terms=Terms(trigger=101))
    bench.order(BUY, 0, 2, Kind.MARKET, Terms(trigger=101))
    bench.order(SELL, 101, 5)
    assert bench.market.depth("NL", 9).buys == []
    outcome = bench.order(BUY, 102, 6)
    assert [type(e) for e in events(outcome)] == [Fill, Triggered, Triggered, Cancelled]
    assert bench.line(BUY) == [("o4", 1), ("o1", 1)]


def test_a_stop_fires_at_any_price_a_sweep_passed_not_only_its_last() -> None:
    bench = Bench()
    bench.order(SELL, 100, 1)
    bench.order(BUY, 100, 1)
    bench.order(SELL, 90, 3, terms=Terms(trigger=97))
    bench.order(SELL, 96, 1)
    bench.order(SELL, 99, 1)
    outcome = bench.order(BUY, 99, 2)  # 96 first, then 99
    assert Triggered("o3") in events(outcome)
    assert bench.line(SELL) == [("o3", 3)]


def test_a_stop_past_its_trigger_fires_at_once_and_one_that_is_then_refused_is_cancelled() -> None:
    bench = Bench(Rules(collar=5))
    bench.order(SELL, 100, 1)
    bench.order(BUY, 100, 1)
    outcome = bench.order(BUY, 120, 3, terms=Terms(trigger=99))
    assert events(outcome) == [Triggered("o3"), Cancelled("o3", 3, Why.REFUSED)]
    assert bench.market.floor.orders == {}


@pytest.mark.parametrize(
    ("rule", "cancelled", "left"),
    [
        (Prevention.NEWEST, [("o3", 9)], [("o1", 4), ("o2", 5)]),
        (Prevention.OLDEST, [("o1", 4)], []),
        (Prevention.BOTH, [("o1", 4), ("o3", 9)], [("o2", 5)]),
        (Prevention.DECREMENT, [("o1", 4), ("o3", 4)], []),
    ],
)
def test_self_trade_prevention(
    rule: Prevention, cancelled: list[tuple[str, int]], left: list[tuple[str, int]]
) -> None:
    bench = Bench(Rules(rule))
    bench.order(SELL, 100, 4, member="anna")
    bench.order(SELL, 100, 5)
    outcome = bench.order(BUY, 100, 9, member="anna")
    assert [(e.id, e.lots) for e in events(outcome) if isinstance(e, Cancelled)] == cancelled
    assert bench.line(SELL) == left
    assert not [f for f in fills(outcome) if f[0] == "o1"]


def test_an_amended_order_keeps_its_place_only_when_it_shrinks_at_its_price() -> None:
    bench = Bench()
    for _ in range(3):
        bench.order(SELL, 100, 5)
    assert events(bench.amend("o1", 100, 3)) == [Amended("o1", 100, 3)]
    assert bench.line(SELL) == [("o1", 3), ("o2", 5), ("o3", 5)]
    bench.amend("o1", 100, 4)
    assert bench.line(SELL) == [("o2", 5), ("o3", 5), ("o1", 4)]
    bench.order(BUY, 98, 2)
    assert fills(bench.amend("o2", 98, 5)) == [("o6", "o2", 98, 2)]
    assert bench.line(SELL) == [("o2", 3), ("o3", 5), ("o1", 4)]
    assert bench.amend("o2", 98, 2) is Refusal.ALREADY_DONE
    bench.amend("o2", 98, 3)
    assert bench.market.open_lots("o2") == 1
    assert bench.amend("o2", 98, 0) is Refusal.QUANTITY_NOT_POSITIVE


def test_orders_expire_when_their_time_is_over() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4, terms=Terms(until=1_000))
    bench.order(SELL, 100, 5, terms=Terms(until=900))
    assert events(bench.market.expire(899)) == []
    assert events(bench.market.expire(1_000)) == [
        Cancelled("o2", 5, Why.EXPIRED),
        Cancelled("o1", 4, Why.EXPIRED),
    ]
    assert bench.order(SELL, 100, 4, terms=Terms(until=1_000)) is Refusal.ALREADY_EXPIRED


def test_many_orders_that_leave_early_do_not_fill_the_calendar() -> None:
    bench = Bench()
    for _ in range(1_000):
        bench.order(SELL, 100, 4, terms=Terms(until=10**6), member="anna")
        bench.market.cancel(f"o{bench.seq}", "anna")
    assert len(bench.market.floor.expiry) < 100


def test_limits_of_a_member() -> None:
    bench = Bench(Rules(limits=Limits(order_lots=10, open_orders=2, open_lots=15)))
    assert bench.order(SELL, 100, 11, member="anna") is Refusal.ORDER_TOO_LARGE
    bench.order(SELL, 100, 10, member="anna")
    assert bench.order(SELL, 100, 6, member="anna") is Refusal.TOO_MANY_OPEN_LOTS
    bench.order(SELL, 101, 5, terms=Terms(trigger=90), member="anna")
    assert bench.order(SELL, 100, 1, member="anna") is Refusal.TOO_MANY_OPEN_ORDERS
    assert len(fills(bench.order(BUY, 100, 10, member="bram"))) == 1
    assert events(bench.order(SELL, 100, 10, member="anna")) == []
