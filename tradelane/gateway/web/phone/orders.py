"""One's orders: what stands, what was traded, and each order's way until it is paid."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.goods import new_key
from tradelane.gateway.web.phone.home import NO_STORE, currency_of
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.own_goods import NotTaken, name_of
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.gateway.web.words import Words, words
from tradelane.market.units import iso

Locale = Annotated[str, Depends(locale_of)]
MOST_TEXT = 500
"""Characters of a message."""


def orders_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/me/orders", include_in_schema=False)
    async def listing(request: Request, locale: Locale, fragment: bool = False) -> Response:
        session = await guard.session(request)
        member = household.member(session.subject)
        view, _ = await household.zone.view(member.id)
        html = templates.render(
            "phone/orders_main.html" if fragment else "phone/orders.html",
            locale,
            "/me/orders",
            member=member,
            at=iso(household.clock.now()),
            orders=view["own_orders"] if view else None,
            trades=view["own_trades"] if view else [],
            currency=currency_of(member, view),
            states=states(words(locale)),
        )
        return HTMLResponse(html, headers=NO_STORE)

    async def page(
        session: Session, locale: str, order: str, refusal: str | None = None, sent: bool = False,
        fragment: bool = False,
    ) -> HTMLResponse:  # fmt: skip
        member = household.member(session.subject)
        try:
            story = await household.goods.story(member.id, order)
        except NotTaken as error:
            raise HTTPException(404 if error.sure else 503, str(error)) from error
        say = words(locale)
        html = templates.render(
            "phone/order_main.html" if fragment else "phone/order.html",
            locale,
            f"/me/orders/{order}",
            session=session,
            member=member,
            at=iso(household.clock.now()),
            order=story,
            goods=name_of(story["hs_code"] or "", locale) or story["product"].partition("/")[0],
            states=states(say),
            steps=steps(say),
            key=new_key(),
            sent=sent,
            refusal=refusal,
        )
        return HTMLResponse(html, 200 if refusal is None else 422, headers=NO_STORE)

    @router.get("/me/orders/{order}", include_in_schema=False)
    async def one(
        request: Request, order: str, locale: Locale, sent: bool = False, fragment: bool = False
    ) -> Response:
        return await page(await guard.session(request), locale, order, sent=sent, fragment=fragment)

    @router.post("/me/orders/{order}", include_in_schema=False)
    async def act(request: Request, order: str, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        try:
            await _do(household, session.subject, order, fields)
        except NotTaken as error:
            return await page(session, locale, order, str(error))
        return RedirectResponse(f"/me/orders/{order}", 303)

    return router


async def _do(household: Household, member: str, order: str, fields: dict[str, str]) -> None:
    """One of the page's four forms. Raises NotTaken."""
    told = {name: text.strip()[:MOST_TEXT] for name, text in fields.items()}
    act, key, trade = told.get("act"), told.get("key", ""), told.get("trade", "")
    text = told.get("text", "")
    if act == "cancel":
        await household.goods.cancel(member, order)
    elif act == "amend":
        price, quantity = (told.get(name, "").replace(",", ".") for name in ("price", "quantity"))
        await household.goods.amend(member, order, key, price, quantity)
    elif act == "say":
        await household.goods.say(member, order, trade, key, text)
    elif act == "dispute":
        await household.goods.dispute(member, order, trade, text)
    else:
        raise NotTaken("act: is none of cancel, amend, say, dispute", sure=True)


def states(words: Words) -> dict[str, str]:
    """Where an order or a trade stands, in a reader's words."""
    say = words.gettext
    return {
        "open": say("Waiting for a match"),
        "closed": say("Matched"),
        "cancelled": say("Cancelled"),
        "expired": say("Time is over"),
        "agreed": say("Matched"),
        "refused": say("Refused"),
        "funded": say("Money is reserved"),
        "metered": say("Metered"),
        "shipped": say("On its way"),
        "accepted": say("Delivered"),
        "disputed": say("Disputed"),
        "released": say("Paid"),
        "refunded": say("Money given back"),
    }


def steps(words: Words) -> dict[str, str]:
    """The way of a trade, in a reader's words."""
    say = words.gettext
    return {
        "matched": say("Matched"),
        "reserved": say("Money is reserved"),
        "declared": say("Declared to customs"),
        "inspected": say("Released by customs"),
        "metered": say("Metered"),
        "shipped": say("On its way"),
        "delivered": say("Delivered"),
        "paid": say("Paid"),
    }
