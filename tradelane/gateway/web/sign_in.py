"""The way in: a code shown at the gateway becomes a session in a browser.

``POST /api/v1/pairings/<role>`` with the role's own secret makes a code; ``/pair`` or ``/desk/sign-in`` takes
it. Following the link shows one button: only pressing it uses the code, so that no preview of a link does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.web import sessions
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.language import locale_of, own_path
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Pairing, Role
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.problem import Problem

LONGEST_MINUTES = 24 * 60


class PairingMessage(BaseModel):
    """``subject``: the member's id or the operator's name; none: a person who becomes a member by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    minutes: Annotated[int, Field(ge=1, le=LONGEST_MINUTES)] = sessions.CODE_MS // MINUTE


@dataclass(frozen=True, slots=True)
class Door:
    """Where one comes in, and where one is then. ``known`` says whether a subject may come in by a code."""

    role: Role
    entrance: str
    inside: str
    known: Callable[[str | None], bool]
    welcome: Callable[[Request, str], Awaitable[Response]] | None = None
    """Answers to a code without a subject; it must use the code."""


async def first_link(file: RoleFile, door: Door, clock: Clock, subject: str) -> str | None:
    """A link with a code, for whoever starts a gateway at whose pages nobody is signed in; else None."""
    wall = clock.wall()
    if await file.read(lambda conn: sessions.anyone(conn, door.role, wall)):
        return None
    code = await file(lambda conn: sessions.make_code(conn, Pairing(door.role, subject), wall))
    return f"{door.entrance}?code={code}"


def sign_in_router(
    door: Door, guard: Guard, file: RoleFile, clock: Clock, templates: Templates, secret: str
) -> APIRouter:
    router = APIRouter()
    _add_pairings(router, door, file, clock, secret)

    @router.get(door.entrance, include_in_schema=False)
    async def entrance(
        locale: Annotated[str, Depends(locale_of)],
        code: Annotated[str, Query(max_length=40)] = "",
        back: Annotated[str, Query(max_length=2000)] = "",
    ) -> Response:
        return _page(templates, door, locale, code, back, wrong=False)

    @router.post(door.entrance, include_in_schema=False)
    async def enter(request: Request, locale: Annotated[str, Depends(locale_of)]) -> Response:
        fields = await guard.open_form(request)
        code, back = fields.get("code", "")[:40], fields.get("back", "")
        guard.allow_try()
        wall = clock.wall()
        found = await file.read(lambda conn: sessions.find_code(conn, door.role, code, wall))
        if found is not None and found.subject is None and door.welcome is not None:
            return await door.welcome(request, code)
        if found is None or found.subject is None or not door.known(found.subject):
            guard.note_wrong()
            return _page(templates, door, locale, code, back, wrong=True)
        if not await file(lambda conn: sessions.use_code(conn, code)):
            return _page(templates, door, locale, code, back, wrong=True)
        answer = RedirectResponse(own_path(back) if back else door.inside, 303)
        await guard.sign_in(request, found.subject, answer)
        return answer

    @router.post(f"{door.entrance}/out", include_in_schema=False)
    async def leave(request: Request) -> Response:
        await guard.form(request)
        answer = RedirectResponse(door.entrance, 303)
        await guard.sign_out(request, answer)
        return answer

    return router


def _add_pairings(router: APIRouter, door: Door, file: RoleFile, clock: Clock, secret: str) -> None:
    path = f"/api/v1/pairings/{door.role.value}"

    @router.post(path, status_code=201, dependencies=[Depends(Bearer(secret))])
    async def pair(message: PairingMessage) -> dict[str, Any]:
        """A code by which one browser signs in, once; to be shown only to whom it is for."""
        if not door.known(message.subject):
            raise Problem.field(404, "unknown-member", "subject", f"no {message.subject!r} here")
        wall, lasts = clock.wall(), message.minutes * MINUTE
        pairing = Pairing(door.role, message.subject)
        code = await file(lambda conn: sessions.make_code(conn, pairing, wall, lasts))
        return {"code": code, "path": f"{door.entrance}?code={code}", "expires_at": iso(wall + lasts)}


def _page(templates: Templates, door: Door, locale: str, code: str, back: str, *, wrong: bool) -> Response:
    html = templates.render(
        "sign_in.html",
        locale,
        door.entrance,
        door=door,
        code=code,
        back=own_path(back) if back else "",
        wrong=wrong,
    )
    return HTMLResponse(html, 403 if wrong else 200, headers={"Cache-Control": "no-store"})
