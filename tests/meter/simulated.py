"""A house of the tests' own: power constant in a minute, energy in whole watt-milliseconds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

from tradelane.market.units import MINUTE

DAY_MINUTES = 24 * 60
W_MS_PER_WH = 3_600_000
BASE_WH = 650_000


@dataclass(frozen=True)
class House:
    """Exports ``watts[m]`` in minute m of the day."""

    watts: list[int]
    sums: list[int]

    @classmethod
    def seeded(cls, seed: int) -> House:
        chance = random.Random(seed)
        watts = [
            max(0, 6_000 - (m - 720) ** 2 // 40) * chance.randrange(2, 10) // 10 for m in range(DAY_MINUTES)
        ]
        return cls(watts, [0, *accumulate(w * MINUTE for w in watts)])

    def wh(self, time: int) -> int:
        """What the register holds ``time`` ms into the day: whole Wh, cut off below."""
        minute = min(time // MINUTE, DAY_MINUTES - 1)
        return BASE_WH + (self.sums[minute] + self.watts[minute] * (time - minute * MINUTE)) // W_MS_PER_WH

    def power(self, time: int) -> int:
        return self.watts[min(time // MINUTE, DAY_MINUTES - 1)]
