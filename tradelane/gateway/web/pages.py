"""The one page, its fragment for live updates, and the overview as JSON.

Always true: the templates are the only rendering; the script replaces ``<main>`` by the same HTML that a
browser without script gets. Jinja's autoescape is on for all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tradelane.gateway.overview import Overview
from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.formats import Formats, chosen_locale
from tradelane.gateway.web.headline import headline
from tradelane.gateway.web.live import Live, live_router, overview_json
from tradelane.gateway.web.picture import CARD_HEIGHT, CARD_WIDTH, draw, is_full
from tradelane.market.units import instant

TEMPLATES = Path(__file__).parent / "templates"
STATES = {
    "agreed": "agreed",
    "funded": "money reserved",
    "metered": "metered",
    "shipped": "on its way",
    "accepted": "accepted",
    "released": "paid",
    "disputed": "disputed",
    "refunded": "refunded",
}
"""A contract's state in a reader's words; a state not listed is shown as it is."""

MemberId = Annotated[str | None, Query(max_length=200, description="Whose day to show")]


class Renderer:
    """An Overview → HTML."""

    def __init__(self, assets: Assets) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            asset=assets.url, card_width=CARD_WIDTH, card_height=CARD_HEIGHT, is_full=is_full, states=STATES
        )

    def page(self, overview: Overview, asked: str | None, locale: str) -> str:
        """The whole document; ``asked`` is the member id of the request."""
        return self._render("page.html", overview, asked, locale)

    def fragment(self, overview: Overview, asked: str | None, locale: str) -> str:
        """The ``<main>`` element alone."""
        return self._render("main.html", overview, asked, locale)

    def _render(self, name: str, overview: Overview, asked: str | None, locale: str) -> str:
        formats = Formats(locale)
        return self._templates.get_template(name).render(
            o=overview,
            f=formats,
            picture=draw(overview),
            headline=headline(overview, formats),
            gate_ms=gate_in(overview),
            zones={zone["id"]: zone for zone in overview["zones"]},
            asked=asked or "",
            locale=locale,
        )


def gate_in(overview: Overview) -> int:
    """Real milliseconds from the overview to its next gate closure, never below 0."""
    return max(0, round((instant(overview["next_gate"]) - instant(overview["now"])) / overview["speed"]))


def page_router(overview: Callable[[str | None], Overview], live: Live) -> APIRouter:
    """``GET /``, ``/api/v1/overview``, ``/api/v1/events`` and the static files.

    ``overview`` gets a member id, or None, and is called on the event loop: it must not block. For an
    unknown member it answers with ``member`` None.
    """
    assets = Assets()
    renderer = Renderer(assets)
    router = APIRouter()
    router.include_router(assets.router())
    router.include_router(live_router(live))

    @router.get("/", include_in_schema=False)
    async def page(
        member: MemberId = None,
        fragment: bool = False,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        locale = chosen_locale(accept_language)
        render = renderer.fragment if fragment else renderer.page
        html = render(overview(member or None), member, locale)
        headers = {"Cache-Control": "no-store", "Content-Language": locale, "Vary": "Accept-Language"}
        return HTMLResponse(html, headers=headers)

    @router.get("/api/v1/overview", responses={200: {"model": Overview}})
    async def overview_now(member: MemberId = None) -> Response:
        return Response(
            overview_json(overview(member or None)),
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return router
