"""The page of actions, for the operator alone; everyone else is shown the door."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of
from tradelane.gateway.web.rendering import Templates

Locale = Annotated[str, Depends(locale_of)]


def operate_router(guard: Guard, templates: Templates) -> APIRouter:
    router = APIRouter()

    @router.get("/desk/operate", include_in_schema=False)
    async def operate(request: Request, locale: Locale) -> Response:
        session = await guard.session(request)
        html = templates.render("desk/operate.html", locale, "/desk/operate", session=session)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    return router
