"""Buy power: cover what is used here below a limit, so much in each interval, from and until.

What is chosen is bid for before each gate; a bid that was sent stands until its gate closes.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.choices import NOTHING, NotChosen
from tradelane.gateway.schedule import POWER
from tradelane.gateway.sections import Buyer, Member
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.home import NO_STORE, currency_of
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.selling import KWH_PER_MWH, times_1000
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.market.units import instant, iso, plain

Locale = Annotated[str, Depends(locale_of)]


class Shown(NamedTuple):
    """What stands in the form: ``limit`` per kWh, ``quantity`` in kWh per interval, instants as a browser
    writes them, in UTC."""

    limit: str = ""
    quantity: str = ""
    since: str = ""
    until: str = ""


def buying_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
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
        orders = view["own_orders"] if view else []
        html = templates.render(
            "phone/buying.html",
            locale,
            "/me/buying",
            session=session,
            member=member,
            currency=currency_of(member, view),
            shown=tried or _standing(member),
            bids=[one for one in orders if one["side"] == "buy" and one["product"].startswith(POWER)],
            done=done,
            refusal=refusal,
        )
        return HTMLResponse(html, 200 if refusal is None else 422, headers=NO_STORE)

    @router.get("/me/buying", include_in_schema=False)
    async def buying(request: Request, locale: Locale, done: bool = False) -> Response:
        return await page(await guard.session(request), locale, done=done)

    @router.post("/me/buying", include_in_schema=False)
    async def save(request: Request, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        shown = Shown(*(fields.get(name, "").strip()[:40] for name in Shown._fields))
        try:
            wish = _wish(household.member(session.subject), shown) if fields.get("buys") == "on" else NOTHING
            await household.choose(session.subject, [("buys", wish)])
        except NotChosen as refusal:
            return await page(session, locale, shown, str(refusal))
        return RedirectResponse("/me/buying?done=1", 303)

    return router


def _wish(member: Member, shown: Shown) -> str:
    """The form as a choice. A household goes on to buy no more than it uses. Raises NotChosen."""
    kind = (
        "household" if member.meter and (member.buys is None or member.buys.kind == "household") else "steady"
    )
    limit, wh = times_1000("limit", shown.limit), int(times_1000("quantity", shown.quantity))
    spans = (("since", shown.since), ("until", shown.until))
    said = {name: _instant(name, text) for name, text in spans if text}
    if len(said) == len(spans) and said["since"] >= said["until"]:
        raise NotChosen("until: is not after from")
    kept = {"origins": list(member.buys.origins)} if member.buys and member.buys.origins else {}
    return json.dumps({"kind": kind, "max_price": plain(limit), "max_wh": wh} | said | kept)


def _instant(name: str, text: str) -> str:
    try:
        return iso(instant(text if text.endswith("Z") else f"{text}Z"))
    except ValueError as error:
        raise NotChosen(f"{name}: {error}") from None


def _standing(member: Member) -> Shown:
    buyer: Buyer | None = member.buys
    if buyer is None or buyer.max_price is None or buyer.max_wh is None:
        return Shown()
    since, until = ("" if at is None else iso(at).removesuffix("Z")[:16] for at in (buyer.since, buyer.until))
    return Shown(plain(buyer.max_price / KWH_PER_MWH), plain(Decimal(buyer.max_wh) / 1000), since, until)
