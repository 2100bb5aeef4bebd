from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.naive_exchange import NaiveExchange
from tests.market.places import CABLE, CH, FERRY, GB, NL, POTATOES, ROADS, RULES, ZONES
from tests.market.short import cancelled, events
from tests.market.streams import commands, everything
from tests.market.twins import apply, done, run_both
from tradelane.market.exchange import Exchange
from tradelane.market.ladder import DepthLevel
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Cancelled, Fill, Why, trades
from tradelane.market.prevention import Prevention
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.rules import Rules
from tradelane.market.session import Phase
from tradelane.market.terms import Kind
from tradelane.market.trade import Trade

SELL, BUY = Side.SELL, Side.BUY


def order(seq: int, zone: str, side: Side, price: int, lots: int, member: str = "anna") -> Order:
    return Order(f"o{seq}", seq, member, "potatoes", zone, side, price, lots)


def exchange(*lanes: Lane) -> Exchange:
    return Exchange(POTATOES, [NL, GB, CH], lanes)


# Potatoes from Zeeland to Kent. By hand: (0.420 EUR × 1.08 duty + 0.085 freight) / 1.16 = 0.46431… GBP,
# seen as 0.465; the other way (0.500 GBP × 1.16 − 0.085) / 1.08 = 0.45833… EUR, seen as 0.458.


def test_potatoes_bought_in_kent_cost_the_farmers_price_duty_freight_and_exchange() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 800))
    outcome = market.submit(order(2, "GB", BUY, 465, 500, "bram"))
    assert trades(outcome) == [Trade("potatoes", "o1", "o2", 500, 500, 420_000, 465_000, ("NL>GB",))]
    assert (market.open_lots("o2"), cancelled(outcome)) == (0, 0)
    # in EUR: 232.50 GBP × 1.16 = 269.70 paid; 210.00 to the farmer, 16.80 duty, 42.50 freight; 0.40 over
    assert surplus(market, FERRY, trades(outcome)[0]) == Fraction("0.40")


def test_a_penny_less_than_the_landed_price_buys_nothing() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 800))
    outcome = market.submit(order(2, "GB", BUY, 464, 500, "bram"))
    assert (trades(outcome), market.open_lots("o2")) == ([], 500)


def test_potatoes_sold_to_a_bid_in_kent_bring_what_is_left_of_its_price() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "GB", BUY, 500, 700, "bram"))
    assert cancelled(market.submit(order(2, "NL", SELL, 459, 10), Kind.IOC)) == 10
    outcome = market.submit(order(3, "NL", SELL, 458, 900))
    assert trades(outcome) == [Trade("potatoes", "o3", "o1", 600, 600, 458_000, 500_000, ("NL>GB",))]
    assert (market.open_lots("o3"), market.sent("NL>GB")) == (300, 600)


def test_each_zone_sees_the_others_orders_at_landed_prices_as_far_as_the_lane_carries() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 400))
    market.submit(order(2, "NL", SELL, 430, 400))
    market.submit(order(3, "GB", SELL, 470, 50))
    market.submit(order(4, "GB", BUY, 440, 70))
    landed = [DepthLevel(465, 400, 1), DepthLevel(470, 50, 1), DepthLevel(474, 200, 1)]
    assert market.depth("GB", 9) == (landed, [DepthLevel(440, 70, 1)])
    assert market.depth("GB", 1).sells == landed[:1]
    assert market.depth("NL", 9).buys == [DepthLevel(393, 70, 1)]  # ⌊(0.440·1.16 − 0.085) / 1.08⌋
    assert market.depth("CH", 9) == ([], [])


def test_a_full_lane_shows_nothing_and_carries_nothing() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 800))
    market.submit(order(2, "GB", BUY, 600, 900))
    assert market.open_lots("o2") == 300
    assert market.depth("GB", 9).sells == []
    assert trades(market.submit(order(3, "GB", BUY, 600, 10))) == []
    assert trades(market.submit(order(4, "NL", BUY, 420, 10)))[0].path == ()


