"""The one page, its fragment for live updates, and the overview as JSON.

Always true: the templates are the only rendering; the script replaces ``<main>`` by the same HTML that a
browser without script gets. Jinja's autoescape is on for all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.formats import Formats
from tradelane.gateway.web.headline import headline
from tradelane.gateway.web.language import language_router, locale_of
from tradelane.gateway.web.live import Live, live_router, overview_json
from tradelane.gateway.web.picture import CARD_HEIGHT, CARD_WIDTH, draw, is_full
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.words import Words, words
from tradelane.market.units import instant

Locale = Annotated[str, Depends(locale_of)]


class Renderer:
    """An Overview → HTML."""

    def __init__(self, assets: Assets) -> None:
        self._templates = Templates(assets, is_full=is_full, card_width=CARD_WIDTH, card_height=CARD_HEIGHT)

    def page(self, overview: Overview, locale: str) -> str:
        """The whole document."""
        return self._render("market/page.html", overview, locale)

    def fragment(self, overview: Overview, locale: str) -> str:
        """The ``<main>`` element alone."""
        return self._render("market/main.html", overview, locale)

    def _render(self, name: str, overview: Overview, locale: str) -> str:
        return self._templates.render(
            name,
            locale,
            o=overview,
            picture=draw(overview["zones"], overview["lanes"]),
            headline=headline(overview, Formats(locale)),
            states=states(words(locale)),
            gate_ms=gate_in(overview),
            zones={zone["id"]: zone for zone in overview["zones"]},
        )


def states(words: Words) -> dict[str, str]:
    """A contract's states in a reader's words; a state not listed is shown as it is."""
    return {
        "agreed": words.gettext("agreed"),
        "funded": words.gettext("money reserved"),
        "metered": words.gettext("metered"),
        "shipped": words.gettext("on its way"),
        "accepted": words.gettext("accepted"),
        "released": words.gettext("paid"),
        "disputed": words.gettext("disputed"),
        "refunded": words.gettext("refunded"),
    }


def gate_in(overview: Overview) -> int:
    """Real milliseconds from the overview to its next gate closure, never below 0."""
    return max(0, round((instant(overview["next_gate"]) - instant(overview["now"])) / overview["speed"]))


def page_router(overview: Callable[[], Overview], live: Live) -> APIRouter:
    """``GET /``, ``/api/v1/overview``, ``/api/v1/events`` and the static files.

    ``overview`` is called on the event loop: it must not block.
    """
    assets = Assets()
    renderer = Renderer(assets)
    router = APIRouter()
    router.include_router(assets.router())
    router.include_router(live_router(live))
    router.include_router(language_router())

    @router.get("/", include_in_schema=False)
    async def page(
        locale: Locale,
        fragment: bool = False,
    ) -> Response:
        render = renderer.fragment if fragment else renderer.page
        html = render(overview(), locale)
        headers = {"Cache-Control": "no-store", "Content-Language": locale, "Vary": "Accept-Language, Cookie"}
        return HTMLResponse(html, headers=headers)

    @router.get("/api/v1/overview", responses={200: {"model": Overview}})
    async def overview_now() -> Response:
        return Response(
            overview_json(overview()),
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return router
