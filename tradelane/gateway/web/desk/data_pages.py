"""The open tables as pages: filtered, paged by key, and out as files."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.data_api import SEPARATOR, instant_of, key_of, table_named
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_data import Selection
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.words import Words, words
from tradelane.settlement.publication import KINDS

ROWS = 100
HIDDEN = {"product", "interval_end"}
"""Columns of the files that a page shows otherwise."""


def data_pages_router(file: RoleFile, catalogue: Catalogue, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/desk/data/{table}", include_in_schema=False)
    async def page(
        table: str,
        locale: Annotated[str, Depends(locale_of)],
        since: Annotated[str, Query(alias="from", max_length=40)] = "",
        until: Annotated[str, Query(alias="to", max_length=40)] = "",
        place: Annotated[str, Query(max_length=64)] = "",
        after: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        chosen = table_named(table)
        asked = Selection(
            instant_of(since or None, "from"),
            instant_of(until or None, "to"),
            place or None,
            key_of(after or None),
            ROWS,
        )
        rows = await file.read(lambda conn: list(chosen.rows(conn, catalogue, asked)))
        kept = {name: value for name, value in (("from", since), ("to", until), ("place", place)) if value}
        more = kept | {"after": SEPARATOR.join(chosen.key(rows[-1]))} if len(rows) == ROWS else None
        html = templates.render(
            "desk/data.html",
            locale,
            f"/desk/data/{table}" + (f"?{urlencode(kept)}" if kept else ""),
            table=chosen,
            titles=titles(words(locale)),
            columns=[name for name in chosen.columns if name not in HIDDEN],
            heads=heads(words(locale)),
            rows=rows,
            asked={"from": since, "to": until, "place": place},
            places=places(catalogue, chosen.place),
            query=urlencode(kept),
            published=table in KINDS and catalogue.section.eic is not None,
            next=None if more is None else urlencode(more),
        )
        return HTMLResponse(html, headers={"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})

    return router


def places(catalogue: Catalogue, kind: str) -> list[str]:
    """What a table can be narrowed to."""
    if kind == "zone":
        return list(catalogue.zones)
    return [lane.id for lane in catalogue.power_lanes()]


def titles(words: Words) -> dict[str, str]:
    """The tables' names in a reader's words."""
    say = words.gettext
    return {
        "prices": say("Prices"),
        "volumes": say("Volumes"),
        "flows": say("Flows"),
        "capacities": say("Capacities"),
        "goods": say("Goods"),
    }


def heads(words: Words) -> dict[str, str]:
    """The columns' names in a reader's words."""
    say = words.gettext
    return {
        "interval_start": say("Delivery from"),
        "day": say("Day"),
        "product": say("Product"),
        "zone": say("Zone"),
        "lane": say("Lane"),
        "source": say("From"),
        "target": say("To"),
        "price": say("Price per MWh"),
        "low": say("Lowest"),
        "high": say("Highest"),
        "currency": say("Currency"),
        "sold_wh": say("Sold"),
        "bought_wh": say("Bought"),
        "members": say("Members"),
        "sent_wh": say("Sent"),
        "received_wh": say("Received"),
        "capacity_wh": say("Capacity"),
        "used_ppm": say("Use"),
        "quantity": say("Quantity"),
        "unit": say("Unit"),
    }
