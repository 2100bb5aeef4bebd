"""Commands of one kind, many in one work: those that come while some are being written wait, and go together.

Always true: each has its own answer, under its own key, as if it had come alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, select

from tradelane.settlement.ehub.server.bulk import Bulk, among, names
from tradelane.settlement.ehub.server.commands import Answer, Command, Commands, Result, again
from tradelane.settlement.ehub.server.tables import idempotency
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.problem import Problem

MOST = 500
"""Commands in one work."""
Q = TypeVar("Q", bound=BaseModel)
Effect = Callable[[Connection, Sequence[tuple[Command, Q]]], Sequence[Result]]
"""Answers each command or refuses it, in order; what is refused has no effect."""


class Together(Generic[Q]):
    """The way in for one kind of command."""

    def __init__(self, commands: Commands, transact: Transact, effect: Effect[Q]) -> None:
        self._commands, self._transact, self._effect = commands, transact, effect
        self._waiting: list[tuple[Command, Q, asyncio.Future[Answer]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def run(self, request: Request, key: str, question: Q) -> Response:
        """As that of Commands."""

        async def work(command: Command) -> Answer:
            return await self._join(command, question)

        return await self._commands.answered(request, key, question, work)

    async def _join(self, command: Command, question: Q) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, question, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._answer(some)

    async def _answer(self, some: Sequence[tuple[Command, Q, asyncio.Future[Answer]]]) -> None:
        """An error is that of the one command that makes it, so they are tried by halves."""
        asked = [(command, question) for command, question, _ in some]
        try:
            results = await self._transact(lambda conn: once_each(conn, asked, self._effect))
        except Exception as error:
            if len(some) > 1:
                await self._answer(some[: len(some) // 2])
                await self._answer(some[len(some) // 2 :])
            elif not some[0][2].done():
                some[0][2].set_exception(error)
            return
        for (_, _, future), result in zip(some, results, strict=True):
            if future.done():  # whoever asked has gone
                continue
            if isinstance(result, Problem):
                future.set_exception(result)
            else:
                future.set_result(result)


def once_each(
    conn: Connection,
    asked: Sequence[tuple[Command, Q]],
    effect: Effect[Q],
) -> list[Result]:
    """``commands.once`` for many commands, of different keys."""
    known = {row.key: row for row in conn.execute(_KNOWN_OF, names([command.key for command, _ in asked]))}
    fresh = [one for one in asked if one[0].key not in known]
    answers = {
        command.key: Answer(result.status, result.json()) if isinstance(result, Problem) else result
        for (command, _), result in zip(fresh, effect(conn, fresh) if fresh else (), strict=True)
    }
    rows = [
        (one.key, one.request, answers[one.key].status, answers[one.key].text, one.at) for one, _ in fresh
    ]
    _STORE(conn, rows)
    return [answers.get(command.key) or again(known[command.key], command) for command, _ in asked]


_KNOWN_OF = select(
    idempotency.c.key, idempotency.c.request, idempotency.c.status, idempotency.c.answer
).where(among(idempotency.c.key))
_STORE = Bulk.insert(idempotency, [column.name for column in idempotency.c])
