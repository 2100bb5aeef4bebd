"""One product: what was offered and asked for, what it came to, and the newest trades.

A call auction's curves are those of its own case file, and are shown once it is cleared; a continuous
product shows its open book. Always true: nothing here names a member or an order, and of what fewer than
FEWEST members did no quantity is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Connection, distinct, func, select, union

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_data import FEWEST, TABLES, Row, Selection
from tradelane.gateway.overview import TradeView
from tradelane.gateway.overviews import shown_interval, trade_view
from tradelane.gateway.reader import Reader
from tradelane.gateway.schedule import product_id
from tradelane.gateway.tables import contracts, orders, prices
from tradelane.gateway.web.desk.curves import Curves, blocks_of, curves_of, draw, steps_of
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.market.order import Refusal
from tradelane.market.product import Product
from tradelane.market.units import iso, whole
from tradelane.settlement.problem import Problem

Locale = Annotated[str, Depends(locale_of)]
ON_TAPE = 50
LEVELS = 40
"""Prices of a book on each side."""
ROWS = 100
"""Steps of one side in a table; the case file has them all."""
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}


@dataclass(frozen=True, slots=True)
class Around:
    """The products before and after one, the first and the newest, if any."""

    first: str | None
    before: str | None
    after: str | None
    newest: str | None


@dataclass(frozen=True, slots=True)
class Tape:
    """The newest trades; ``told``: enough members made them for their quantities to be shown."""

    trades: list[TradeView]
    told: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """A product as its market left it in one zone. ``ordering``: members with orders there; ``price`` and
    ``volume`` are rows of the open data."""

    cleared: bool
    ordering: int
    price: Row | None
    volume: Row | None
    around: Around
    tape: Tape


def product_router(
    file: RoleFile, catalogue: Catalogue, clock: Clock, reader: Reader, templates: Templates
) -> APIRouter:
    router = APIRouter()

    @router.get("/desk/product", include_in_schema=False)
    async def newest() -> Response:
        shown = await file.read(lambda conn: shown_interval(conn, catalogue, clock.now()))
        return RedirectResponse(f"/desk/product/{product_id(shown)}", 303)

    @router.get("/desk/product/{name:path}", include_in_schema=False)
    async def page(
        name: str,
        locale: Locale,
        zone: Annotated[str | None, Query(max_length=64)] = None,
        view: Annotated[str, Query(pattern="^(near|all)$")] = "near",
    ) -> Response:
        product = known_product(catalogue, name)
        place = next(iter(catalogue.zones)) if zone is None else zone
        if place not in catalogue.zones:
            raise Problem.field(404, "unknown-zone", "zone", "no such zone")
        facts = await file.read(lambda conn: facts_of(conn, catalogue, product, place))
        curves, blocks = await _curves(reader, catalogue, clock.now(), product, place, facts)
        price = None if facts.price is None or facts.price["price"] is None else Decimal(facts.price["price"])
        looked_at = curves if view == "all" else curves.near(price)
        html = templates.render(
            "desk/product.html",
            locale,
            f"/desk/product/{name}?zone={place}&view={view}",
            product=product,
            goods=catalogue.goods.get(name.partition("/")[0]),
            delivery=None
            if product.delivery is None
            else (iso(product.delivery.start), iso(product.delivery.end)),
            gate=None if product.gate is None else iso(product.gate),
            others=[
                (one.id, catalogue.goods[one.id.partition("/")[0]].name)
                for one in catalogue.open_goods(clock.now())
                if one.id != name
            ],
            place=place,
            currency=catalogue.zones[place].currency,
            places=list(catalogue.zones),
            view=view,
            facts=facts,
            enough=facts.ordering >= FEWEST,
            curves=curves,
            rows=[side[:ROWS] for side in (looked_at.supply, looked_at.demand)],
            cut=max(len(looked_at.supply), len(looked_at.demand)) > ROWS,
            blocks=blocks,
            picture=draw(looked_at, price, _traded(facts), close=view == "near"),
        )
        return HTMLResponse(html, headers=HEADERS)

    return router


def known_product(catalogue: Catalogue, name: str) -> Product:
    """Raises Problem 404."""
    product = catalogue.find(name)
    if isinstance(product, Refusal):
        raise Problem.field(404, "unknown-product", "product", "no such product")
    return product


def facts_of(conn: Connection, catalogue: Catalogue, product: Product, zone: str) -> Facts:
    in_book = product.gate is None  # where orders from everywhere meet
    here = orders.c.state == "open" if in_book else orders.c.zone == zone
    of = (orders.c.product == product.id, here)
    ordering = conn.execute(select(func.count(distinct(orders.c.member))).where(*of)).scalar_one()
    price = volume = None
    if product.gate is not None and product.delivery is not None:
        asked = Selection(product.delivery.start, product.delivery.end, zone)
        price, volume = (
            next(TABLES[name].rows(conn, catalogue, asked), None) for name in ("prices", "volumes")
        )
    return Facts(
        price is not None, ordering, price, volume, _around(conn, product), tape_of(conn, product.id)
    )


def tape_of(conn: Connection, product: str) -> Tape:
    """The newest trades of a product."""
    c = contracts.c
    both = union(*(select(side.label("member")).where(c.product == product) for side in (c.seller, c.buyer)))
    people = conn.execute(select(func.count()).select_from(both.subquery())).scalar_one()
    query = select(contracts).where(c.product == product).order_by(c.seq.desc(), c.id.desc()).limit(ON_TAPE)
    return Tape([trade_view(row) for row in conn.execute(query).mappings()], people >= FEWEST)


def _around(conn: Connection, product: Product) -> Around:
    """Power products that were cleared, goods of the same kind that were traded: their names sort by time."""
    kind = product.id.partition("/")[0]
    column = contracts.c.product if product.gate is None else prices.c.product
    same = (column >= f"{kind}/", column < f"{kind}0")  # "0" follows "/"
    ends = (
        select(func.min(column)).where(*same),
        select(func.max(column)).where(*same, column < product.id),
        select(func.min(column)).where(*same, column > product.id),
        select(func.max(column)).where(*same),
    )
    first, before, after, newest = (conn.execute(query).scalar() for query in ends)
    return Around(first, before, after, newest)


async def _curves(
    reader: Reader, catalogue: Catalogue, now: int, product: Product, zone: str, facts: Facts
) -> tuple[Curves, list[dict[str, Any]]]:
    nothing: tuple[Curves, list[dict[str, Any]]] = Curves((), ()), []
    if facts.ordering < FEWEST:
        return nothing
    if product.gate is not None:
        if not facts.cleared:
            return nothing
        case = await reader.case(product.id)
        return curves_of(case, product.id, zone), blocks_of(case, product.id, zone)
    if not catalogue.is_open(product, now):
        return nothing
    depth = await reader.depth(product.id, zone, LEVELS)
    sells, buys = (
        [(Decimal(one["price"]), whole(Decimal(one["quantity"]), product.lot)) for one in depth[side]]
        for side in ("sells", "buys")
    )
    return Curves(steps_of(sells, rising=True), steps_of(buys, rising=False)), []


def _traded(facts: Facts) -> tuple[int | None, int | None]:
    """Lots sold and bought; a volume is told as a whole or not at all."""
    if facts.volume is None:
        return None, None
    return facts.volume["sold_wh"], facts.volume["bought_wh"]
