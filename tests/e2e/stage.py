"""The demo as a process of its own, as a person starts it: watched, disturbed, and judged by its summary."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.shared import ROOT

SPEED = 180
"""Market seconds a second: an interval of 15 minutes in 5 s."""
PATIENCE_S = 240
LOOK_S = 0.02


@dataclass
class Showing:
    """A demo under way in ``folder``. ``pids`` are its children's by name."""

    process: subprocess.Popen[str]
    folder: Path
    told: Path
    seen: set[int] = field(default_factory=set)

    @property
    def pids(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads((self.folder / "pids.json").read_text())
        except FileNotFoundError:
            return {}
        self.seen.update(found.values())
        return found

    def wait_for(self, what: str, happened: Callable[[], object]) -> None:
        """Return once ``happened`` is true; AssertionError when the demo ends before that."""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if happened():
                return
            assert self.process.poll() is None, f"the demo ended before {what}:\n{self.log}"
            time.sleep(LOOK_S)
        raise AssertionError(f"no {what} in {PATIENCE_S} s:\n{self.log}")

    def kill(self, name: str) -> None:
        """kill -9 of one child, by its id; returns once another has taken its place."""
        victim = self.pids[name]
        os.kill(victim, signal.SIGKILL)
        self.wait_for(f"new {name}", lambda: self.pids[name] != victim)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> tuple[int, str]:
        """Exit code and stdout, once it has ended by itself."""
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out

    def summary(self) -> dict[str, Any]:
        """What it says at its end, which has to be a good one."""
        code, out = self.ended()
        assert code == 0, f"exit code {code}:\n{self.log}\n{out}"
        found: dict[str, Any] = json.loads(out)
        return found

    @property
    def log(self) -> str:
        """All that was said, by the demo and by its children."""
        texts = [self.told, *sorted(self.folder.glob("*.log"))]
        return "\n".join(f"--- {path.name}\n{path.read_text()[-8000:]}" for path in texts if path.exists())


@contextmanager
def showing(folder: Path, *arguments: str, as_json: bool = True) -> Iterator[Showing]:
    """``tradelane demo`` in ``folder``, on free ports; stopped at the end when it still runs."""
    command = [sys.executable, "-m", "tradelane", "demo", "--headless", "--port", "0"]
    command += [
        "--data-dir",
        str(folder),
        "--speed",
        str(SPEED),
        *arguments,
        *(["--json"] if as_json else []),
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("TRADELANE_")}
    told = folder.with_suffix(".told")
    with told.open("w") as stderr:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        yield Showing(process, folder, told)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
