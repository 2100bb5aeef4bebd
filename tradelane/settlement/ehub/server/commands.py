"""One effect for each idempotency key.

Always true: a command's effect and its answer are stored in one transaction; a key that has an answer gets
that answer again, refusals too, and has no second effect. Requests refused before they are commands (not
authorised, no key, not valid) store nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, bindparam, insert, select

from tradelane.settlement.ehub.server.tables import idempotency
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.problem import MEDIA_TYPE, Problem

KEY = "Idempotency-Key"
LONGEST_KEY = 200
Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Command:
    """Who asks for what once: the key, the request's hash, and the market time (ms) it is judged at."""

    key: str
    request: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and its JSON text; ``replayed`` when it was given before."""

    status: int
    text: str
    replayed: bool = False

    @classmethod
    def of(cls, status: int, body: BaseModel) -> Answer:
        return cls(status, body.model_dump_json())

    def response(self) -> Response:
        media = "application/json" if self.status < 400 else MEDIA_TYPE
        headers = {"Idempotent-Replayed": "true"} if self.replayed else None
        return Response(self.text, self.status, headers, media)


Result = Answer | Problem
"""What becomes of one of many commands."""


def once(conn: Connection, command: Command, effect: Callable[[Connection], Answer]) -> Answer:
    """The answer stored under the command's key, or that of ``effect``, stored with it.

    Raises Problem 422 when the key was used for another request. A Problem raised by ``effect`` takes the
    effect back and is itself the answer.
    """
    known = conn.execute(_KNOWN, {"key": command.key}).one_or_none()
    if known is not None:
        first = again(known, command)
        if isinstance(first, Problem):
            raise first
        return first
    answer = _attempt(conn, effect)
    conn.execute(
        _STORE,
        {
            "key": command.key,
            "request": command.request,
            "status": answer.status,
            "answer": answer.text,
            "at": command.at,
        },
    )
    return answer


def again(row: Any, command: Command) -> Result:
    """What a row of ``idempotency`` answers to the command with its key."""
    if row.request != command.request:
        return _reused()
    return Answer(row.status, row.answer, replayed=True)


def _attempt(conn: Connection, effect: Callable[[Connection], Answer]) -> Answer:
    try:
        with conn.begin_nested():
            return effect(conn)
    except Problem as problem:
        return Answer(problem.status, problem.json())


class Commands:
    """The way in for every POST. One key is worked on once at a time; a second asker is told to wait."""

    def __init__(self, transact: Transact, now: Callable[[], int]) -> None:
        self._transact = transact
        self._now = now
        self._in_progress: set[str] = set()

    async def run(
        self, request: Request, key: str, question: Q, effect: Callable[[Connection, Command, Q], Answer]
    ) -> Response:
        """Answer one request; Problem 409 while another with the same key is being worked on."""

        async def work(command: Command) -> Answer:
            return await self._transact(
                lambda conn: once(conn, command, lambda inner: effect(inner, command, question))
            )

        return await self.answered(request, key, question, work)

    async def answered(
        self, request: Request, key: str, question: BaseModel, work: Callable[[Command], Awaitable[Answer]]
    ) -> Response:
        """What ``work`` answers to the command this request is; the same Problem."""
        if key in self._in_progress:
            raise _in_progress()
        command = Command(key, request_hash(request.method, request.url.path, question), self._now())
        self._in_progress.add(key)
        try:
            return (await work(command)).response()
        finally:
            self._in_progress.discard(key)


def request_hash(method: str, path: str, question: BaseModel) -> bytes:
    """SHA-256 of the request by meaning: spacing, order of fields and trailing zeros do not count."""
    return hashlib.sha256(f"{method} {path}\n{question.model_dump_json()}".encode()).digest()


async def idempotency_key(key: Annotated[str | None, Header(alias=KEY)] = None) -> str:
    """The request's key; Problem 400 when there is none, or it is too long."""
    if not key or len(key) > LONGEST_KEY:
        reason = f"every POST carries a key of 1 to {LONGEST_KEY} characters"
        raise Problem.field(400, "idempotency-key-missing", KEY, reason)
    return key


def _reused() -> Problem:
    return Problem.field(422, "idempotency-key-reused", KEY, "this key was used for another request")


def _in_progress() -> Problem:
    return Problem(
        409,
        "idempotency-in-progress",
        "Still being worked on",
        "a request with this key is being worked on; ask again with the same key",
        [(KEY, "in progress")],
        {"Retry-After": "1"},
    )


_KNOWN = select(idempotency.c.request, idempotency.c.status, idempotency.c.answer).where(
    idempotency.c.key == bindparam("key")
)
_STORE = insert(idempotency)
