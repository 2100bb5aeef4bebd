from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.naive_exchange import NaiveExchange
from tests.market.places import NL, POTATOES, ROADS, RULES, ZONES
from tests.market.short import events
from tests.market.streams import everything
from tests.market.twins import apply, done
from tradelane.market.depth import Depth
from tradelane.market.exchange import Exchange
from tradelane.market.feed import Feed, LevelChange, Message, Printed, Top, Turned
from tradelane.market.ladder import DepthLevel
from tradelane.market.order import Order, Side
from tradelane.market.outcome import Event, Fill, trades
from tradelane.market.product import Lane
from tradelane.market.rules import Rules
from tradelane.market.session import Phase
from tradelane.market.terms import PLAIN, Kind, Terms

SELL, BUY = Side.SELL, Side.BUY


def order(seq: int, zone: str, side: Side, price: int, lots: int) -> Order:
    return Order(f"o{seq}", seq, f"member {seq}", "potatoes", zone, side, price, lots)


class Told:
    """A feed of the best ``levels`` levels, published from a market whenever it is asked."""

    def __init__(self, market: Exchange, zone: str, levels: int) -> None:
        self.market, self.zone, self.levels = market, zone, levels
        self.feed = Feed(zone, market.depth(zone, levels), market.phase)

    def publish(self, events: list[Event]) -> list[Message]:
        return self.feed.publish(events, self.market.depth(self.zone, self.levels), self.market.phase)


def applied(picture: Depth, messages: list[Message]) -> Depth:
    """What a reader makes of the levels it was told."""
    sides: dict[Side, dict[int, DepthLevel]] = {
        SELL: {level.price: level for level in picture.sells},
        BUY: {level.price: level for level in picture.buys},
    }
    for message in messages:
        if isinstance(message, LevelChange):
            sides[message.side].pop(message.price, None)
            if message.quantity:
                sides[message.side][message.price] = DepthLevel(*message[2:])
    return Depth(sorted(sides[SELL].values()), sorted(sides[BUY].values(), reverse=True))


def test_trades_then_levels_then_the_top() -> None:
    market = Exchange(POTATOES, [NL], [])
    feed = Told(market, "NL", 5)
    market.submit(order(1, "NL", SELL, 100, 5), Kind.LIMIT, Terms(display=2))
    market.submit(order(2, "NL", SELL, 101, 4))
    outcome = market.submit(order(3, "NL", BUY, 101, 6))
    assert feed.publish(events(outcome)) == [
        Printed(1, 100, 2, BUY),
        Printed(2, 100, 2, BUY),
        Printed(3, 100, 1, BUY),
        Printed(4, 101, 1, BUY),
        LevelChange(5, SELL, 101, 3, 1),
        Top(6, DepthLevel(101, 3, 1), None),
    ]
    assert feed.publish([]) == []
    assert (feed.feed.number, feed.feed.last) == (6, 101)
    assert feed.feed.depth == Depth([DepthLevel(101, 3, 1)], [])
    market.turn(Phase.HALTED, 4)
    assert feed.publish([]) == [Turned(7, Phase.HALTED)]


def test_a_trade_over_a_lane_is_printed_in_both_zones_at_the_price_of_each() -> None:
    market = Exchange(POTATOES, ZONES, [Lane("cable", "NL", "GB", 1_000, 20_000, Decimal("0.010"))])
    feeds = [Told(market, zone, 3) for zone in ("NL", "GB", "CH")]
    market.submit(order(1, "NL", SELL, 400, 100))
    for feed in feeds:
        feed.publish([])
    outcome = market.submit(order(2, "GB", BUY, 500, 97))
    ((trade,), landed) = trades(outcome), trades(outcome)[0].buyer_price // 1000
    messages = [feed.publish(events(outcome)) for feed in feeds]
    assert messages[0][0] == Printed(3, 400, trade.sent, BUY)
    assert messages[1][0] == Printed(3, landed, trade.received, BUY)
    assert messages[2] == []


@given(ROADS, RULES, st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 9), st.integers(1, 5))
def test_a_reader_of_every_message_has_the_depth(
    lanes: list[Lane], rules: Rules, seed: int, count: int, pause: int, levels: int
) -> None:
    market = Exchange(POTATOES, ZONES, lanes, rules)
    feed = Told(market, "NL", levels)
    number, picture = feed.feed.number, feed.feed.depth
    told_of, printed, told = list[Event](), 0, 0
    for at, command in enumerate(everything(seed, count, ["NL", "GB", "CH"], (95, 105)), 1):
        told_of += done(market, command)
        if at % pause:
            continue
        messages = feed.publish(told_of)
        assert [m.number for m in messages] == list(range(number + 1, number + 1 + len(messages)))
        number += len(messages)
        picture = applied(picture, messages)
        assert picture == market.depth("NL", levels) == feed.feed.depth
        told += sum(isinstance(m, Printed) for m in messages)
        fills = (e for e in told_of if isinstance(e, Fill))
        printed += sum("NL" in (f.maker.zone, f.taker.zone) for f in fills)
        assert told == printed
        told_of = []


@given(RULES, st.integers(0, 2**32), st.integers(1, 80), st.integers(0, 4))
def test_depth_is_what_the_open_orders_show(rules: Rules, seed: int, count: int, levels: int) -> None:
    market, naive = Exchange(POTATOES, [NL], [], rules), NaiveExchange(POTATOES, [NL], [], rules)
    for command in everything(seed, count, prices=(95, 105)):
        apply(market, command)
        apply(naive, command)
    found = market.depth("NL", levels)
    for side, rows in ((SELL, found.sells), (BUY, found.buys)):
        line = naive.line("NL", side)
        prices = list(dict.fromkeys(o.order.price for o in line))[:levels]
        shown = [[o.left for o in line if o.order.price == price] for price in prices]
        assert rows == [(p, sum(lots), len(lots)) for p, lots in zip(prices, shown, strict=True)]


def test_an_unknown_zone_has_no_depth() -> None:
    with pytest.raises(KeyError):
        Exchange(POTATOES, [NL], []).depth("GB", 3)


def test_what_does_not_show_is_not_told() -> None:
    market = Exchange(POTATOES, [NL], [])
    feed = Told(market, "NL", 3)
    market.submit(order(1, "NL", SELL, 100, 5), Kind.LIMIT, Terms(trigger=90))
    market.submit(order(2, "NL", BUY, 99, 5), Kind.LIMIT, PLAIN)
    market.cancel("o2", "member 2")
    assert feed.publish([]) == []
