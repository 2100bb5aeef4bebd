from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.naive_exchange import NaiveExchange
from tests.market.streams import commands, everything
from tests.market.test_exchange import NL, POTATOES, RULES
from tests.market.twins import apply, run_both
from tradelane.market.exchange import Exchange
from tradelane.market.ladder import DepthLevel
from tradelane.market.limits import Limits
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Amended, Cancelled, Fill, Outcome, Triggered, Why
from tradelane.market.prevention import Prevention
from tradelane.market.rules import FREE, Rules
from tradelane.market.session import TABLE, Phase
from tradelane.market.terms import PLAIN, Kind, Terms

SELL, BUY = Side.SELL, Side.BUY


class Bench:
    """A market of one zone with short commands; order k has the sequence number and name of its turn."""

    def __init__(self, rules: Rules = FREE, phase: Phase = Phase.CONTINUOUS) -> None:
        self.market = Exchange(POTATOES, [NL], [], rules, phase)
        self.seq = 0

    def order(
        self, side: Side, price: int, lots: int, kind: Kind = Kind.LIMIT, terms: Terms = PLAIN,
        member: str = "", name: str = "",
    ) -> Outcome:  # fmt: skip
        self.seq += 1
        name, member = name or f"o{self.seq}", member or f"member {self.seq}"
        order = Order(name, self.seq, member, "potatoes", "NL", side, price, lots)
        return self.market.submit(order, kind, terms)

    def amend(self, name: str, price: int, lots: int) -> Outcome:
        self.seq += 1
        return self.market.amend(name, f"member {name[1:]}", price, lots, self.seq)

    def turn(self, phase: Phase) -> Outcome:
        self.seq += 1
        return self.market.turn(phase, self.seq)

    def line(self, side: Side) -> list[tuple[str, int]]:
        book = self.market.floor.books["NL"]
        return [(r.order.id, r.left) for r in (book.sells if side is SELL else book.buys)]


def fills(outcome: Outcome) -> list[tuple[str, str, int, int]]:
    found = (event for event in outcome.events if isinstance(event, Fill))
    return [(f.maker.id, f.taker.id, f.maker_price, f.sent) for f in found]


def test_better_price_first_then_sequence_at_the_makers_price() -> None:
    bench = Bench()
    for price, lots in ((102, 5), (101, 5), (101, 7), (103, 9)):
        assert bench.order(SELL, price, lots).events == []
    outcome = bench.order(BUY, 102, 15)
    assert fills(outcome) == [("o2", "o5", 101, 5), ("o3", "o5", 101, 7), ("o1", "o5", 102, 3)]
    assert bench.market.depth("NL", 9) == ([DepthLevel(102, 2, 1), DepthLevel(103, 9, 1)], [])
    assert bench.market.depth("NL", 0) == ([], [])


def test_what_is_left_of_each_kind() -> None:
    for kind, resting, cancelled in ((Kind.LIMIT, 3, 0), (Kind.IOC, 0, 3), (Kind.MARKET, 0, 3)):
        bench = Bench()
        bench.order(SELL, 100, 5)
        outcome = bench.order(BUY, 100, 8, kind)
        assert (outcome.resting, outcome.cancelled, len(outcome.trades)) == (resting, cancelled, 1)
        assert len(bench.market.floor.orders) == (1 if resting else 0)


def test_fill_or_kill_counts_all_levels_and_hidden_lots_and_changes_nothing_when_refused() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4)
    bench.order(SELL, 101, 9, terms=Terms(display=2))
    bench.order(SELL, 102, 4)
    before = bench.market.state_hash()
    assert bench.order(BUY, 101, 14, Kind.FOK).refusal is Refusal.NOT_FILLABLE
    assert bench.market.state_hash() == before
    outcome = bench.order(BUY, 101, 13, Kind.FOK)
    assert [lots for *_, lots in fills(outcome)] == [4, 2, 2, 2, 2, 1]


