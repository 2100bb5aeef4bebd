"""Goods in three taps: what, how much and at what price, sent; the landed price abroad is shown before."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.phone.home import NO_STORE, currency_of
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.own_goods import Good, NotTaken, search
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.market.units import decimal, plain

Locale = Annotated[str, Depends(locale_of)]
Side = Literal["sell", "buy"]
Text = Annotated[str, Query(max_length=60)]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """What stands in the form; ``key`` makes a form that is sent twice one order."""

    price: str
    quantity: str
    key: str


def new_key() -> str:
    return secrets.token_hex(8)


def goods_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/me/goods", include_in_schema=False)
    async def listing(request: Request, locale: Locale, q: Text = "", side: Side = "sell") -> Response:
        session = await guard.session(request)
        goods = await household.goods.goods(locale)
        html = templates.render(
            "phone/goods.html",
            locale,
            f"/me/goods?side={side}&q={quote(q)}",
            member=household.member(session.subject),
            found=None if goods is None else search(q, goods, locale),
            side=side,
            asked=q,
        )
        return HTMLResponse(html, headers=NO_STORE)

    async def page(
        session: Session, locale: str, product: str, side: Side, tried: Offer | None, refusal: str | None
    ) -> HTMLResponse:
        member = household.member(session.subject)
        good = await _good(household, product, locale)
        view, _ = await household.zone.view(member.id)
        book = await household.goods.book(product, member.zone)
        shown = tried or suggested(
            good, side, book, _last_quantity(view, product), last_price(view, product, member.zone)
        )
        landed: list[Json] = []
        if shown.price and shown.quantity:
            try:
                landed = await household.goods.landed(product, member.zone, side, shown.price, shown.quantity)
            except NotTaken as error:
                refusal = refusal or str(error)
        html = templates.render(
            "phone/offer.html",
            locale,
            f"/me/goods/{product}?side={side}",
            session=session,
            member=member,
            good=good,
            side=side,
            shown=shown,
            book=book,
            landed=landed,
            currency=currency_of(member, view),
            total=total(shown),
            refusal=refusal,
        )
        return HTMLResponse(html, 200 if refusal is None else 422, headers=NO_STORE)

    @router.get("/me/goods/{product:path}", include_in_schema=False)
    async def offer(request: Request, product: str, locale: Locale, side: Side = "sell") -> Response:
        return await page(await guard.session(request), locale, product, side, None, None)

    @router.post("/me/goods/{product:path}", include_in_schema=False)
    async def send(request: Request, product: str, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        side: Side = "buy" if fields.get("side") == "buy" else "sell"
        told = (fields.get(name, "")[:60] for name in ("price", "quantity", "key"))
        price, amount, key = told
        body = {
            "product": product,
            "zone": household.member(session.subject).zone,
            "side": side,
            "price": _number(price),
            "quantity": _number(amount),
        }
        if fields.get("act") == "try":
            return await page(
                session, locale, product, side, Offer(body["price"], body["quantity"], key), None
            )
        try:
            taken = await household.goods.order(session.subject, key, body)
        except NotTaken as error:
            again = Offer(body["price"], body["quantity"], new_key() if error.sure else key)
            return await page(session, locale, product, side, again, str(error))
        return RedirectResponse(f"/me/orders/{taken['id']}?sent=1", 303)

    return router


async def _good(household: Household, product: str, locale: str) -> Good:
    goods = await household.goods.goods(locale)
    if goods is None:
        raise HTTPException(503, "the market does not answer now")
    found = next((good for good in goods if good.product == product), None)
    if found is None:
        raise HTTPException(404, "this is not traded here today")
    return found


def suggested(
    good: Good, side: Side, book: Json | None, last: str | None, traded: str | None = None
) -> Offer:
    """What would trade at once, else what others on this side ask, else what was last traded at; as much as
    last time, else one lot."""
    here, there = ("sells", "buys") if side == "sell" else ("buys", "sells")
    levels = [*(book or {}).get(there, ()), *(book or {}).get(here, ())]
    price = levels[0]["price"] if levels else traded or ""
    return Offer(price, last or good.lot, new_key())


def _last_quantity(view: Any, product: str) -> str | None:
    """Of the member's newest trade of these goods."""
    goods = product.partition("/")[0]
    trades = view["own_trades"] if view else []
    found = (one["quantity"] for one in trades if one["product"].partition("/")[0] == goods)
    return next(found, None)


def last_price(view: Any, product: str, zone: str) -> str | None:
    """At which these goods were last traded in ``zone``, by oneself or others, in its currency per unit,
    to a hundredth."""
    goods = product.partition("/")[0]
    for one in view["own_trades"] if view else []:
        if one["product"].partition("/")[0] == goods and Decimal(one["quantity"]):
            return _each(one["amount"], one["quantity"])
    for one in view["trades"] if view else []:
        ends = {one["seller_zone"]: one["seller_gets"], one["buyer_zone"]: one["buyer_pays"]}
        if one["product"] == product and zone in ends and Decimal(one["quantity"]):
            return _each(ends[zone], one["quantity"])
    return None


def _each(amount: Any, quantity: str) -> str:
    return plain((Decimal(amount["value"]) / Decimal(quantity)).quantize(Decimal("0.01")))


def total(offer: Offer) -> str | None:
    """Price times quantity, exactly; None for what is no number."""
    try:
        return plain(decimal(offer.price) * decimal(offer.quantity))
    except (ValueError, InvalidOperation):
        return None


def _number(text: str) -> str:
    """A comma is a point too; ``007`` and the like are the zone's to refuse."""
    cleaned = text.strip().replace(",", ".")
    try:
        return plain(Decimal(cleaned)) if Decimal(cleaned).is_finite() else cleaned
    except InvalidOperation:
        return cleaned
