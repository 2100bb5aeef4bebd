"""Asking an e-hub patiently: what every client of one shares.

A command is tried again after connection errors, time-outs, 5xx and 409 "in progress", always under the
same key, so it takes effect once however often it is sent. What the hub refuses for good is HubRefused.
When HubUnreachable is raised the command may or may not have taken effect: repeat it under the same key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    import httpx2

M = TypeVar("M", bound=BaseModel)
PREFIX = "/api/v1"
IN_PROGRESS = "idempotency-in-progress"
Query = Mapping[str, str | int | None]


class Command(Protocol):
    """A command of a topic's client, sent by the client it is part of."""

    def __call__(self, path: str, key: str, question: BaseModel, shape: type[M]) -> Awaitable[M]: ...


class Ask(Protocol):
    """A question of a topic's client."""

    def __call__(self, path: str, shape: type[M], query: Query | None = None) -> Awaitable[M]: ...


class HubError(Exception):
    """Whatever went wrong between us and the e-hub."""


class HubRefused(HubError):
    """The hub's answer is no, and stays no: ``code`` says why, ``errors`` which fields."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"status {status}"))
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("type", "")).rpartition(":")[2]
        self.errors = [(str(e.get("field")), str(e.get("reason"))) for e in problem.get("errors", [])]


class HubUnreachable(HubError):
    """No usable answer after every attempt; a command may or may not have taken effect."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits ``first_s`` doubling up to ``cap_s`` seconds between at most ``attempts`` attempts; ``jitter``
    gives the share of each wait, 0 to 1."""

    attempts: int = 6
    first_s: float = 0.05
    cap_s: float = 2.0
    jitter: Callable[[], float] = lambda: 1.0

    def wait_s(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failure, counted from 0."""
        return min(self.cap_s, self.first_s * 2.0**attempt) * self.jitter()


class Asking:
    """To be derived from: commands and questions over one HTTP client."""

    def __init__(
        self, http: httpx2.AsyncClient, backoff: Backoff, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        import httpx2

        self._http, self._backoff, self._sleep = http, backoff, sleep
        self._failed = httpx2.TransportError

    async def close(self) -> None:
        await self._http.aclose()

    async def _command(self, path: str, key: str, question: BaseModel, shape: type[M]) -> M:
        body = question.model_dump_json().encode()
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return await self._patiently(shape, "POST", path, content=body, headers=headers)

    async def _ask(self, path: str, shape: type[M], query: Query | None = None) -> M:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return await self._patiently(shape, "GET", path, params=given)

    async def _patiently(self, shape: type[M], method: str, path: str, **request: Any) -> M:
        fault = ""
        for attempt in range(self._backoff.attempts):
            if attempt:
                await self._sleep(self._backoff.wait_s(attempt - 1))
            try:
                answer = await self._http.request(method, PREFIX + path, **request)
            except self._failed as error:
                fault = f"{type(error).__name__}: {error}"
                continue
            if answer.is_success:
                return _read(shape, answer.content)
            refused = HubRefused(answer.status_code, _problem(answer))
            if answer.status_code < 500 and refused.code != IN_PROGRESS:
                raise refused
            fault = f"status {answer.status_code}: {refused}"
        raise HubUnreachable(f"{method} {path}: {fault}")


def _read(shape: type[M], content: bytes) -> M:
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise HubUnreachable(f"the hub's answer is not a {shape.__name__}: {error}") from error


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
