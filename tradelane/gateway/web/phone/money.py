"""Money: what stands at the e-hub, what is reserved of it, and every receipt, to print and take along."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from tradelane.gateway.overview import Amount
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.home import NO_STORE
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.words import Words, words
from tradelane.market.units import iso

SHOWN = 100
"""Receipts on the page; the file has them all."""
COLUMNS = ("receipt", "at", "trade", "gross", "charges", "net", "currency", "hash")
FORMULAS = ("=", "+", "-", "@")
Locale = Annotated[str, Depends(locale_of)]
Json = dict[str, Any]


def money_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/me/money", include_in_schema=False)
    async def money(request: Request, locale: Locale) -> Response:
        session = await guard.session(request)
        member = household.member(session.subject)
        found = await household.zone.money(member.id)
        view, _ = await household.zone.view(member.id)
        rows = [] if found is None else [summed(found.state, one) for one in found.receipts]
        html = templates.render(
            "phone/money.html",
            locale,
            "/me/money",
            money=None if found is None else found.state,
            receipts=rows[:SHOWN],
            today=today(rows, iso(household.clock.now())[:10]),
            rates=rates(member.zone, view["zones"] if view else []),
        )
        return HTMLResponse(html, headers=NO_STORE)

    @router.get("/me/money/receipts.csv", include_in_schema=False)
    async def receipts(request: Request) -> Response:
        session = await guard.session(request)
        found = await household.zone.money(session.subject)
        if found is None:
            raise HTTPException(503, "the market does not answer now")
        rows = [summed(found.state, one) for one in found.receipts]
        named = {"Content-Disposition": 'attachment; filename="receipts.csv"'}
        return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=NO_STORE | named)

    @router.get("/me/money/{receipt}", include_in_schema=False)
    async def one_receipt(request: Request, receipt: str, locale: Locale) -> Response:
        session = await guard.session(request)
        found = await household.zone.money(session.subject)
        kept = [one for one in (found.receipts if found else []) if one["cursor"] == receipt]
        if found is None or not kept:
            raise HTTPException(404, "no such receipt of yours")
        html = templates.render(
            "phone/receipt.html",
            locale,
            f"/me/money/{receipt}",
            member=household.member(session.subject),
            receipt=summed(found.state, kept[0]),
            lines=kept[0]["lines"],
            kinds=kinds(words(locale)),
        )
        return HTMLResponse(html, headers=NO_STORE)

    return router


def summed(state: Json, receipt: Json) -> Json:
    """A receipt with its gross, all that came or went for what was traded; its charges; and its net."""
    lines = [(one["kind"], Decimal(one["amount"]["value"])) for one in receipt["lines"]]
    gross = sum((value for kind, value in lines if kind == "sale"), Decimal(0))
    net = Decimal(receipt["total"])
    told = {name: receipt[name] for name in ("receipt", "cursor", "at", "trade", "hash")}
    return told | {"gross": gross, "charges": net - gross, "net": net, "currency": state["currency"]}


def today(rows: Sequence[Json], day: str) -> Json | None:
    """Gross, charges and net of the receipts of a day such as ``2026-06-21``; None where there are none."""
    found = [row for row in rows if row["at"].startswith(day)]
    if not found:
        return None
    return {name: sum((row[name] for row in found), Decimal(0)) for name in ("gross", "charges", "net")}


def as_csv(rows: Sequence[Json]) -> bytes:
    """Amounts are exact; what a spreadsheet would take for a formula is marked as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return f"'{value}" if str(value).startswith(FORMULAS) else str(value)


def rates(own: str, zones: Sequence[Any]) -> list[tuple[Amount, Amount]]:
    """A kWh in one's own zone and in each that pays in another currency, as this interval was priced."""
    here = next((zone for zone in zones if zone["id"] == own and zone["price"] is not None), None)
    if here is None:
        return []
    return [
        (_per_kwh(here), _per_kwh(zone))
        for zone in zones
        if zone["currency"] != here["currency"] and zone["price"] is not None
    ]


def _per_kwh(zone: Any) -> Amount:
    return Amount(currency=zone["currency"], value=str(Decimal(zone["price"]) / 1000))


def kinds(words: Words) -> dict[str, str]:
    """A receipt's lines in a reader's words; a kind not listed is shown as it is."""
    say = words.gettext
    return {
        "sale": say("Sale"),
        "conversion": say("Exchange"),
        "tariff": say("Use of the lane"),
        "freight": say("Freight"),
        "duty": say("Duty"),
        "rent": say("Scarcity of the lane"),
        "rounding": say("Rounding"),
        "imbalance": say("Balancing energy"),
        "deposit": say("Deposit"),
    }
