"""Home: what the roof does now, what it has earned, what the next intervals cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tradelane.gateway import counter_events, forecasts
from tradelane.gateway.overview import OwnView
from tradelane.gateway.sections import Member
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.live import server_events
from tradelane.gateway.web.phone.home_picture import home_picture
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.now import FRESH_MS, sentence
from tradelane.gateway.web.phone.price_strip import AHEAD_MS, BEHIND_MS, price_strip
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.market.units import iso
from tradelane.meter.forecast_score import Score

RECEIPTS = 5
"""The newest trades shown."""
Locale = Annotated[str, Depends(locale_of)]
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the owner is told of its meter's last days; ``silent_ms`` since it spoke, where too long."""

    events: str | None
    score: Score | None
    silent_ms: int | None


def home_router(household: Household, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/me", include_in_schema=False)
    async def home(
        request: Request,
        locale: Locale,
        fragment: bool = False,
        shown_in: Annotated[str, Query(alias="in", pattern="^(money|energy)$")] = "money",
    ) -> Response:
        session = await guard.session(request)
        html = await _home(household, templates, session, locale, fragment, shown_in)
        return HTMLResponse(html, headers=NO_STORE)

    @router.get(
        "/me/events",
        response_class=EventSourceResponse,
        include_in_schema=False,
        dependencies=[Depends(guard.session)],
    )
    async def events(
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        async for event in server_events(household.live, last_event_id):
            yield event

    return router


async def _home(
    household: Household, templates: Templates, session: Session, locale: str, fragment: bool, shown_in: str
) -> str:
    member, now = household.member(session.subject), household.clock.now()
    view, fresh = await household.zone.view(member.id)
    last = household.last_interval(member)
    rows = await household.zone.prices(member.zone, now - BEHIND_MS, now + AHEAD_MS)
    return templates.render(
        "phone/home_main.html" if fragment else "phone/home.html",
        locale,
        "/me" if shown_in == "money" else f"/me?in={shown_in}",
        session=session,
        member=member,
        market=view,
        fresh=fresh,
        at=iso(now),
        shown_in=shown_in,
        picture=None if last is None else home_picture(last),
        strip=price_strip(rows, member.least_price, now) if rows else None,
        upkeep=await _upkeep(household, member),
        price=price_of(member, view),
        currency=currency_of(member, view),
        receipts=[trade for trade in view["own_trades"] if trade["side"] == "sell"][:RECEIPTS]
        if view
        else [],
        now=sentence(household, member, view, Formats(locale)),
    )


async def _upkeep(household: Household, member: Member) -> Upkeep:
    meter, age = member.meter, household.age_ms(member)
    if meter is None:
        return Upkeep(None, None, None)
    told, score = await household.file.read(
        lambda conn: (counter_events.recent(conn).get(meter), forecasts.recent_score(conn, meter))
    )
    return Upkeep(told, score, age if age is not None and age > FRESH_MS else None)


def price_of(member: Member, market: OwnView | None) -> Decimal | None:
    """The price of the member's zone, per kWh."""
    zones = market["zones"] if market else []
    price = next((zone["price"] for zone in zones if zone["id"] == member.zone), None)
    return None if price is None else Decimal(price) / 1000


def currency_of(member: Member, market: OwnView | None) -> str:
    """Of the member's zone; nothing while the zone has never answered."""
    zones = market["zones"] if market else []
    return next((zone["currency"] for zone in zones if zone["id"] == member.zone), "")
