"""What shows that a clearing is right: its certificate, its files, and where it stands in the journal.

Always true: what is said here of the files was found by ``tradelane verify``'s own proof, now; the files name
nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, select

from tradelane.gateway import journal as log
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clearing_files import problems_of
from tradelane.gateway.file import RoleFile
from tradelane.gateway.reader import Reader
from tradelane.gateway.tables import flows, journal, prices
from tradelane.gateway.web.desk.product import HEADERS, known_product
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.market.product import Product
from tradelane.market.units import MILLI, iso, whole

Json = dict[str, Any]
CLEARINGS = "/api/v1/clearings"
Numbers = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the journal: its number, when it was written, its hash (hexadecimal)."""

    seq: int
    at: str
    hash: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the zone published of a clearing, and its place in the journal, whose newest entry is ``head``."""

    prices: Numbers
    flows: Numbers
    entry: Entry
    head: Entry


def proof_router(file: RoleFile, catalogue: Catalogue, reader: Reader, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/desk/proof/{clearing:path}", include_in_schema=False)
    async def page(request: Request, clearing: str, locale: Annotated[str, Depends(locale_of)]) -> Response:
        product = known_product(catalogue, clearing)
        case, result = await reader.clearing_files(clearing)
        problems = await asyncio.to_thread(problems_of, case, result)
        told = await file.read(lambda conn: published(conn, product.id))
        assert product.delivery is not None
        html = templates.render(
            "desk/proof.html",
            locale,
            f"/desk/proof/{clearing}",
            product=product,
            delivery=iso(product.delivery.start),
            result=result,
            numeraire=case["numeraire"],
            orders=len(case["orders"]),
            problems=problems,
            agrees=agrees(result, product, told),
            told=told,
            files=f"{CLEARINGS}/{clearing}",
            commands=commands(str(request.base_url).rstrip("/"), clearing),
        )
        return HTMLResponse(html, headers=HEADERS)

    return router


def commands(host: str, clearing: str) -> str:
    """What proves a clearing on anyone's machine, a line each."""
    names = ("case", "result")
    fetched = [f"curl -o {name}.json {host}{CLEARINGS}/{clearing}/{name}" for name in names]
    return "\n".join([*fetched, "tradelane verify case.json result.json"])


def published(conn: Connection, product: str) -> Told:
    """A clearing as it stands in the zone's file: prices in milliticks, without those that were not told;
    flows in lots."""
    p, f = prices.c, flows.c
    rows = conn.execute(select(p.zone, p.price, p.low, p.high, p.seq).where(p.product == product)).all()
    sent = conn.execute(select(f.lane, f.sent, f.received).where(f.product == product))
    return Told(
        {row.zone: (row.price, row.low, row.high) for row in rows if row.price is not None},
        {row.lane: (row.sent, row.received) for row in sent},
        _entry(conn, rows[0].seq),
        _entry(conn, log.head(conn).seq),
    )


def agrees(result: Mapping[str, Any], product: Product, told: Told) -> bool:
    """Whether a result says what was published: it is made anew of the orders and today's configuration."""
    step = product.tick / MILLI
    made = _numbers(result["prices"], "zone", ("price", "low", "high"), step)
    moved = _numbers(result["flows"], "lane", ("sent", "received"), product.lot)
    return told.flows == moved and all(made.get(zone) == price for zone, price in told.prices.items())


def _numbers(rows: Iterable[Json], name: str, columns: Iterable[str], step: Decimal) -> Numbers:
    return {row[name]: tuple(whole(Decimal(row[column]), step) for column in columns) for row in rows}


def _entry(conn: Connection, seq: int) -> Entry:
    row = conn.execute(select(journal.c.at, journal.c.hash).where(journal.c.seq == seq)).one()
    return Entry(seq, iso(row.at), row.hash.hex())
