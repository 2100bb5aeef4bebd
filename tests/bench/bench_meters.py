"""A thousand Modbus meters at 1 Hz in one process, behind a hundred connections: what a read costs from the
question to the sealed, stored reading, beside pymodbus asked for the same registers, which it drops;
and what one dead unit in ten does to the others.

The meters are served by a process of their own. Beside the ratios it prints shares of a core, memory and how
long readings were under way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.harness import Measure, Pair, Unmeasurable, benchmark

CONNECTIONS, UNITS = 100, 10
SECONDS = 10.0
REPETITIONS = 3


@contextmanager
def street(dead: int) -> Iterator[list[int]]:
    """The ports of the connections; the last ``dead`` units of each are silent."""
    options = {"connections": CONNECTIONS, "units": UNITS, "dead": dead}
    command = [sys.executable, "-m", "tests.bench.modbus_street"]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def cost(mode: str, dead: int = 0) -> dict[str, Any]:
    """What the reader says of itself; it is told to the person who measures."""
    with street(dead) as ports:
        command = [sys.executable, "-m", "tests.bench.modbus_reader", mode, str(SECONDS), str(UNITS)]
        done = subprocess.run([*command, *map(str, ports)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Unmeasurable(f"the reader ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    told = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    print(f"  {mode}, {dead} of {UNITS} dead: {told}", flush=True)
    return found


def of(key: str, mode: str, dead: int = 0) -> Measure:
    return lambda: float(cost(mode, dead)[key])


def pair(candidate: Callable[[], float], floor: Callable[[], float], name: str, unit: str) -> Pair:
    return Pair(candidate, floor, name, unit, repetitions=REPETITIONS, warm_up=0)


@benchmark("meters", goal=2.0)
def meters() -> Pair:
    """Processor time for each read, all threads."""
    key = "cpu_us_per_read"
    return pair(of(key, "stored"), of(key, "bare"), "pymodbus alone, registers dropped", "µs")


@benchmark("meters read", goal=2.0)
def meters_read() -> Pair:
    """The same without sealing and storing."""
    key = "cpu_us_per_read"
    return pair(of(key, "read"), of(key, "bare"), "pymodbus alone, registers dropped", "µs")


@benchmark("meters with dead units", goal=1.5)
def meters_with_dead_units() -> Pair:
    """The 99th percentile from question to reading, of the units that live."""
    key = "decoded_p99_ms"
    return pair(of(key, "read", dead=1), of(key, "read"), "all units alive", "ms")
