"""How long a person waits for `tradelane --help`: a cold start, against an empty Python's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.harness import Pair, Unmeasurable, benchmark, timed


@benchmark("start", goal=6)
def start() -> Pair:
    command = [str(Path(sys.executable).with_name("tradelane")), "--help"]
    first = subprocess.run(command, capture_output=True, text=True)
    if first.returncode:
        raise Unmeasurable(f"`tradelane --help` fails: {first.stderr.strip().splitlines()[-1:]}")
    return Pair(
        candidate=timed(lambda: subprocess.run(command, check=True, capture_output=True)),
        floor=timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)),
        floor_name="python -c pass",
    )
