"""The demo's processes: started, watched, started again when they die, and stopped together.

Always true: no child outlives this process, however it ends (where the system has ``setpriv``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tradelane.gateway.clock import Clock

STOP_S = 2.0
"""Seconds a child has to end by itself before it is killed."""
START_S = 60.0
"""Seconds a child has to be ready."""
LOOK_S = 0.05
AGAIN_S = 0.2
"""Seconds before a child that died is started again; doubled each time it ends before it was ready."""
MOST_TRIES = 5
"""Times in a row that a child may end by itself, not ready or soon after, before the demo gives up."""
FIRST_TRIES = 2
"""At the start a fault is most likely there to stay."""
SOON_MS = 5_000
LAST_LINES = 20


class ChildFailed(Exception):
    """A child could not be started, or will not stay up; the text says which and why in one line."""


@dataclass
class Child:
    """One process by name. Its stderr goes to ``<name>.log`` in the demo's folder."""

    name: str
    command: Sequence[str]
    folder: Path
    process: asyncio.subprocess.Process | None = None
    spoke: bool = False
    """It has written to stdout since it was started."""
    _listening: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self) -> None:
        self.spoke = False
        with self.log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *_bound_to_us(self.command), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        self._listening = asyncio.create_task(self._listen(self.process.stdout))

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while await stream.read(65_536):
            self.spoke = True

    @property
    def ended(self) -> int | None:
        """Its exit code, below zero for a signal; None while it runs."""
        assert self.process is not None
        return self.process.returncode

    def last_words(self) -> str:
        """Its last error, or else the last line of its log, as a person would say it."""
        lines: list[str] = []
        with contextlib.suppress(OSError):
            lines = [line.strip() for line in self.log.read_text("utf-8", "replace").splitlines()]
        spoken = [_plain(line) for line in lines[-LAST_LINES:] if line]
        errors = [words for words, is_error in spoken if is_error]
        return (errors or [words for words, _ in spoken] or ["it said nothing"])[-1]

    async def stop(self) -> None:
        if self.process is None or self.ended is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


Ready = Callable[[Child], Awaitable[bool]]


class Family:
    """All children. ``said`` hears what a person should know; ``failure`` is set when one stays down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.said: list[str] = []
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watch: list[asyncio.Task[None]] = []

    async def add(self, name: str, command: Sequence[str], ready: Ready) -> Child:
        """Start a child and return once it is ready. ChildFailed when it will not be."""
        child = Child(name, command, self.folder)
        self.children.append(child)
        await self._bring_up(child, ready, FIRST_TRIES)
        self._watch.append(asyncio.create_task(self._keep_up(child, ready)))
        return child

    async def _bring_up(self, child: Child, ready: Ready, tries: int) -> None:
        for attempt in range(tries):
            await child.start()
            self._write_pids()
            if await _is_up(child, ready):
                return
            if child.ended is None:
                raise ChildFailed(f"{child.name} does not answer after {START_S:.0f} s: {child.last_words()}")
            await asyncio.sleep(AGAIN_S * 2.0**attempt)
        raise ChildFailed(f"{child.name} does not start: {child.last_words()}")

    async def _keep_up(self, child: Child, ready: Ready) -> None:
        """A child that dies is started again: everything it promised is on disk."""
        up, tries = Clock.monotonic_ms(), 0
        while True:
            assert child.process is not None
            code = await child.process.wait()
            died = Clock.monotonic_ms()
            tries = tries + 1 if code >= 0 and died - up < SOON_MS else 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}: {child.last_words()}"
            self.said.append(f"{child.name} died ({how}), starting it again")
            await asyncio.sleep(AGAIN_S)
            try:
                if tries >= MOST_TRIES:
                    raise ChildFailed(f"{child.name} does not stay up: {child.last_words()}")
                await self._bring_up(child, ready, MOST_TRIES)
            except ChildFailed as failed:
                if not self.failure.done():
                    self.failure.set_exception(failed)
                return
            up = Clock.monotonic_ms()
            self.said.append(f"{child.name} is back after {(up - died) / 1000:.1f} s")

    def _write_pids(self) -> None:
        pids = {c.name: c.process.pid for c in self.children if c.process is not None}
        draft = self.folder / "pids.json.new"
        draft.write_text(json.dumps(pids))
        draft.replace(self.folder / "pids.json")

    async def stop(self) -> None:
        """Stop the watching first, then every child at once."""
        self.failure.cancel()
        for task in self._watch:
            task.cancel()
        await asyncio.gather(*self._watch, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self.children))


async def _is_up(child: Child, ready: Ready) -> bool:
    """True once ``child`` is ready, False when it ended or took too long."""
    for _ in range(int(START_S / LOOK_S)):
        if child.ended is not None:
            return False
        if await ready(child):
            return True
        await asyncio.sleep(LOOK_S)
    return False


async def spoke(child: Child) -> bool:
    """Ready when it has said so on stdout."""
    return child.spoke


def answering(port: int) -> Ready:
    """Ready when ``/healthz`` on ``port`` answers 200."""

    async def ready(_child: Child) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        try:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
        except OSError:
            return False
        finally:
            writer.close()

    return ready


def _plain(line: str) -> tuple[str, bool]:
    """A line of our own JSON log in words, and whether it is an error; any other line as it is."""
    try:
        said = json.loads(line)
        return ": ".join(str(said[key]) for key in ("event", "error") if key in said), said[
            "level"
        ] == "error"
    except (ValueError, TypeError, KeyError):
        return line, False


def _bound_to_us(command: Sequence[str]) -> list[str]:
    """``command`` so that the system ends it when this process ends."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else list(command)


def python(*arguments: str) -> list[str]:
    """This interpreter with ``-m`` and ``arguments``."""
    return [sys.executable, "-m", *arguments]
