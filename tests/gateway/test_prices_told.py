"""Which clearing prices a zone tells its readers, and where there is none to tell."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from tradelane.gateway import auctions, migrations
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.sections import ZoneSection
from tradelane.gateway.store import opened
from tradelane.gateway.tables import prices
from tradelane.market.order import Order, Side
from tradelane.market.units import MINUTE, Interval, instant

DELIVERY = Interval.at(instant("2026-06-21T10:00Z"), 15 * MINUTE)
SECTION = ZoneSection.model_validate(
    {
        "id": "north",
        "name": "North",
        "numeraire": "EUR",
        "max_price": "4000",
        "zones": [
            {"id": "GB", "name": "Great Britain", "currency": "GBP", "fx": "1.17"},
            {"id": "NO2", "name": "South Norway", "currency": "NOK", "fx": "0.087"},
        ],
        "lanes": [{"id": "NO2>GB", "source": "NO2", "target": "GB", "capacity_kw": 14, "loss_ppm": 38_000}],
    }
)


def told(folder: Path, *book: tuple[str, Side, str, int]) -> dict[str, Decimal | None]:
    """Prices by zone, in the zone's currency per MWh, after clearing orders of zone, side, price and Wh."""
    catalogue = Catalogue(SECTION)
    product = catalogue.power(DELIVERY)
    orders = [
        Order(f"o{seq}", seq, f"m{seq}", product.id, zone, side, product.ticks(price), wh)
        for seq, (zone, side, price, wh) in enumerate(book, 1)
    ]
    clearing = auctions.run(catalogue, product, orders)
    with opened(folder / "zone.sqlite", migrations.PLACE, migrations.HEAD) as store:
        with store.engine.begin() as conn:
            auctions.publish(conn, catalogue, clearing, orders, DELIVERY.start, 0)
        rows = store.read_now(lambda conn: conn.execute(select(prices)).all())
    return {row.zone: None if row.price is None else row.price * product.tick / 1000 for row in rows}


def test_a_price_beyond_the_limits_of_orders_is_told_where_it_was_traded_at(tmp_path: Path) -> None:
    """A dearer neighbour may pull a zone's price past the limits its own orders have."""
    found = told(tmp_path, ("NO2", Side.SELL, "450", 1000), ("GB", Side.BUY, "315", 2000))
    assert found["GB"] == 315
    assert found["NO2"] == Decimal("4075.23103")  # 315 · 1.17 · 0.962 / 0.087


def test_without_a_trade_and_with_orders_on_one_side_there_is_no_price(tmp_path: Path) -> None:
    assert told(tmp_path, ("GB", Side.BUY, "315", 2000)) == {"GB": None, "NO2": None}


def test_without_a_trade_the_price_lies_between_the_best_offers(tmp_path: Path) -> None:
    found = told(tmp_path, ("GB", Side.BUY, "100", 10), ("GB", Side.SELL, "200", 10))
    assert found["GB"] == 150
