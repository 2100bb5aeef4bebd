"""``read … --follow``: one look after another, until Ctrl-C or so many.

Always true: looks begin ``every_s`` apart, by a clock that never steps, and never overlap; one that fails is
a line on stderr and the next goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import typer

from tradelane.gateway.commands.failure import CommandFailed, ExitCode
from tradelane.meter.reading import MeterError, Reading

EVERY_S = 5.0

Look = Callable[[], Awaitable[list[Reading]]]
Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pacing:
    """How often to look, in seconds, and how many times (None: until Ctrl-C)."""

    every_s: float = EVERY_S
    count: int | None = None


def pacing(follow: bool, every_s: float | None, count: int | None) -> Pacing | None:
    """None for a single look. CommandFailed when the options contradict each other."""
    if follow or count is not None:
        return Pacing(EVERY_S if every_s is None else every_s, count)
    if every_s is not None:
        raise CommandFailed(ExitCode.USAGE, "--every: give --follow or --count with it")
    return None


def follow(look: Look, close: Close, pace: Pacing, show: Callable[[list[Reading]], None]) -> None:
    """Ends well on Ctrl-C, whatever it interrupts."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(look, close, pace, show))


async def _follow(look: Look, close: Close, pace: Pacing, show: Callable[[list[Reading]], None]) -> None:
    loop = asyncio.get_running_loop()
    looks = 0
    try:
        while True:
            until = loop.time() + pace.every_s
            try:
                show(await look())
            except MeterError as error:
                typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            looks += 1
            if looks == pace.count:
                return
            await asyncio.sleep(max(0.0, until - loop.time()))
    finally:
        await close()
