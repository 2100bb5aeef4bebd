"""The only caller of time: maps the machine's wall clock to the market's clock.

Market time is ``origin + (wall − wall_origin) × speed``, so processes given the same three numbers agree, and
a restarted process continues where the others are. Without an origin the market's clock is the wall clock.
Within a process ``now()`` never goes back: when the wall clock is set back, it stands still until the wall
has caught up. It cannot know that the wall clock itself is wrong.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LONGEST_NAP_S = 1.0
"""Seconds slept before the wall clock is looked at again, so that a stepped clock is noticed."""


def system_wall() -> int:
    """The machine's wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Clock:
    """Market time in Unix milliseconds. ``speed`` is market seconds per wall second, a whole number ≥ 1.

    ``origin`` (market ms) is where market time stood at ``wall_origin`` (wall ms, default: now); None for
    real time. ``wall`` and ``nap`` (seconds) stand in for the machine's own in tests.
    """

    def __init__(
        self,
        speed: int = 1,
        origin: int | None = None,
        wall_origin: int | None = None,
        wall: Callable[[], int] = system_wall,
        nap: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if speed < 1:
            raise ValueError("the clock's speed is a whole number of at least 1")
        if origin is None and speed != 1:
            raise ValueError("a clock with a speed needs an origin")
        self.speed = speed
        self.origin = origin
        self.wall_origin = wall() if wall_origin is None else wall_origin
        self._wall = wall
        self._nap = nap
        self._latest = self.at_wall(wall())

    def at_wall(self, wall: int) -> int:
        """Market time (ms) at a wall instant (ms)."""
        if self.origin is None:
            return wall
        return self.origin + (wall - self.wall_origin) * self.speed

    def now(self) -> int:
        """Market time, Unix milliseconds; never less than an earlier answer of this clock."""
        self._latest = max(self._latest, self.at_wall(self._wall()))
        return self._latest

    def set_back(self) -> int:
        """Real ms by which the wall clock was set back; until it has caught up, ``now()`` stands still."""
        return max(0, self._latest - self.at_wall(self._wall())) // self.speed

    def wall(self) -> int:
        """Wall time, Unix milliseconds, as the machine tells it."""
        return self._wall()

    @staticmethod
    def monotonic_ms() -> float:
        """Milliseconds that never step, for measuring how long something took."""
        return time.monotonic_ns() / 1_000_000

    async def sleep(self, market_ms: int) -> None:
        """Sleep for a span of market time."""
        await self.sleep_until(self.now() + market_ms)

    async def sleep_until(self, instant: int) -> None:
        """Return once ``now() >= instant`` (market ms); yields to other tasks at least once."""
        await self._nap(0)
        while (remaining := instant - self.now()) > 0:
            await self._nap(min(LONGEST_NAP_S, remaining / self.speed / 1000))