def test_equal_prices_go_to_the_earlier_maker_near_or_far() -> None:
    free = Lane("free", "CH", "GB", 1000)
    market = Exchange(POTATOES, [GB, Zone("CH", "GBP", GB.fx)], [free])
    market.submit(order(1, "CH", SELL, 500, 10))
    market.submit(order(2, "GB", SELL, 500, 10))
    market.submit(order(3, "CH", SELL, 500, 10))
    outcome = market.submit(order(4, "GB", BUY, 500, 30))
    assert [(t.seller, t.path) for t in trades(outcome)] == [("o1", ("free",)), ("o2", ()), ("o3", ("free",))]


def test_fill_or_kill_counts_all_books_in_reach_and_the_lanes_room() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 800))
    market.submit(order(2, "GB", SELL, 480, 100))
    before = market.state_hash()
    assert market.submit(order(3, "GB", BUY, 500, 701), Kind.FOK) is Refusal.NOT_FILLABLE
    assert market.submit(order(4, "GB", BUY, 479, 601), Kind.FOK) is Refusal.NOT_FILLABLE
    assert market.state_hash() == before
    assert len(trades(market.submit(order(5, "GB", BUY, 500, 700), Kind.FOK))) == 2


def test_of_two_equal_lanes_the_first_by_name_is_taken() -> None:
    market = exchange(Lane("b", "NL", "GB", 9), Lane("a", "NL", "GB", 4), Lane("c", "NL", "GB", 9))
    market.submit(order(1, "NL", SELL, 420, 10))
    outcome = market.submit(order(2, "GB", BUY, 900, 10))
    assert [(t.path, t.sent) for t in trades(outcome)] == [(("a",), 4), (("b",), 6)]


def test_two_lanes_from_one_zone_share_its_orders() -> None:
    ship = Lane("ship", "NL", "GB", 5, tariff=Decimal("0.010"))
    truck = Lane("truck", "NL", "GB", 50, tariff=Decimal("0.020"))
    market = exchange(truck, ship)
    market.submit(order(1, "NL", SELL, 420, 8))
    assert [level.quantity for level in market.depth("GB", 9).sells] == [5, 3]
    outcome = market.submit(order(2, "GB", BUY, 900, 9))
    assert [(t.path, t.sent) for t in trades(outcome)] == [(("ship",), 5), (("truck",), 3)]
    assert market.open_lots("o2") == 1


def test_lots_lost_on_the_way_are_rounded_up_a_trade() -> None:
    market = exchange(CABLE)
    market.submit(order(1, "NL", SELL, 100, 151))
    first = trades(market.submit(order(2, "GB", BUY, 900, 97)))[0]
    assert (first.sent, first.received) == (99, 97)  # 99 − ⌈1.98⌉; 98 would arrive as 96
    second = market.submit(order(3, "GB", BUY, 900, 97), Kind.IOC)
    assert [(t.sent, t.received) for t in trades(second)] == [(52, 50)]  # all that is left of o1
    assert cancelled(second) == 47


def test_an_order_of_which_nothing_would_arrive_is_seen_at_home_only() -> None:
    market = exchange(CABLE)
    market.submit(order(1, "NL", SELL, 100, 1))
    market.submit(order(2, "NL", SELL, 101, 2))
    assert [level.quantity for level in market.depth("GB", 9).sells] == [1]
    assert [t.seller for t in trades(market.submit(order(3, "GB", BUY, 900, 5)))] == ["o2"]
    assert trades(market.submit(order(4, "NL", SELL, 90, 1))) == []
    assert [t.seller for t in trades(market.submit(order(5, "NL", BUY, 900, 5)))] == ["o4", "o1"]


