"""From the meter's reading to the money abroad, in the demo, against the eight seconds of the idea."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

from tests.bench.harness import Pair, Unmeasurable, benchmark

IDEA_MS = 8_000.0


@cache
def demo() -> dict[str, int]:
    """p50 and p99 in ms of one run of the demo over four intervals."""
    command = [
        sys.executable,
        "-m",
        "tradelane",
        "demo",
        "--intervals",
        "4",
        "--headless",
        "--json",
        "--port",
        "0",
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise Unmeasurable(f"the demo failed: {run.stderr.strip().splitlines()[-1:]}")
    found: dict[str, int] = json.loads(run.stdout)["marco_polo_ms"]
    return found


def pair(percentile: str) -> Pair:
    demo()
    return Pair(
        lambda: float(demo()[percentile]),
        lambda: IDEA_MS,
        "the idea: eight seconds",
        repetitions=1,
        warm_up=0,
    )


@benchmark("marco-polo-p50", goal=1)
def median() -> Pair:
    return pair("p50")


@benchmark("marco-polo-p99", goal=1)
def worst_in_a_hundred() -> Pair:
    return pair("p99")
