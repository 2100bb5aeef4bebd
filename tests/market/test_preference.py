"""Preferred partners first: against the naive twin, and what must hold whatever anyone prefers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.markets import POWER, Market, ids_of, random_market
from tests.market.naive_pairing import NaivePairing, preferences_of, random_wishes
from tradelane.market.auction import Clearing, clear
from tradelane.market.order import Order, Side
from tradelane.market.pairing import pair
from tradelane.market.preference import Preferred
from tradelane.market.product import Lane, Zone
from tradelane.market.trade import Trade
from tradelane.market.wish import NO_WISH, Wish

SEEDS = st.integers(0, 2**32)


def cleared(market: Market) -> Clearing:
    return clear(market.product, market.zones, market.lanes, market.batches())


def paired(market: Market, clearing: Clearing, wishes: Mapping[str, Wish]) -> list[Trade]:
    ids = ids_of(market, clearing.network.zones)
    return pair(clearing, ids, preferences_of(market, clearing, wishes))


def by_order(trades: Sequence[Trade]) -> tuple[Counter[str], Counter[str]]:
    sold, bought = Counter[str](), Counter[str]()
    for trade in trades:
        assert 0 <= trade.received <= trade.sent
        sold[trade.seller] += trade.sent
        bought[trade.buyer] += trade.received
    return sold, bought


def over_lanes(trades: Sequence[Trade], clearing: Clearing) -> Counter[str]:
    """Lots each lane brought, counted where they end: lanes that lose nothing carry what arrives."""
    return Counter({lane: sum(t.received for t in trades if lane in t.path) for lane in lanes_of(clearing)})


def lanes_of(clearing: Clearing) -> list[str]:
    return [lane.id for lane in clearing.network.lanes]


@given(SEEDS)
@settings(max_examples=120)
def test_lots_meet_as_the_twin_meets_them_one_by_one(seed: int) -> None:
    market = random_market(seed)
    loss = random.Random(seed).choice([None, 0, 333_333, 500_000])
    if loss is not None:
        market = replace(market, lanes=tuple(replace(lane, loss_ppm=loss) for lane in market.lanes))
    clearing, wishes = cleared(market), random_wishes(market, seed)
    met: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for trade in paired(market, clearing, wishes):
        met[trade.seller, trade.buyer, trade.path] += trade.received
    assert +met == NaivePairing(market, clearing, wishes).run()


@given(SEEDS)
@settings(max_examples=60)
def test_everyone_still_trades_what_was_filled(seed: int) -> None:
    market = random_market(seed)
    clearing = cleared(market)
    trades = paired(market, clearing, random_wishes(market, seed))
    sold, bought = by_order(trades)
    for z, (sells, buys) in enumerate(ids_of(market, clearing.network.zones)):
        assert [sold[id] for id in sells] == clearing.outcome.sold[z].tolist()
        assert [bought[id] for id in buys] == clearing.outcome.bought[z].tolist()
    prices = dict(zip((z.id for z in clearing.network.zones), clearing.outcome.price, strict=True))
    zone_of = {o.id: o.zone for o in market.orders}
    for trade in trades:
        assert trade.seller_price == prices[zone_of[trade.seller]]
        assert trade.buyer_price == prices[zone_of[trade.buyer]]
    if not any(lane.loss_ppm for lane in market.lanes):
        flows = dict(zip(lanes_of(clearing), clearing.outcome.sent, strict=True))
        assert over_lanes(trades, clearing) == Counter(flows)


@given(SEEDS)
@settings(max_examples=30)
def test_where_nothing_is_said_all_stand_in_line(seed: int) -> None:
    market = random_market(seed)
    clearing = cleared(market)
    plain = pair(clearing, ids_of(market, clearing.network.zones))
    assert paired(market, clearing, {}) == plain
    alone = {id: Wish(wish.member, origin=wish.origin) for id, wish in random_wishes(market, seed).items()}
    assert paired(market, clearing, alone) == plain, "to say who one is asks nothing of others"


@given(SEEDS)
@settings(max_examples=30)
def test_names_are_only_names_and_lines_only_lines(seed: int) -> None:
    """Whatever members, communities and origins are called, in whatever order orders are read."""
    market = random_market(seed)
    clearing, wishes = cleared(market), random_wishes(market, seed)
    r = random.Random(seed)
    names = {f"{kind}{k}": f"{r.random()}{kind}" for kind in "mco" for k in range(4)} | {"": ""}
    renamed = {
        id: Wish(
            names[wish.member],
            names[wish.community],
            tuple(names[name] for name in wish.partners),
            names[wish.origin],
            tuple(names[name] for name in wish.origins),
        )
        for id, wish in r.sample(list(wishes.items()), len(wishes))
    }
    shuffled = replace(market, orders=tuple(r.sample(market.orders, len(market.orders))))
    assert paired(shuffled, clearing, renamed) == paired(market, clearing, wishes)


def in_one_zone(seed: int) -> Market:
    market = random_market(seed)
    home = market.zones[0]
    return replace(
        market, zones=(home,), lanes=(), orders=tuple(replace(o, zone=home.id) for o in market.orders)
    )


def partners(wishes: Mapping[str, Wish], trade: Trade) -> bool:
    sell, buy = wishes.get(trade.seller, NO_WISH), wishes.get(trade.buyer, NO_WISH)
    return (bool(sell.member) and sell.member in buy.partners) or (
        bool(buy.member) and buy.member in sell.partners
    )


@given(SEEDS)
@settings(max_examples=100)
def test_to_name_partners_never_joins_fewer_of_them(seed: int) -> None:
    market = in_one_zone(seed)
    clearing, wishes = cleared(market), random_wishes(market, seed)
    plain = pair(clearing, ids_of(market, clearing.network.zones))
    chosen = paired(market, clearing, wishes)
    lots = [sum(t.sent for t in trades if partners(wishes, t)) for trades in (plain, chosen)]
    assert lots[1] >= lots[0]
    strangers = [t for t in chosen if t.sent and not partners(wishes, t)]
    assert not any(partners(wishes, replace(a, buyer=b.buyer)) for a in strangers for b in strangers), (
        "no two partners both trade with strangers"
    )


def traded(
    zones: str, lanes: Sequence[Lane], orders: Sequence[tuple[str, str, Side, int, Wish]]
) -> set[tuple[str, str, int, tuple[str, ...]]]:
    """Who trades how much with whom, all orders of (id, zone, side, lots, wish) being filled."""
    rows = tuple(
        Order(id, seq, "", POWER.id, zone, side, 100 if side is Side.SELL else 900, lots)
        for seq, (id, zone, side, lots, _) in enumerate(orders)
    )
    market = Market(POWER, tuple(Zone(z, "EUR") for z in zones), tuple(lanes), rows)
    trades = paired(market, cleared(market), {id: wish for id, _, _, _, wish in orders})
    return {(t.seller, t.buyer, t.received, t.path) for t in trades}


SELL, BUY = Side.SELL, Side.BUY


def test_named_partners_come_before_the_community_and_that_before_the_origin() -> None:
    orders = [
        ("roof", "A", SELL, 10, Wish("rosa", "via-po", origin="solar")),
        ("mill", "A", SELL, 10, Wish("milo", "via-po", origin="wind")),
        ("farm", "A", SELL, 10, Wish("fede", "fields", origin="solar")),
        ("green", "A", BUY, 10, Wish("gina", origins=("wind", "solar"))),
        ("street", "A", BUY, 10, Wish("sara", "via-po")),
        ("friend", "A", BUY, 10, Wish("ugo", "fields", ("rosa",))),
    ]
    assert traded("A", [], orders) == {
        ("roof", "friend", 10, ()),
        ("mill", "street", 10, ()),
        ("farm", "green", 10, ()),
    }


def test_who_name_each_other_meet_before_who_are_only_named() -> None:
    orders = [
        ("roof", "A", SELL, 10, Wish("rosa", partners=("nonna",))),
        ("other", "A", SELL, 10, Wish("otto")),
        ("stranger", "A", BUY, 10, Wish("stan", partners=("rosa",))),
        ("home", "A", BUY, 10, Wish("nonna", partners=("rosa",))),
    ]
    assert traded("A", [], orders) == {("roof", "home", 10, ()), ("other", "stranger", 10, ())}


def test_the_dearest_partner_comes_first() -> None:
    orders = [
        ("second", "A", SELL, 10, Wish("otto")),
        ("first", "A", SELL, 10, Wish("rosa")),
        ("buy", "A", BUY, 10, Wish("gina", partners=("rosa", "otto"))),
        ("any", "A", BUY, 10, NO_WISH),
    ]
    assert traded("A", [], orders) == {("first", "buy", 10, ()), ("second", "any", 10, ())}


def test_who_would_meet_in_line_is_not_parted_for_fewer_partners() -> None:
    """Stage by stage ``wide`` would take the only seller that ``narrow`` names."""
    orders = [
        ("s1", "A", SELL, 10, Wish("rosa")),
        ("s2", "A", SELL, 10, Wish("otto")),
        ("s3", "A", SELL, 10, Wish("otto")),
        ("narrow", "A", BUY, 10, Wish("nino", partners=("fede", "rosa"))),
        ("wide", "A", BUY, 10, Wish("gina", partners=("rosa", "otto"))),
        ("any", "A", BUY, 10, NO_WISH),
    ]
    assert {t[:2] for t in traded("A", [], orders)} == {("s1", "narrow"), ("s2", "wide"), ("s3", "any")}


def test_partners_meet_over_lanes_as_far_as_the_flows_go() -> None:
    """A sends 30 over B to C. c2 names the second seller of A and gets all it has."""
    orders = [
        ("a1", "A", SELL, 30, Wish("otto")),
        ("a2", "A", SELL, 20, Wish("rosa")),
        ("b", "B", BUY, 20, NO_WISH),
        ("c1", "C", BUY, 12, NO_WISH),
        ("c2", "C", BUY, 18, Wish("nonna", partners=("rosa",))),
    ]
    lanes = [Lane("A>B", "A", "B", 100), Lane("B>C", "B", "C", 100)]
    through = ("A>B", "B>C")
    assert traded("ABC", lanes, orders) == {
        ("a2", "c2", 18, through),
        ("a1", "b", 20, ("A>B",)),
        ("a1", "c1", 10, through),
        ("a2", "c1", 2, through),
    }


def test_at_home_before_abroad() -> None:
    orders = [
        ("a", "A", SELL, 10, Wish(community="po")),
        ("b1", "B", SELL, 10, Wish(community="po")),
        ("b2", "B", BUY, 10, NO_WISH),
        ("b3", "B", BUY, 10, Wish(community="po")),
    ]
    found = traded("AB", [Lane("A>B", "A", "B", 100)], orders)
    assert found == {("b1", "b3", 10, ()), ("a", "b2", 10, ("A>B",))}


def test_a_partners_lot_lost_on_the_way_is_still_theirs() -> None:
    orders = [(f"s{k}", "A", SELL, 1) for k in range(4)] + [("b1", "B", BUY, 1), ("b2", "B", BUY, 49)]
    rows = tuple(
        Order(id, seq, "", POWER.id, zone, side, 100 if side is SELL else 900, lots)
        for seq, (id, zone, side, lots) in enumerate(orders)
    )
    wishes = {"s1": Wish("rosa"), "s3": Wish("rosa"), "b2": Wish("gina", partners=("rosa",))}
    lanes = (Lane("A>B", "A", "B", 100, 300_000),)
    market = Market(POWER, (Zone("A", "EUR"), Zone("B", "EUR")), lanes, rows)
    trades = paired(market, cleared(market), wishes)
    sold, bought = by_order(trades)
    assert sold == {f"s{k}": 1 for k in range(4)} and sum(bought.values()) == 2
    assert {t.buyer for t in trades if t.seller in ("s1", "s3")} == {"b2"}


def test_groups_that_share_a_lossy_lane_get_what_they_sent() -> None:
    """Of eight lots four arrive. Loaded by turns, all of one member's would, twice what its partner wants."""
    orders = [(f"s{k}", "A", SELL, 1, Wish(f"m{k % 2}")) for k in range(8)]
    orders += [(f"b{k}", "B", BUY, 2, Wish("", partners=(f"m{k}",))) for k in range(2)]
    trades = traded("AB", [Lane("A>B", "A", "B", 8, 500_000)], orders)
    assert {(seller, buyer) for seller, buyer, _, _ in trades} == {(f"s{k}", f"b{k % 2}") for k in range(8)}
    assert sum(lots for _, _, lots, _ in trades) == 4


