"""Sell my surplus: whether, from what price on, what is kept, to whom first; what that would have earned."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.choices import NOTHING, Key, NotChosen
from tradelane.gateway.sections import Member
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.home import NO_STORE, currency_of
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.what_if import WhatIf, what_if
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.market.units import Interval, decimal, instant, plain

DAY = 24 * 3_600_000
KWH_PER_MWH = 1000
Locale = Annotated[str, Depends(locale_of)]
Text = Annotated[str, Query(max_length=20)]


class Shown(NamedTuple):
    """What stands in the form: ``price`` per kWh, ``keep`` in kWh per interval."""

    price: str
    keep: str


def selling_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    async def page(
        session: Session,
        locale: str,
        tried: Shown | None = None,
        refusal: str | None = None,
        done: bool = False,
    ) -> HTMLResponse:
        member = household.member(session.subject)
        view, _ = await household.zone.view(member.id)
        shown = tried or _standing(household, member)
        html = templates.render(
            "phone/selling.html",
            locale,
            "/me/selling",
            session=session,
            member=member,
            currency=currency_of(member, view),
            feed_in=None if member.feed_in is None else member.feed_in / KWH_PER_MWH,
            shown=shown,
            what_if=await _yesterday(household, member, shown) if refusal is None else None,
            done=done,
            refusal=refusal,
        )
        return HTMLResponse(html, 200 if refusal is None else 422, headers=NO_STORE)

    @router.get("/me/selling", include_in_schema=False)
    async def selling(
        request: Request,
        locale: Locale,
        price: Text | None = None,
        keep: Text | None = None,
        done: bool = False,
    ) -> Response:
        session = await guard.session(request)
        tried = None if price is None else Shown(price, keep or "0")
        try:
            return await page(session, locale, tried, done=done)
        except NotChosen as refusal:
            return await page(session, locale, tried, str(refusal))

    @router.post("/me/selling", include_in_schema=False)
    async def save(request: Request, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        try:
            await household.choose(session.subject, _chosen(fields))
        except NotChosen as refusal:
            shown = Shown(fields.get("min_price", "")[:20], fields.get("keep", "")[:20])
            return await page(session, locale, shown, str(refusal))
        return RedirectResponse("/me/selling?done=1", 303)

    return router


def _chosen(fields: dict[str, str]) -> list[tuple[Key, str]]:
    """A form's fields as choices, all of them read before one is made. Raises NotChosen."""
    found: list[tuple[Key, str]] = [
        ("min_price", plain(times_1000("min_price", fields.get("min_price", ""))))
    ]
    if "keep" in fields:
        found.append(("keep_wh", str(int(times_1000("keep", fields["keep"])))))
    if "first" in fields:
        found.append(("first", fields["first"]))
    if "partners" in fields:
        names = fields["partners"].replace(",", " ").split()
        found.append(("partners", " ".join(names) or NOTHING))
    switches: tuple[Key, ...] = ("below_zero", "sells")
    for name in switches:
        found.append((name, "true" if fields.get(name) == "on" else "false"))
    return found


def times_1000(name: str, text: str) -> Decimal:
    """Per kWh → per MWh, kWh → Wh; a comma is a point too. Raises NotChosen."""
    try:
        return decimal(text.strip().replace(",", ".")) * KWH_PER_MWH
    except (ValueError, InvalidOperation) as error:
        raise NotChosen(f"{name}: {error}") from None


def _standing(household: Household, member: Member) -> Shown:
    """What holds; before anyone has said a least price, what the surplus earns elsewhere."""
    said = member.min_price or household.choices.has_chosen(member.id, "min_price")
    price = member.min_price if said or member.feed_in is None else member.feed_in
    return Shown(plain(price / KWH_PER_MWH), plain(Decimal(member.keep_wh) / KWH_PER_MWH))


async def _yesterday(household: Household, member: Member, shown: Shown) -> WhatIf | None:
    """None where nothing was metered or priced. Raises NotChosen."""
    least, keep = times_1000("price", shown.price), int(times_1000("keep", shown.keep))
    today = Interval.at(household.clock.now(), DAY).start
    exported = await household.exported(member, today - DAY, today)
    if not exported:
        return None
    rows = await household.zone.prices(member.zone, today - DAY, today)
    prices = {
        Interval(instant(row["interval_start"]), instant(row["interval_end"])): Decimal(row["price"])
        for row in rows
        if row["price"] is not None
    }
    found = what_if(exported, prices, least if member.below_zero else max(least, Decimal(0)), keep)
    return found if found.intervals else None