def test_refusals_name_the_field_and_change_nothing() -> None:
    market = exchange(FERRY)
    market.submit(order(1, "NL", SELL, 420, 800))
    before = market.state_hash()
    assert market.submit(order(1, "GB", BUY, 420, 8)) is Refusal.DUPLICATE_ID
    assert market.submit(order(2, "FR", BUY, 420, 8)) is Refusal.UNKNOWN_ZONE
    assert market.submit(order(2, "GB", BUY, 420, 0)) is Refusal.QUANTITY_NOT_POSITIVE
    assert market.submit(order(2, "GB", BUY, 100_001, 8)) is Refusal.PRICE_OUT_OF_RANGE
    rice = Order("o2", 2, "anna", "rice", "NL", BUY, 420, 8)
    assert market.submit(rice) is Refusal.UNKNOWN_PRODUCT
    assert market.cancel("o1", "bram") is Refusal.NOT_OWNER
    assert market.cancel("o9", "anna") is Refusal.UNKNOWN_ORDER
    assert market.state_hash() == before
    assert cancelled(market.cancel("o1", "anna")) == 800


@pytest.mark.parametrize(
    ("lane", "words"),
    [
        (Lane("x", "NL", "FR", 1), "between zones"),
        (Lane("x", "NL", "NL", 1), "starts where it ends"),
        (Lane("x", "NL", "GB", 1, loss_ppm=1_000_000), "loss_ppm"),
        (Lane("x", "NL", "GB", 1, duty_ppm=-1), "duty_ppm"),
    ],
)
def test_an_impossible_lane_is_refused_at_once(lane: Lane, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        exchange(lane)


def test_an_id_used_twice_and_a_worthless_currency_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="two lanes"):
        exchange(FERRY, FERRY)
    with pytest.raises(ValueError, match="two zones"):
        Exchange(POTATOES, [NL, NL], [])
    with pytest.raises(ValueError, match="fx"):
        Exchange(POTATOES, [NL, Zone("GB", "GBP", Decimal(0))], [FERRY])


def test_a_snapshot_of_another_market_is_refused() -> None:
    saved = exchange(FERRY).snapshot()
    with pytest.raises(ValueError, match="zones or lanes"):
        exchange(CABLE).restore(saved)
    with pytest.raises(ValueError, match="potatoes"):
        Exchange(Product("rice", "kg", Decimal(1), Decimal(1), 0, 9), [NL, GB, CH], [FERRY]).restore(saved)


# Against the naive twin.


def surplus(market: Exchange, lane: Lane | None, trade: Trade) -> Fraction:
    """Numeraire left of the buyer's payment after seller, duty and freight."""
    zones = {z.id: z for z in (NL, GB, CH)}
    if lane is None:
        return Fraction(trade.buyer_price * trade.received - trade.seller_price * trade.sent)
    tick = Fraction(market.product.tick) / 1000
    seller = trade.seller_price * tick * trade.sent * Fraction(zones[lane.source].fx)
    buyer = trade.buyer_price * tick * trade.received * Fraction(zones[lane.target].fx)
    return buyer - seller * (1 + Fraction(lane.duty_ppm, 10**6)) - Fraction(lane.tariff) * trade.sent


@given(ROADS, st.integers(0, 2**32), st.integers(1, 60), st.integers(4, 60))
def test_any_stream_gives_what_the_naive_exchange_gives(
    lanes: list[Lane], seed: int, count: int, width: int
) -> None:
    stream = commands(seed, count, ["NL", "GB", "CH"], (60, 60 + width))
    run_both(exchange(*lanes), NaiveExchange(POTATOES, ZONES, lanes), stream)


@given(ROADS, RULES, st.integers(0, 2**32), st.integers(1, 120))
def test_any_stream_of_everything_gives_what_the_naive_exchange_gives(
    lanes: list[Lane], rules: Rules, seed: int, count: int
) -> None:
    market, naive = Exchange(POTATOES, ZONES, lanes, rules), NaiveExchange(POTATOES, ZONES, lanes, rules)
    run_both(market, naive, everything(seed, count, ["NL", "GB", "CH"], (90, 110)))


BUSY = [
    Lane("NL>GB", "NL", "GB", 60_000, tariff=Decimal("0.003"), duty_ppm=20_000),
    Lane("GB>NL", "GB", "NL", 9_000, tariff=Decimal("0.002")),
    Lane("cable", "NL", "GB", 20_000, loss_ppm=30_000),
    Lane("CH>NL", "CH", "NL", 70_000, loss_ppm=20_000, tariff=Decimal("0.001")),
]


