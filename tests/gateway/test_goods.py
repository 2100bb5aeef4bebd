"""The goods market between its journal and its memory: one is always a function of the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from tests.gateway.marketplace import (
    CONFIG,
    FARM,
    POTATOES,
    SHOP,
    START,
    Marketplace,
    in_market,
)
from tradelane.gateway import journal, migrations
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.config import load
from tradelane.gateway.goods import GoodsMarket, Refused
from tradelane.gateway.intake import Asked, AskedAmendment
from tradelane.gateway.store import Store, opened
from tradelane.gateway.tables import contracts, orders
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.outcome import Fill
from tradelane.market.product import Product
from tradelane.market.session import Phase
from tradelane.market.terms import PLAIN, Kind, Terms
from tradelane.market.units import MINUTE

RULED = CONFIG.replace(
    'max_price = "5"\n',
    'max_price = "5"\npre_open_minutes = 598\ncollar = "0.20"\nself_trade = "decrement"\n'
    'most_in_order = "275"\nmost_open_orders = 12\n',
)
"""Its day opens while the random commands are given: a minute after START."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("goods") / "zone.sqlite"
    with opened(path, migrations.PLACE, migrations.HEAD) as store:
        yield store


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path = tmp_path_factory.mktemp("market") / "market.toml"
    path.write_text(RULED)
    section = load(path).zone
    assert section is not None
    return Catalogue(section)


def potatoes(catalogue: Catalogue) -> Product:
    product = catalogue.find(POTATOES)
    assert isinstance(product, Product)
    return product


def asked(product: Product, id: str, zone: str, side: Side, price: int, lots: int, kind: Kind) -> Asked:
    member = f"m-{zone}"
    return Asked(Order(id, 0, member, product.id, zone, side, price, lots), product, kind, None)


def trade(conn: Connection, market: GoodsMarket, product: Product, seed: int, count: int) -> None:
    """Random commands, some of which are refused and leave nothing behind."""
    r = random.Random(seed)
    for k in range(count):
        try:
            with conn.begin_nested():
                command(conn, market, product, r, f"{seed}-{k}", START + 4_000 * k)
        except Refused:
            pass


def command(
    conn: Connection, market: GoodsMarket, product: Product, r: random.Random, id: str, now: int
) -> None:  # fmt: skip
    zone, what = r.choice(["NL", "GB"]), r.random()
    query = select(orders.c.id, orders.c.member).where(orders.c.product == product.id)
    known = conn.execute(query).all()
    price, lots = r.randint(25, 45), r.randint(1, 12)
    if known and what < 0.15:
        order_id, member = r.choice(known)
        market.cancel(conn, order_id, product, member, now, now)
    elif known and what < 0.3:
        order_id, member = r.choice(known)
        change = AskedAmendment(id, order_id, member, product, price, lots)
        market.amend(conn, change, now, now)
    elif what < 0.32:
        market.turn(conn, product, r.choice((Phase.PRE_OPEN, Phase.HALTED)), now, now)
    elif what < 0.5:
        called = market.exchange(conn, product).phase is Phase.AUCTION
        market.turn(conn, product, Phase.CONTINUOUS if called else Phase.AUCTION, now, now)
    elif what < 0.55:
        market.advance(conn, product, now, now)
    else:
        kind, stop = r.choice(list(Kind)), r.choice((None, None, 35))
        iceberg = Terms(r.choice((0, 2)), r.choice((None, now + 30_000)), stop)
        terms = r.choice((PLAIN, iceberg if kind.rests else Terms(trigger=stop)))
        order = asked(product, id, zone, r.choice(list(Side)), price, lots, kind)
        own = replace(order.order, member=r.choice(("anna", "bram")) + zone)
        market.submit(conn, replace(order, order=own, terms=terms), now, now)


def state(conn: Connection, market: GoodsMarket, product: Product) -> str:
    return market.exchange(conn, product).state_hash()


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_the_journal_alone_gives_the_same_books(store: Store, catalogue: Catalogue, seed: int) -> None:
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        trade(conn, live, product, seed, 40)
        assert state(conn, GoodsMarket(catalogue), product) == state(conn, live, product)
        kinds = [entry.kind for entry in journal.read(conn)]
        assert kinds.count("goods_order") == conn.execute(select(func.count()).select_from(orders)).scalar()
        conn.rollback()


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 20))
def test_a_failed_commit_leaves_no_trace_in_memory(
    store: Store, catalogue: Catalogue, seed: int, lost: int
) -> None:
    """What was in the lost transaction is forgotten by the books too; trading goes on from the journal."""
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        trade(conn, live, product, seed, 15)
        before = state(conn, live, product)
        failing = conn.begin_nested()
        trade(conn, live, product, seed + 1, lost)
        failing.rollback()
        assert state(conn, live, product) == before
        trade(conn, live, product, seed + 2, 10)
        assert state(conn, GoodsMarket(catalogue), product) == state(conn, live, product)
        conn.rollback()


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.lists(st.booleans(), min_size=1, max_size=6))
def test_every_committed_trade_is_told_once_and_no_other(
    store: Store, catalogue: Catalogue, seed: int, commits: list[bool]
) -> None:
    """Whether or not transactions are lost between two looks, in which the news were read too."""
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        trade(conn, live, product, seed, 25)
        before = conn.execute(select(func.count()).select_from(contracts)).scalar_one()
        news = live.news(conn, product, None, 5)
        assert news is not None and not news.events
        told, seq = 0, news.seq
        for k, committed in enumerate(commits, 1):
            changes = conn.begin_nested()
            trade(conn, live, product, seed + k, 15)
            news = live.news(conn, product, seq, 5)
            if not committed:
                changes.rollback()
            elif news is not None:
                told, seq = told + sum(isinstance(event, Fill) for event in news.events), news.seq
                assert news.depths["NL"] == live.exchange(conn, product).depth("NL", 5)
        made = conn.execute(select(func.count()).select_from(contracts)).scalar_one()
        assert told == made - before
        conn.rollback()


