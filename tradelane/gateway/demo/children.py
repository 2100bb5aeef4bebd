"""The demo's processes: started, watched, started again when they die, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_S = 2.2
"""Seconds a child has to end by itself before it is killed."""


class ChildFailed(Exception):
    """A child could not be started, or will not stay up."""


@dataclass
class Child:
    """One process by name. Its stderr goes to ``<name>.log`` in the demo's folder."""

    name: str
    command: Sequence[str]
    folder: Path
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    first_line: str = ""
    _drain: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self, wait_for_line: bool = False) -> None:
        """Start it; with ``wait_for_line``, return once it has said its first line on stdout."""
        self.starts += 1
        with self.log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=errors, env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        if wait_for_line:
            self.first_line = (await self.process.stdout.readline()).decode().strip()
            if not self.first_line:
                raise ChildFailed(f"{self.name} did not start; see {self.log}")
        self._drain = asyncio.create_task(_drained(self.process.stdout))

    async def stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def _drained(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass


class Family:
    """All children, in the order in which they need each other. ``said`` hears what a person should know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.said: list[str] = []
        self._watch: list[asyncio.Task[None]] = []

    async def add(self, name: str, command: Sequence[str], wait_for_line: bool = False) -> Child:
        child = Child(name, command, self.folder)
        await child.start(wait_for_line)
        self.children.append(child)
        self._watch.append(asyncio.create_task(self._keep_up(child, wait_for_line)))
        self._write_pids()
        return child

    async def _keep_up(self, child: Child, wait_for_line: bool) -> None:
        """A child that dies is started again: everything it promised is on disk."""
        while True:
            assert child.process is not None
            code = await child.process.wait()
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self.said.append(f"{child.name} ended ({how}); starting it again")
            await asyncio.sleep(0.2 if code < 0 else 1.0)
            await child.start(wait_for_line)
            self._write_pids()

    def _write_pids(self) -> None:
        pids = {c.name: c.process.pid for c in self.children if c.process is not None}
        draft = self.folder / "pids.json.new"
        draft.write_text(json.dumps(pids))
        draft.replace(self.folder / "pids.json")

    async def stop(self) -> None:
        """Stop the watching first, then every child at once."""
        for task in self._watch:
            task.cancel()
        await asyncio.gather(*self._watch, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self.children))


def python(*arguments: str) -> list[str]:
    """This interpreter with ``-m`` and ``arguments``."""
    return [sys.executable, "-m", *arguments]
