"""A street in a process of its own, for tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOON = "2026-06-21T12:00:00Z"
PROGRAM = [sys.executable, "-m", "firmware_sim"]


class RunningStreet:
    """A started street. ``listing`` is its ready line; ``meters`` the rows of it by name."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        line = process.stdout.readline()
        assert line, f"the street ended with {process.wait()}"
        self.listing: dict[str, Any] = json.loads(line)
        self.meters: dict[str, dict[str, Any]] = {row["name"]: row for row in self.listing["meters"]}


@contextmanager
def running_street(*flags: str) -> Iterator[RunningStreet]:
    """A street with these flags, ready. Its clock stands still unless ``--speed`` is among them."""
    still = () if "--speed" in flags else ("--speed", "0")
    command = [*PROGRAM, "--json", *still, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield RunningStreet(process)
        finally:
            process.send_signal(signal.SIGTERM)


def truth(*flags: str) -> list[dict[str, dict[str, Any]]]:
    """What ``firmware_sim truth`` says: for each instant the rooftops by name."""
    done = subprocess.run([*PROGRAM, "truth", *flags], stdout=subprocess.PIPE, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [{row["name"]: row for row in line["rooftops"]} for line in lines]