def test_on_a_loop_of_flows_partners_meet_and_the_lane_stands_in_for_the_rest() -> None:
    orders = (
        Order("s", 1, "", "power", "A", Side.SELL, -400, 40),
        Order("t", 2, "", "power", "A", Side.SELL, -400, 40),
        Order("b", 3, "", "power", "A", Side.BUY, 0, 10),
    )
    lanes = (Lane("A>B", "A", "B", 100, 100_000), Lane("B>A", "B", "A", 100, 100_000))
    market = Market(POWER, (Zone("A", "EUR"), Zone("B", "EUR")), lanes, orders)
    clearing = cleared(market)
    trades = paired(market, clearing, {"t": Wish("rosa"), "b": Wish(partners=("rosa",))})
    sold, bought = by_order(trades)
    assert [sold["s"], sold["t"]] == clearing.outcome.sold[0].tolist() and bought["b"] == 10
    assert sum(t.received for t in trades if (t.seller, t.buyer) == ("t", "b")) == min(10, sold["t"])


def test_nothing_met_is_everything_left() -> None:
    market = random_market(5)
    clearing = cleared(market)
    preferred = Preferred(clearing)
    assert preferred.sold.tolist() == [lots for fill in clearing.outcome.sold for lots in fill.tolist()]
    assert [preferred.ways.left(k) for k in range(len(market.lanes))] == list(clearing.outcome.sent)
