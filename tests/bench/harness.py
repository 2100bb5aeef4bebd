"""Benchmarks as ratios: a candidate against a floor that is measured in the same run.

An absolute time says more about the machine than about the code; a ratio to something that must be paid
anyway (a memcpy, an empty Python, one fsync) carries over. Candidate and floor take turns, so that a machine
that slows down slows both; medians, so that one hiccup counts once.
"""

from __future__ import annotations

import gc
import importlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Measure = Callable[[], float]
"""Does the work once and says what it cost, in the benchmark's unit."""


class Unmeasurable(Exception):
    """What is to be measured is not here; the message says what is missing."""


@dataclass(frozen=True)
class Pair:
    """What is measured: ``candidate`` against ``floor``, both in ``unit``, ``repetitions`` times each.

    ``floor_name`` says in a few words what the floor is. ``warm_up`` rounds before are not counted.
    """

    candidate: Measure
    floor: Measure
    floor_name: str
    unit: str = "ms"
    repetitions: int = 15
    warm_up: int = 2


@dataclass(frozen=True)
class Benchmark:
    """A named benchmark: the goal is the greatest ratio of candidate to floor that is good enough."""

    name: str
    goal: float
    prepare: Callable[[], Pair]


@dataclass(frozen=True)
class Result:
    """Medians of candidate and floor in ``unit``, beside what was wanted."""

    name: str
    unit: str
    median: float
    floor: float
    floor_name: str
    goal: float

    @property
    def ratio(self) -> float:
        return self.median / self.floor

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal


REGISTERED: dict[str, Benchmark] = {}


def benchmark(name: str, *, goal: float) -> Callable[[Callable[[], Pair]], Callable[[], Pair]]:
    """Register the function below as a benchmark. It prepares a Pair, or raises Unmeasurable."""

    def register(prepare: Callable[[], Pair]) -> Callable[[], Pair]:
        if name in REGISTERED:
            raise ValueError(f"two benchmarks are called {name!r}")
        REGISTERED[name] = Benchmark(name, goal, prepare)
        return prepare

    return register


def timed(work: Callable[[], object]) -> Measure:
    """The wall time of ``work`` in milliseconds, with the garbage of the work before already collected."""

    def measure() -> float:
        gc.collect()
        started = time.perf_counter_ns()
        work()
        return (time.perf_counter_ns() - started) / 1e6

    return measure


def measure(asked: Benchmark) -> Result:
    """Candidate and floor in turns; who goes first changes every round."""
    pair = asked.prepare()
    for _ in range(pair.warm_up):
        pair.floor()
        pair.candidate()
    costs: dict[Measure, list[float]] = {pair.candidate: [], pair.floor: []}
    for turn in range(pair.repetitions):
        order = (pair.candidate, pair.floor) if turn % 2 else (pair.floor, pair.candidate)
        for contestant in order:
            costs[contestant].append(contestant())
    median, floor = (statistics.median(costs[c]) for c in (pair.candidate, pair.floor))
    if floor <= 0:
        raise ValueError(f"the floor of {asked.name!r} cost nothing, so there is no ratio to it")
    return Result(asked.name, pair.unit, median, floor, pair.floor_name, asked.goal)


def load(folder: Path) -> list[Benchmark]:
    """Import every ``bench_*.py`` of ``folder``; the benchmarks they registered, by name."""
    for path in sorted(folder.glob("bench_*.py")):
        importlib.import_module(f"tests.bench.{path.stem}")
    return [REGISTERED[name] for name in sorted(REGISTERED)]


HEADINGS = ("benchmark", "median", "floor", "ratio", "goal", "")


def cells(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        f"{result.median:.3g} {result.unit}",
        f"{result.floor:.3g} {result.unit} ({result.floor_name})",
        f"{result.ratio:.3g}",
        f"≤ {result.goal:g}",
        "met" if result.met else "NOT MET",
    )


def table(results: Iterable[Result]) -> str:
    """A Markdown table whose columns also line up when read as text."""
    rows = [HEADINGS, *map(cells, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine() -> str:
    """The machine in one line: processor, cores this process may use, memory, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}, {python}"


def processor() -> str:
    """x86 names its model in cpuinfo, a Raspberry Pi in the device tree, others only their kind."""
    board, listing = Path("/proc/device-tree/model"), Path("/proc/cpuinfo")
    if board.exists():
        return board.read_text().strip("\0\n")
    lines = listing.read_text().splitlines() if listing.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


BEGIN = "<!-- measured: python3 dev.py bench --write -->"
END = "<!-- end of measured -->"


def with_measured(page: str, generated: str) -> str:
    """``page`` with what stands between its markers replaced; ValueError when it has not one pair of them."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(END) < page.index(BEGIN):
        raise ValueError(f"the page needs the line {BEGIN!r} and, below it, the line {END!r}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{generated}\n\n{END}{rest.partition(END)[2]}"


def report(results: Sequence[Result]) -> str:
    return f"Measured on {machine()}.\n\n{table(results)}"
