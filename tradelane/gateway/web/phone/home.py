"""Home: what the roof does now, what it has earned, and the one switch."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.choices import NotChosen
from tradelane.gateway.overview import OwnView
from tradelane.gateway.sections import Member
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.market.units import plain

FRESH_MS = 5 * 60_000
"""A reading older than this says nothing about now."""
Locale = Annotated[str, Depends(locale_of)]
NO_STORE = {"Cache-Control": "no-store"}


def home_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    async def shown(
        session: Session, locale: str, fragment: bool, refusal: str | None = None
    ) -> HTMLResponse:
        member = household.member(session.subject)
        market = await household.market(member.id)
        html = templates.render(
            "phone/home_main.html" if fragment else "phone/home.html",
            locale,
            "/me",
            session=session,
            member=member,
            market=market,
            price=price_of(member, market),
            currency=currency_of(member, market),
            min_price=plain(member.min_price),
            now=sentence(household, member, Formats(locale)),
            refusal=refusal,
        )
        return HTMLResponse(html, 200 if refusal is None else 422, headers=NO_STORE)

    @router.get("/me", include_in_schema=False)
    async def home(request: Request, locale: Locale, fragment: bool = False) -> Response:
        return await shown(await guard.session(request), locale, fragment)

    @router.post("/me/selling", include_in_schema=False)
    async def selling(request: Request, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        try:
            await household.choose(session.subject, "min_price", fields.get("min_price", "").strip())
            sells = "true" if fields.get("sells") == "on" else "false"
            await household.choose(session.subject, "sells", sells)
        except NotChosen as refusal:
            return await shown(session, locale, False, str(refusal))
        return RedirectResponse("/me", 303)

    return router


def sentence(household: Household, member: Member, formats: Formats) -> str:
    """What happens at this connection now, in one sentence."""
    say, power, age = formats.words.gettext, household.power_w(member), household.age_ms(member)
    if member.meter is None:
        return say("No meter: you trade goods here.")
    if power is None or age is None or age > FRESH_MS:
        return say("The meter is silent.")
    watts = formats.power(abs(power))
    if power < 0:
        return say("Sending %(power)s to the grid.", power=watts)
    return say("Using %(power)s from the grid.", power=watts)


def price_of(member: Member, market: OwnView | None) -> str | None:
    """The price of the member's zone, decimal text per MWh."""
    zones = market["zones"] if market else []
    return next((zone["price"] for zone in zones if zone["id"] == member.zone), None)


def currency_of(member: Member, market: OwnView | None) -> str:
    """Of the member's zone; nothing while the zone does not answer."""
    zones = market["zones"] if market else []
    return next((zone["currency"] for zone in zones if zone["id"] == member.zone), "")