def test_fill_or_kill_does_not_count_the_members_own_orders() -> None:
    bench = Bench(Rules(Prevention.OLDEST))
    bench.order(SELL, 100, 4, member="anna")
    bench.order(SELL, 100, 4)
    assert bench.order(BUY, 100, 5, Kind.FOK, member="anna").refusal is Refusal.NOT_FILLABLE
    outcome = bench.order(BUY, 100, 4, Kind.FOK, member="anna")
    assert outcome.events[0] == Cancelled("o1", 4, Why.SELF_TRADE)
    assert fills(outcome) == [("o2", "o4", 100, 4)]


def test_a_market_order_trades_up_to_the_collar() -> None:
    bench = Bench(Rules(collar=5, references={"NL": 100}))
    bench.order(SELL, 104, 3)
    bench.order(SELL, 105, 3)
    assert bench.order(SELL, 106, 3).refusal is Refusal.OUTSIDE_COLLAR
    assert bench.order(BUY, 102, 1, Kind.IOC).cancelled == 1
    bench.order(BUY, 105, 5)
    assert bench.market.floor.books["NL"].last == 105  # the band is now 100 to 110
    bench.order(SELL, 110, 3)
    outcome = bench.order(BUY, 0, 9, Kind.MARKET)
    assert fills(outcome) == [("o2", "o7", 105, 1), ("o6", "o7", 110, 3)]
    assert outcome.cancelled == 5


def test_post_only_never_takes() -> None:
    bench = Bench()
    bench.order(SELL, 100, 5)
    assert bench.order(BUY, 100, 5, Kind.POST_ONLY).refusal is Refusal.WOULD_TRADE
    assert bench.order(BUY, 99, 5, Kind.POST_ONLY).resting == 5
    assert bench.amend("o3", 100, 5).refusal is Refusal.WOULD_TRADE


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
    assert outcome.resting == 1
    assert [type(e) for e in outcome.events] == [Fill, Triggered, Triggered, Cancelled]
    assert bench.line(BUY) == [("o4", 1), ("o1", 1)]


def test_a_stop_fires_at_any_price_a_sweep_passed_not_only_its_last() -> None:
    bench = Bench()
    bench.order(SELL, 100, 1)
    bench.order(BUY, 100, 1)
    bench.order(SELL, 90, 3, terms=Terms(trigger=97))
    bench.order(SELL, 96, 1)
    bench.order(SELL, 99, 1)
    outcome = bench.order(BUY, 99, 2)  # 96 first, then 99
    assert Triggered("o3") in outcome.events
    assert bench.line(SELL) == [("o3", 3)]


def test_a_stop_past_its_trigger_fires_at_once_and_one_that_is_then_refused_is_cancelled() -> None:
    bench = Bench(Rules(collar=5))
    bench.order(SELL, 100, 1)
    bench.order(BUY, 100, 1)
    outcome = bench.order(BUY, 120, 3, terms=Terms(trigger=99))
    assert list(outcome.events) == [Triggered("o3"), Cancelled("o3", 3, Why.REFUSED)]
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
    assert [(e.id, e.lots) for e in outcome.events if isinstance(e, Cancelled)] == cancelled
    assert bench.line(SELL) == left
    assert not [f for f in fills(outcome) if f[0] == "o1"]


def test_an_amended_order_keeps_its_place_only_when_it_shrinks_at_its_price() -> None:
    bench = Bench()
    for _ in range(3):
        bench.order(SELL, 100, 5)
    assert list(bench.amend("o1", 100, 3).events) == [Amended("o1", 100, 3)]
    assert bench.line(SELL) == [("o1", 3), ("o2", 5), ("o3", 5)]
    bench.amend("o1", 100, 4)
    assert bench.line(SELL) == [("o2", 5), ("o3", 5), ("o1", 4)]
    bench.order(BUY, 98, 2)
    assert fills(bench.amend("o2", 98, 5)) == [("o6", "o2", 98, 2)]
    assert bench.line(SELL) == [("o2", 3), ("o3", 5), ("o1", 4)]
    assert bench.amend("o2", 98, 2).refusal is Refusal.ALREADY_DONE
    assert bench.amend("o2", 98, 3).resting == 1
    assert bench.amend("o2", 98, 0).refusal is Refusal.QUANTITY_NOT_POSITIVE


