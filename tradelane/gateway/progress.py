"""What a long command is doing: a bar on a terminal's stderr, nothing anywhere else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Told = Callable[[str, float | None], None]
"""Is told the step at hand and how much of it is done, 0 to 1 (None: who knows)."""


Result = TypeVar("Result")
LOOK_S = 0.2


def silent(step: str, done: float | None = None) -> None:
    """Tells nobody."""


@contextmanager
def progress_bar() -> Iterator[Told]:
    """A bar that is gone when the command is done."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def told(step: str, done: float | None = None) -> None:
            bar.update(task, description=step, total=None if done is None else 1.0, completed=done or 0.0)

        yield told


async def timed(work: Coroutine[Any, Any, Result], seconds: float, told: Told, step: str) -> Result:
    """``work``, which takes about ``seconds``: the time that has gone is what is done."""
    loop = asyncio.get_running_loop()
    began, task = loop.time(), loop.create_task(work)
    try:
        while not task.done():
            told(step, min(1.0, (loop.time() - began) / seconds))
            await asyncio.wait({task}, timeout=LOOK_S)
        return task.result()
    finally:
        task.cancel()