def test_four_thousand_commands_give_what_the_naive_exchange_gives() -> None:
    stream = commands(7, 4_000, ["NL", "GB", "CH", "NL", "GB", "FR"])
    seen = run_both(exchange(*BUSY), NaiveExchange(POTATOES, ZONES, BUSY), stream, every=500)
    assert min(seen[r] for r in ("abroad", "home", "NOT_FILLABLE", "DUPLICATE_ID", "UNKNOWN_ZONE")) > 15


@given(ROADS, st.integers(0, 2**32), st.integers(1, 60))
def test_no_trade_takes_from_the_money_that_duty_and_freight_need(
    lanes: list[Lane], seed: int, count: int
) -> None:
    market, by_id = exchange(*lanes), {lane.id: lane for lane in lanes}
    for command in commands(seed, count, ["NL", "GB", "CH"], (60, 90)):
        for fill in (event for event in done(market, command) if isinstance(event, Fill)):
            check_money(market, by_id.get(fill.lane or ""), fill)


def check_money(market: Exchange, lane: Lane | None, fill: Fill) -> None:
    trade = fill.trade()
    seller, buyer = fill.maker, fill.taker
    if seller.side is BUY:
        seller, buyer = buyer, seller
    assert (trade.seller, trade.buyer) == (seller.id, buyer.id)
    assert trade.seller_price >= seller.price * 1000 and trade.buyer_price <= buyer.price * 1000
    assert trade.received > 0
    if lane is None:
        assert seller.zone == buyer.zone and trade.sent == trade.received
        assert trade.seller_price == trade.buyer_price and trade.path == ()
        return
    assert (seller.zone, buyer.zone) == (lane.source, lane.target)
    assert trade.received == lane.received(trade.sent) and trade.path == (lane.id,)
    lot = abs(trade.buyer_price) * Fraction(market.product.tick) / 1000 * 2
    assert surplus(market, lane, trade) >= (0 if lane.loss_ppm == 0 else -lot)


@given(ROADS, RULES, st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 60))
def test_a_snapshot_and_the_commands_after_it_give_the_same_state(
    lanes: list[Lane], rules: Rules, seed: int, cut: int, tail: int
) -> None:
    stream = list(everything(seed, cut + tail, ["NL", "GB", "CH"], (80, 100)))
    whole, again = (Exchange(POTATOES, ZONES, lanes, rules) for _ in range(2))
    for command in stream[:cut]:
        apply(whole, command)
    again.restore(json.loads(json.dumps(whole.snapshot())))
    assert again.state_hash() == whole.state_hash()
    for command in stream[cut:]:
        assert apply(again, command) == apply(whole, command)
    assert again.state_hash() == whole.state_hash()


def test_an_auction_opens_each_zone_at_one_price_and_then_the_lanes() -> None:
    market = Exchange(POTATOES, ZONES, [FERRY], phase=Phase.PRE_OPEN)
    market.submit(order(1, "NL", SELL, 400, 10))
    market.submit(order(2, "NL", BUY, 450, 4))
    market.submit(order(3, "GB", BUY, 470, 5))
    outcome = market.turn(Phase.AUCTION, 4)
    assert trades(outcome) == [
        Trade("potatoes", "o1", "o2", 4, 4, 400_000, 400_000, ()),
        Trade("potatoes", "o1", "o3", 5, 5, 400_000, 446_000, ("NL>GB",)),
    ]
    assert market.sent("NL>GB") == 5


def test_members_meet_themselves_over_lanes_too() -> None:
    market = Exchange(POTATOES, ZONES, [FERRY], Rules(Prevention.DECREMENT))
    market.submit(order(1, "NL", SELL, 420, 8))
    outcome = market.submit(order(2, "GB", BUY, 470, 10))
    assert events(outcome) == [
        Cancelled("o1", 8, Why.SELF_TRADE),
        Cancelled("o2", 8, Why.SELF_TRADE),
    ]
    assert (market.open_lots("o2"), market.sent("NL>GB")) == (2, 0)
