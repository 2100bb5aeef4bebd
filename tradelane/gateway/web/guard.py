"""Who may see a page, and who may change something by it.

Always true: a page of a role is shown to its sessions only; a form takes effect only from this host's own
pages, with its session's token. Codes are tried a few times, not many.
"""

from __future__ import annotations

import hmac
from collections import deque
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import HTTPException, Request, Response

from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.web import sessions
from tradelane.gateway.web.sessions import Role, Session
from tradelane.market.units import MINUTE
from tradelane.settlement.problem import Problem

MOST_TRIES, TRIES_MS = 10, 10 * MINUTE
MOST_FIELDS = 200


class Guard:
    """The door of one role's pages; its sessions stand in the role's own file."""

    def __init__(self, file: RoleFile, role: Role, clock: Clock, entrance: str) -> None:
        """``entrance`` is the path where one signs in."""
        self._file = file
        self._role = role
        self._clock = clock
        self._entrance = entrance
        self._cookie = f"tradelane-{role.value}"
        self._failed: deque[int] = deque(maxlen=MOST_TRIES)

    async def session(self, request: Request) -> Session:
        """Who asks. Whoever is not signed in is shown the way in (303)."""
        found = await self.find(request)
        if found is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            where = f"{self._entrance}?back={quote(here, safe='')}"
            raise HTTPException(303, "sign in first", {"Location": where, "Cache-Control": "no-store"})
        return found

    async def find(self, request: Request) -> Session | None:
        token = request.cookies.get(self._cookie)
        if not token:
            return None
        wall = self._clock.wall()
        return await self._file.read(lambda conn: sessions.find_session(conn, self._role, token, wall))

    async def form(self, request: Request) -> tuple[Session, dict[str, str]]:
        """Who sent a form from our own page, and its fields. Raises Problem 403."""
        session = await self.session(request)
        fields = await self.open_form(request)
        if not hmac.compare_digest(fields.pop("token", ""), session.form_token):
            raise forbidden("this form is not of your session: open the page again")
        return session, fields

    async def open_form(self, request: Request) -> dict[str, str]:
        """The fields of a form that needs no session, such as the one by which one begins."""
        check_origin(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Problem(415, "wrong-content-type", "Not a form", "send application/x-www-form-urlencoded")
        try:
            text = (await request.body()).decode()
            found = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        except ValueError:
            raise Problem.field(422, "validation", "body", "not a form") from None
        return {name: values[-1] for name, values in found.items()}

    async def sign_in(self, request: Request, subject: str, answer: Response) -> None:
        """Begin a session; its token goes with ``answer``."""
        wall = self._clock.wall()
        token = await self._file(lambda conn: sessions.open_session(conn, self._role, subject, wall))
        self._set(request, answer, token, sessions.SESSION_MS // 1000)

    async def sign_out(self, request: Request, answer: Response) -> None:
        token = request.cookies.get(self._cookie)
        if token:
            await self._file(lambda conn: sessions.close_session(conn, token))
        self._set(request, answer, "", 0)

    def allow_try(self) -> None:
        """Before a code is looked up. Raises Problem 429 when too many were wrong lately."""
        since = self._clock.wall() - TRIES_MS
        if len(self._failed) == MOST_TRIES and self._failed[0] > since:
            raise Problem(429, "too-many-tries", "Too many wrong codes", "wait ten minutes")

    def note_wrong(self) -> None:
        self._failed.append(self._clock.wall())

    def _set(self, request: Request, answer: Response, token: str, seconds: int) -> None:
        secure = request.url.scheme == "https"
        answer.set_cookie(self._cookie, token, seconds, secure=secure, httponly=True, samesite="strict")


def check_origin(request: Request) -> None:
    """Only our own pages send us forms: browsers say where a form comes from. Raises Problem 403."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin"):
        raise forbidden("the form comes from another site")
    if origin is None or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise forbidden("the form does not say that it comes from this site")


def forbidden(detail: str) -> Problem:
    return Problem(403, "forbidden", "Not allowed", detail)
