"""Disputed trades, for the operator alone: what is wrong with each, and how much of it is paid for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tradelane.gateway.disputes import Decision, Disputes
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Session
from tradelane.settlement.problem import Problem

Locale = Annotated[str, Depends(locale_of)]
HERE = "/desk/operate/disputes"


def disputes_router(disputes: Disputes, guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    async def page(
        session: Session, locale: str, refusal: Problem | None = None, done: bool = False
    ) -> Response:
        found = await disputes.open()
        html = templates.render(
            "desk/disputes.html",
            locale,
            HERE,
            session=session,
            items=found["items"],
            done=done,
            refusal=None if refusal is None else refusal.detail,
        )
        status = 200 if refusal is None else refusal.status
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    @router.get(HERE, include_in_schema=False)
    async def waiting(request: Request, locale: Locale, done: bool = False) -> Response:
        return await page(await guard.session(request), locale, done=done)

    @router.post(HERE, include_in_schema=False)
    async def decide(request: Request, locale: Locale) -> Response:
        session, fields = await guard.form(request)
        quantity = fields.get("quantity", "").strip().replace(",", ".")[:40]
        try:
            await disputes.decide(fields.get("trade", ""), Decision(quantity=quantity, by=session.subject))
        except Problem as refusal:
            return await page(session, locale, refusal)
        return RedirectResponse(f"{HERE}?done=1", 303)

    return router
