"""The harness's own tests: a benchmark that measures wrongly is worse than none."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.bench import __main__ as command
from tests.bench import harness
from tests.bench.harness import Benchmark, Pair, Result, Unmeasurable


def counting(costs: list[float], log: list[str], name: str) -> Callable[[], float]:
    endless = itertools.chain(costs, itertools.repeat(costs[-1]))

    def measure() -> float:
        log.append(name)
        return next(endless)

    return measure


def example(log: list[str], goal: float = 3) -> Benchmark:
    """The candidate costs 99 at first, in the warm-up, then 10, 20, 30; the floor 10 always."""
    candidate = counting([99, 10, 20, 30], log, "candidate")
    floor = counting([10], log, "floor")
    return Benchmark("example", goal, lambda: Pair(candidate, floor, "ten", repetitions=3, warm_up=1))


def test_the_ratio_is_of_medians_without_the_warm_up() -> None:
    result = harness.measure(example([]))
    assert (result.median, result.floor, result.ratio) == (20, 10, 2)


def test_candidate_and_floor_take_turns_and_change_who_is_first() -> None:
    log: list[str] = []
    harness.measure(example(log))
    rounds = ["floor", "candidate"], ["candidate", "floor"], ["floor", "candidate"]
    assert log == ["floor", "candidate", *itertools.chain(*rounds)]


@pytest.mark.parametrize(("goal", "met"), [(2, True), (1.99, False)])
def test_a_goal_is_met_up_to_its_ratio(goal: float, met: bool) -> None:
    assert harness.measure(example([], goal)).met is met


def test_a_floor_that_costs_nothing_is_refused() -> None:
    free = Benchmark("free", 1, lambda: Pair(lambda: 1.0, lambda: 0.0, "nothing"))
    with pytest.raises(ValueError, match="free"):
        harness.measure(free)


def test_timed_work_is_done_once_and_takes_time() -> None:
    done: list[int] = []
    assert harness.timed(lambda: done.append(1))() > 0
    assert done == [1]


def test_two_benchmarks_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "REGISTERED", {})
    harness.benchmark("twice", goal=1)(lambda: Pair(lambda: 1.0, lambda: 1.0, "one"))
    with pytest.raises(ValueError, match="twice"):
        harness.benchmark("twice", goal=1)(lambda: Pair(lambda: 1.0, lambda: 1.0, "one"))


def test_the_table_says_what_was_not_met() -> None:
    lines = harness.table([Result("fast", "ms", 2, 1, "a copy", 3), Result("slow", "ms", 4, 1, "a copy", 3)])
    head, rule, fast, slow = lines.splitlines()
    assert len({len(head), len(rule), len(fast), len(slow)}) == 1
    assert [part.strip() for part in slow.split("|")[1:-1]] == [
        "slow",
        "4 ms",
        "1 ms (a copy)",
        "4",
        "≤ 3",
        "NOT MET",
    ]
    assert "NOT" not in fast


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    page = f"# Benchmarks\n\n{harness.BEGIN}\nold\n{harness.END}\n\nBy hand.\n"
    once = harness.with_measured(page, "new")
    assert once == f"# Benchmarks\n\n{harness.BEGIN}\n\nnew\n\n{harness.END}\n\nBy hand.\n"
    assert harness.with_measured(once, "new") == once


@pytest.mark.parametrize("page", ["", harness.BEGIN, harness.END + harness.BEGIN])
def test_a_page_without_its_markers_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="needs the line"):
        harness.with_measured(page, "new")


def test_what_cannot_be_measured_is_skipped_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    def absent() -> Pair:
        raise Unmeasurable("no such command")

    results = command.run([Benchmark("absent", 1, absent), example([])])
    assert [result.name for result in results] == ["example"]
    assert "absent: SKIPPED, no such command" in capsys.readouterr().out


def test_a_part_is_never_written_as_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.arguments(["--only", "start", "--write"], ["start"])
    assert "--only" in capsys.readouterr().err
