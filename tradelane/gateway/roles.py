"""What a role is, and the life of all roles of one process: started in order, stopped in reverse.

Always true: a role that has been started is stopped; a role whose ``run`` ends by an error, or at all, is a
failure of the whole process, so that whoever supervises it starts it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import structlog
from fastapi import APIRouter

LONGEST_STOP_S = 2.0
"""Seconds that cancelled roles are waited for."""

log = structlog.get_logger()


class Role(Protocol):
    """An edge, a zone or an e-hub. ``router`` is there from the start, its routes work after ``start``."""

    @property
    def router(self) -> APIRouter: ...

    async def start(self) -> None:
        """Open files, make what must exist. An error's text is shown to the operator as one line."""

    async def run(self) -> None:
        """Work until cancelled."""

    async def stop(self) -> None:
        """Close what ``start`` opened, also when it failed half way."""


@runtime_checkable
class Streaming(Protocol):
    """A role with endless answers (SSE). ``drain`` ends them all, at once and without waiting."""

    def drain(self) -> None: ...


class Roles:
    """The roles of this process by name, in the order in which they need each other."""

    def __init__(self, roles: Mapping[str, Role], failed: Callable[[], None] = lambda: None) -> None:
        self.failure: BaseException | None = None
        self.on_failure = failed
        self._roles = dict(roles)
        self._entered: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._draining = False

    @property
    def names(self) -> list[str]:
        return list(self._roles)

    @property
    def routers(self) -> list[APIRouter]:
        return [role.router for role in self._roles.values()]

    @property
    def healthy(self) -> bool:
        return bool(self._tasks) and self.failure is None and not self._draining

    async def start(self) -> None:
        """Start every role, then run them. Does nothing the second time. RoleFailed when one cannot start."""
        if self._entered:
            return
        for name, role in self._roles.items():
            self._entered.append(name)
            try:
                await role.start()
            except Exception as error:
                await self.stop()
                raise RoleFailed(name, error) from error
        for name, role in self._roles.items():
            self._tasks[name] = task = asyncio.create_task(role.run(), name=f"role-{name}")
            task.add_done_callback(self._ended)

    def drain(self) -> None:
        """Begin to stop: end streams and cancel the roles' work, without waiting."""
        self._draining = True
        for role in self._roles.values():
            if isinstance(role, Streaming):
                role.drain()
        for task in self._tasks.values():
            task.cancel()

    async def stop(self) -> None:
        """Drain, wait, and stop the started roles in reverse. Does nothing the second time."""
        self.drain()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=LONGEST_STOP_S)
            for task in late:
                log.warning("role did not stop in time", role=task.get_name().removeprefix("role-"))
        while self._entered:
            name = self._entered.pop()
            try:
                await self._roles[name].stop()
            except Exception as error:
                log.error("role did not close cleanly", role=name, error=one_line(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._draining:
            return
        name = task.get_name().removeprefix("role-")
        error = None if task.cancelled() else task.exception()
        self.failure = self.failure or error or RuntimeError(f"the {name} role ended by itself")
        log.error("role failed", role=name, error=one_line(self.failure), exc_info=error)
        self.on_failure()


class RoleFailed(Exception):
    """A role could not start; the text says which and why, in one line."""

    def __init__(self, role: str, error: BaseException) -> None:
        super().__init__(f"the {role} role could not start: {one_line(error)}")


def one_line(error: BaseException) -> str:
    """An error as one line for a person: its own first line, or its kind when it says nothing. Of several
    errors at once, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).partition("\n")[0].strip() or type(error).__name__
