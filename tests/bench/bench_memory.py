"""What an idle edge gateway keeps in memory, against the libraries it stands on and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.bench.harness import Pair, Unmeasurable, benchmark
from tests.shared import free_port

LIBRARIES = "import fastapi, uvicorn, jinja2, sqlalchemy, pymodbus.client, cryptography, httpx2, structlog"
CONFIG = """
data_dir = "{folder}"
port = {port}
[edge]
zone_url = "http://127.0.0.1:{closed}"
poll_seconds = 1
[[edge.meters]]
name = "roof"
transport = "modbus"
host = "127.0.0.1"
port = {closed}
[[edge.members]]
id = "anna"
name = "Anna"
zone = "NL"
sells = true
meter = "roof"
"""
IDLE_S = 3.0
START_S = 20.0


def resident_mb(pid: int) -> float:
    """Resident set of a process, in megabytes of 10⁶ bytes."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        raise Unmeasurable("the system has no /proc to read memory from")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def of_process(command: Sequence[str], ready: Callable[[], bool]) -> float:
    """Start ``command``, wait until it is ``ready`` and then idle, measure, end it."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise Unmeasurable(f"{command[-1]} did not come up")
            time.sleep(0.1)
        time.sleep(IDLE_S)
        return resident_mb(process.pid)
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
        return bool(answer.status == 200)
    return False


def edge() -> float:
    with tempfile.TemporaryDirectory() as folder:
        port, closed = free_port(), free_port()
        config = Path(folder) / "edge.toml"
        config.write_text(CONFIG.format(folder=folder, port=port, closed=closed))
        command = [sys.executable, "-m", "tradelane", "run", "--config", str(config)]
        # the first start makes the schema with alembic, which a running gateway does not keep
        of_process(command, lambda: answers(port))
        return of_process(command, lambda: answers(port))


def libraries() -> float:
    return of_process([sys.executable, "-c", f"{LIBRARIES}; input()"], lambda: True)


@benchmark("memory", goal=1.6)
def memory() -> Pair:
    return Pair(edge, libraries, "its libraries, imported", unit="MB", repetitions=3, warm_up=0)
