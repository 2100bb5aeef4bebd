"""The market clock on a wall clock of our own, and once on the real one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradelane.gateway.clock import LONGEST_NAP_S, Clock, system_wall

WALL = 1_790_000_000_000
ORIGIN = 1_782_036_000_000


class FakeWall:
    """A wall clock that moves only when slept on, and may be told to jump while it is."""

    def __init__(self, at: int = WALL) -> None:
        self.at = at
        self.naps: list[float] = []
        self.jumps: list[int] = []

    def __call__(self) -> int:
        return self.at

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += -(-int(seconds * 1_000_000) // 1000)
        if seconds and self.jumps:
            self.at += self.jumps.pop(0)


def clock_on(wall: FakeWall, speed: int = 90) -> Clock:
    return Clock(speed, ORIGIN, WALL, wall, wall.nap)


@given(st.integers(1, 10_000), st.integers(0, 10**9), st.integers(0, 10**9))
def test_market_time_runs_at_its_speed_and_survives_a_restart(speed: int, first: int, later: int) -> None:
    wall = FakeWall(WALL + first)
    clock = clock_on(wall, speed)
    assert clock.now() == ORIGIN + first * speed
    wall.at += later
    assert clock.now() == clock_on(wall, speed).now() == ORIGIN + (first + later) * speed


@given(st.lists(st.integers(-(10**7), 10**7), max_size=20))
def test_market_time_never_goes_back(steps: list[int]) -> None:
    wall = FakeWall()
    clock = clock_on(wall)
    seen = [clock.now()]
    highest = wall.at
    for step in steps:
        wall.at += step
        highest = max(highest, wall.at)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1] == clock.at_wall(highest)


@pytest.mark.parametrize("jump", [0, 30_000, -30_000])
def test_sleep_ends_at_the_instant_also_when_the_wall_clock_steps(jump: int) -> None:
    wall = FakeWall()
    wall.jumps = [0, jump]
    clock = clock_on(wall)
    target = ORIGIN + 15 * 60_000
    asyncio.run(clock.sleep_until(target))
    assert clock.now() >= target
    assert wall.at - jump - WALL <= 60_000 if jump <= 0 else clock.now() == clock.at_wall(wall.at)
    assert max(wall.naps) <= LONGEST_NAP_S


def test_sleep_is_a_span_of_market_time() -> None:
    wall = FakeWall()
    clock = clock_on(wall)
    asyncio.run(clock.sleep(90_000))
    assert wall.at == WALL + 1000


def test_a_past_instant_still_lets_other_tasks_run() -> None:
    wall = FakeWall()
    asyncio.run(clock_on(wall).sleep_until(0))
    assert wall.naps == [0]


def test_without_an_origin_it_is_the_machines_time() -> None:
    before = system_wall()
    now = Clock().now()
    assert before <= now <= system_wall()


def test_the_real_clock_sleeps() -> None:
    clock = Clock(1000, ORIGIN)
    target = clock.now() + 50_000
    asyncio.run(clock.sleep_until(target))
    assert clock.now() >= target


def test_monotonic_does_not_step_back() -> None:
    first = Clock.monotonic_ms()
    assert Clock.monotonic_ms() >= first


@pytest.mark.parametrize(("speed", "origin"), [(0, ORIGIN), (-1, ORIGIN), (90, None)])
def test_impossible_clocks_are_refused(speed: int, origin: int | None) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock(speed, origin)
