"""Gateways as real processes: started from a configuration, found by the address they log."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 60


class Gateway:
    """``tradelane run`` as a child process; its log lines are read as they come."""

    def __init__(self, arguments: Sequence[str]) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRADELANE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tradelane", *arguments], stderr=subprocess.PIPE, text=True, env=env
        )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._fresh.put(line)
        self._fresh.put(None)

    def event(self, name: str) -> dict[str, Any]:
        """The next log line with this event; AssertionError with the log when the process ends first."""
        while (line := self._fresh.get(timeout=PATIENCE_S)) is not None:
            self.lines.append(line)
            body = json.loads(line)
            if body["event"] == name:
                return dict(body)
        raise AssertionError(f"no event {name!r} in:\n{''.join(self.lines)}")

    def ended(self) -> int:
        """The exit code, once it has ended by itself; the rest of its log is in ``lines``."""
        code = self.process.wait(PATIENCE_S)
        while (line := self._fresh.get(timeout=PATIENCE_S)) is not None:
            self.lines.append(line)
        return code


@contextmanager
def running(config: Path, *arguments: str) -> Iterator[Gateway]:
    """A gateway on a free port; killed at the end when it still runs."""
    gateway = Gateway(["run", "--config", str(config), "--port", "0", *arguments])
    try:
        yield gateway
    finally:
        gateway.process.kill()
        gateway.process.wait()
