"""The reader's own choice of a language, kept in a cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie, Header, Query, Request, Response
from fastapi.responses import RedirectResponse

from tradelane.gateway.web.words import LOCALES, chosen_locale

COOKIE = "language"
YEAR_S = 365 * 24 * 3600


def locale_of(
    accept_language: Annotated[str | None, Header()] = None,
    language: Annotated[str | None, Cookie()] = None,
) -> str:
    """A dependency: the language of a request."""
    return chosen_locale(accept_language, language)


def language_router() -> APIRouter:
    """``GET /language?to=de&back=/``: needs no script and changes nothing but the reader's own view."""
    router = APIRouter()

    @router.get("/language", include_in_schema=False)
    async def language(
        request: Request,
        to: Annotated[str, Query(max_length=12)],
        back: Annotated[str, Query(max_length=2000)] = "/",
    ) -> Response:
        answer = RedirectResponse(own_path(back), 303)
        if to in LOCALES:
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, to, YEAR_S, secure=secure, httponly=True, samesite="lax")
        return answer

    return router


def own_path(text: str) -> str:
    """``text`` if it is a path on this host, else ``/``: no link of ours leads anywhere else."""
    plain = text.isprintable() and text.isascii() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
