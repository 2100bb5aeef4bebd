"""The goods market between its journal and its memory: one is always a function of the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
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
from tradelane.gateway.intake import Asked
from tradelane.gateway.store import Store, opened
from tradelane.gateway.tables import contracts, orders
from tradelane.market.book import Kind
from tradelane.market.order import Order, Refusal, Side
from tradelane.market.product import Product


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("goods") / "zone.sqlite"
    with opened(path, migrations.PLACE, migrations.HEAD) as store:
        yield store


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path = tmp_path_factory.mktemp("market") / "market.toml"
    path.write_text(CONFIG)
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
    """Random orders and cancels, some of which are refused and leave nothing behind."""
    r = random.Random(seed)
    for k in range(count):
        zone, side = r.choice(["NL", "GB"]), r.choice(list(Side))
        known = conn.execute(select(orders.c.id).where(orders.c.product == product.id)).scalars().all()
        try:
            with conn.begin_nested():
                if known and r.random() < 0.2:
                    market.cancel(conn, r.choice(known), product, f"m-{zone}", START + k)
                else:
                    price, lots, kind = r.randint(20, 50), r.randint(1, 12), r.choice(list(Kind))
                    order = asked(product, f"{seed}-{k}", zone, side, price, lots, kind)
                    market.submit(conn, order, START + k, k)
        except Refused:
            pass


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
            assert order.state != "open" or order.filled < order.quantity
        open_orders = conn.execute(select(orders).where(orders.c.state == "open")).all()
        for o in open_orders:
            assert live.cancel(conn, o.id, product, o.member, START) == o.quantity - o.filled
        assert all(live.exchange(conn, product).depth(zone, 9) == ([], []) for zone in ("NL", "GB"))
        conn.rollback()


def test_a_refused_command_is_not_journaled(store: Store, catalogue: Catalogue) -> None:
    product, live = potatoes(catalogue), GoodsMarket(catalogue)
    with store.engine.connect() as conn:
        with pytest.raises(Refused) as refused, conn.begin_nested():
            order = asked(product, "a", "NL", Side.BUY, 30, 5, Kind.FOK)
            live.submit(conn, order, START, 0)
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
