"""RFC 9457 problem details: every refusal over HTTP names the fields at fault and changes nothing.

``type`` is ``urn:tradelane:problem:<code>``; clients go by it, people by ``title`` and ``detail``. No answer
ever carries a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

TYPE = "urn:tradelane:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"
_TEXT = {"type": "string"}
_FIELD = {"type": "object", "properties": {"field": _TEXT, "reason": _TEXT}, "required": ["field", "reason"]}
_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {"type": "array", "items": _FIELD},
    },
    "required": ["type", "title", "status", "detail", "errors"],
}
_ANSWER = {"description": "A problem, RFC 9457", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": _ANSWER, "5XX": _ANSWER}
"""What every route of an application may answer besides what it says itself, for its OpenAPI description."""
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request's body, unless an application says otherwise."""


class Problem(Exception):
    """A refusal on its way to the caller. ``errors`` are pairs of field path and reason."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail or title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @classmethod
    def field(cls, status: int, code: str, field: str, reason: str) -> Self:
        """One field at fault; the code in words is the title."""
        return cls(status, code, code.replace("-", " ").capitalize(), f"{field}: {reason}", [(field, reason)])

    def body(self) -> dict[str, Any]:
        errors = [{"field": field, "reason": reason} for field, reason in self.errors]
        return {
            "type": TYPE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errors": errors,
        }

    def json(self) -> str:
        return json.dumps(self.body(), ensure_ascii=False, separators=(",", ":"))

    def response(self) -> Response:
        return Response(self.json(), self.status, self.headers, MEDIA_TYPE)


class BodyLimit:
    """Refuses a request's body beyond ``largest`` bytes with 413, before it is all in memory."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._largest:
                raise HTTPException(413, f"a body has at most {self._largest} bytes")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


class PlainAddress:
    """Refuses an address with a NUL, which no database can look up, with 400."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            refusal = Problem.field(400, "validation", "url", "holds a character that nothing is named by")
            await refusal.response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def install(
    app: FastAPI, unavailable: tuple[type[Exception], ...] = (), largest_body: int = LARGEST_BODY
) -> None:
    """Answer every error of ``app`` as a problem; those of ``unavailable`` as 503, to be tried again."""
    app.add_middleware(BodyLimit, largest=largest_body)
    app.add_middleware(PlainAddress)
    handlers: dict[type[Exception], ExceptionHandler] = {
        Problem: _problem,
        RequestValidationError: _validation,
        HTTPException: _http,
        Exception: _internal,
        **dict.fromkeys(unavailable, _unavailable),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def unauthorised() -> Problem:
    """401: no bearer token, or not the right one."""
    return Problem(
        401,
        "unauthorised",
        "Not authorised",
        "send the header Authorization: Bearer <token>",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(item) for item in error.errors()]
    detail = "; ".join(f"{field}: {reason}" for field, reason in faults)
    return Problem(422, "validation", "The request is not valid", detail, faults).response()


def _fault(item: Mapping[str, Any]) -> tuple[str, str]:
    """Pydantic's location and message as a field path (``amount.value``) and a reason."""
    if item["type"] == "json_invalid":
        return "body", f"not JSON: {item['ctx']['error']}"
    where, *path = item["loc"]
    reason = str(item["msg"]).removeprefix("Value error, ")
    return ".".join(map(str, path)) or str(where), reason


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    code = title.lower().replace(" ", "-")
    return Problem(error.status_code, code, title, str(error.detail), headers=error.headers).response()


async def _unavailable(_request: Request, _error: Exception) -> Response:
    return Problem(
        503,
        "unavailable",
        "Not available now",
        "try again; the same idempotency key is safe",
        headers={"Retry-After": RETRY_AFTER_S},
    ).response()


async def _internal(_request: Request, _error: Exception) -> Response:
    return Problem(500, "internal", "Something went wrong here", "the error was logged").response()