def test_orders_expire_when_their_time_is_over() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4, terms=Terms(until=1_000))
    bench.order(SELL, 100, 5, terms=Terms(until=900))
    assert bench.market.expire(899).events == []
    assert list(bench.market.expire(1_000).events) == [
        Cancelled("o2", 5, Why.EXPIRED),
        Cancelled("o1", 4, Why.EXPIRED),
    ]
    assert bench.order(SELL, 100, 4, terms=Terms(until=1_000)).refusal is Refusal.ALREADY_EXPIRED


def test_many_orders_that_leave_early_do_not_fill_the_calendar() -> None:
    bench = Bench()
    for _ in range(1_000):
        bench.order(SELL, 100, 4, terms=Terms(until=10**6), member="anna")
        bench.market.cancel(f"o{bench.seq}", "anna")
    assert len(bench.market.floor.expiry) < 100


def test_limits_of_a_member() -> None:
    bench = Bench(Rules(limits=Limits(order_lots=10, open_orders=2, open_lots=15)))
    assert bench.order(SELL, 100, 11, member="anna").refusal is Refusal.ORDER_TOO_LARGE
    bench.order(SELL, 100, 10, member="anna")
    assert bench.order(SELL, 100, 6, member="anna").refusal is Refusal.TOO_MANY_OPEN_LOTS
    bench.order(SELL, 101, 5, terms=Terms(trigger=90), member="anna")
    assert bench.order(SELL, 100, 1, member="anna").refusal is Refusal.TOO_MANY_OPEN_ORDERS
    assert bench.order(BUY, 100, 10, member="bram").resting == 0
    assert bench.order(SELL, 100, 10, member="anna").resting == 10


def test_pre_open_collects_the_auction_trades_at_one_price_and_stops_wait_for_the_open() -> None:
    bench = Bench(phase=Phase.PRE_OPEN)
    bench.order(SELL, 98, 5)
    bench.order(SELL, 101, 5)
    bench.order(BUY, 102, 4, terms=Terms(display=1))
    bench.order(BUY, 100, 3)
    bench.order(BUY, 90, 1, terms=Terms(trigger=95))
    assert bench.order(BUY, 100, 3, Kind.IOC).refusal is Refusal.NOT_IN_THIS_PHASE
    outcome = bench.turn(Phase.AUCTION)  # at 100 five lots trade and two are left over, at 98 the same
    assert fills(outcome) == [("o1", "o3", 98, 4), ("o1", "o4", 98, 1)]
    assert bench.order(BUY, 100, 3).refusal is Refusal.NOT_IN_THIS_PHASE
    assert bench.market.cancel("o2", "member 2").refusal is Refusal.NOT_IN_THIS_PHASE
    assert list(bench.turn(Phase.CONTINUOUS).events) == [Triggered("o5")]
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
    assert bench.order(BUY, 100, 3).refusal is Refusal.NOT_IN_THIS_PHASE
    assert bench.amend("o1", 100, 3).refusal is Refusal.NOT_IN_THIS_PHASE
    assert bench.turn(Phase.CONTINUOUS).refusal is Refusal.NO_SUCH_TURN
    assert bench.market.cancel("o1", "member 1").cancelled == 5
    assert bench.turn(Phase.AUCTION).refusal is None
    assert bench.turn(Phase.CONTINUOUS).refusal is None


def test_matching_begins_only_after_an_auction() -> None:
    before = {phase for phase, rule in TABLE.items() if Phase.CONTINUOUS in rule.turns_to}
    assert before == {Phase.AUCTION}
    assert set(TABLE) == set(Phase)


def test_refusals_name_the_field_and_change_nothing() -> None:
    bench = Bench()
    bench.order(SELL, 100, 4)
    before = bench.market.state_hash()
    for field, outcome in (
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
        assert outcome.refusal is not None and outcome.refusal.field == field
        assert (list(outcome.events), outcome.resting) == ([], 0)
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