@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_every_fill_is_a_contract_and_no_order_is_filled_beyond_itself(
    store: Store, catalogue: Catalogue, seed: int
) -> None:
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        trade(conn, live, product, seed, 40)
        made = conn.execute(select(contracts)).all()
        for order in conn.execute(select(orders)):
            traded = sum(c.sent for c in made if c.seller_order == order.id)
            traded += sum(c.received for c in made if c.buyer_order == order.id)
            assert order.filled == traded <= order.quantity
        exchange = live.exchange(conn, product)
        open_orders = conn.execute(select(orders).where(orders.c.state == "open")).all()
        assert {o.id for o in open_orders} == exchange.floor.orders.keys()
        for o in open_orders:
            assert exchange.floor.orders[o.id].order.price == o.price
            assert 0 < exchange.open_lots(o.id) <= o.quantity - o.filled
        conn.rollback()


def test_a_refused_command_is_not_journaled(store: Store, catalogue: Catalogue) -> None:
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        with pytest.raises(Refused) as refused, conn.begin_nested():
            order = asked(product, "a", "NL", Side.BUY, 30, 5, Kind.FOK)
            live.submit(conn, order, START + MINUTE, 0)
        assert refused.value.refusal is Refusal.NOT_FILLABLE
        assert journal.length(conn) == 0 and conn.execute(select(orders)).first() is None
        conn.rollback()


def test_a_new_day_has_new_books(store: Store, catalogue: Catalogue) -> None:
    today = potatoes(catalogue)
    tomorrow = catalogue.find("potatoes/2026-06-22")
    assert isinstance(tomorrow, Product)
    live = GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        for product in (today, tomorrow):
            live.submit(conn, asked(product, product.id, "NL", Side.SELL, 30, 5, Kind.LIMIT), START, 0)
        assert [level.quantity for level in live.exchange(conn, tomorrow).depth("NL", 5).sells] == [5]
        assert [level.quantity for level in live.exchange(conn, today).depth("NL", 5).sells] == [5]
        conn.rollback()


def test_potatoes_cross_the_border_at_their_landed_price(tmp_path: Path) -> None:
    """28 ct and 6 ct freight and 8 % duty make 31 pence; two of three buys are filled in part or whole."""

    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "0.28", "250", product=POTATOES)
        book = await market.http.get(f"/api/v1/books/{POTATOES}", params={"zone": "GB"})
        assert book.json() == {"sells": [{"price": "0.31", "quantity": "250"}], "buys": []}
        low = await market.taken(SHOP, "buy", "0.30", "100", product=POTATOES)
        high = await market.taken(SHOP, "buy", "0.42", "100", product=POTATOES)
        rest = await market.taken(SHOP, "buy", "0.42", "250", product=POTATOES)
        assert [low["filled"], high["filled"], rest["filled"]] == ["0", "100", "150"]
        trades = await market.trades()
        assert [(t["quantity"], t["unit"]) for t in trades] == [("100", "kg"), ("150", "kg")]
        assert trades[0]["seller_gets"] == {"currency": "EUR", "value": "28"}
        assert trades[0]["buyer_pays"] == {"currency": "GBP", "value": "31"}
        book = await market.http.get(f"/api/v1/books/{POTATOES}", params={"zone": "NL"})
        assert book.json()["buys"] == [
            {"price": "0.39", "quantity": "100"}, {"price": "0.26", "quantity": "100"},
        ]  # fmt: skip

    in_market(tmp_path, use)


def test_a_book_is_of_an_open_product_and_a_known_zone(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        for product, zone, field in (
            ("tulips/2026-06-21", "NL", "product"),
            ("potatoes/2026-06-20", "NL", "product"),
            ("power/2026-06-21T10:15Z/PT15M", "NL", "product"),
            (POTATOES, "FR", "zone"),
        ):
            answer = await market.http.get(f"/api/v1/books/{product}", params={"zone": zone})
            assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field

    in_market(tmp_path, use)
