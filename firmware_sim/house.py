"""One house: its roof, its load, and the counters of its meter, known exactly at every instant.

Power is constant within a market minute and a whole multiple of 60 mW, so a minute's energy is a whole
number of mWh and a counter at any millisecond is a whole number of microjoules (1 mW for 1 ms).
Within a minute the house either imports or exports. Always true, to the microjoule, at every instant:
production − load = export − import. Counters never step back.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from firmware_sim.load import household
from firmware_sim.noise import unit
from firmware_sim.sun import DAY, MINUTE, MINUTES, Place, daylight

PERFORMANCE = 0.88
"""AC power over panel power: inverter, wires, heat, dirt and tilt in one."""
UJ_PER_MWH = 3_600_000
UJ_PER_WH = 3_600_000_000
MW_PER_GRAIN = 60
"""A power of one grain for one minute is one mWh."""
_OFFSET = 100
_OLD_METER_WH = (2_000_000, 18_000_000)


@dataclass(frozen=True, slots=True)
class Counters:
    """Energy since the meter was made, in microjoules. ``load`` has no meter of its own: it is the truth."""

    production: int
    imported: int
    exported: int
    load: int

    def wh(self) -> dict[str, int]:
        """What the registers hold: whole Wh, cut off below."""
        return {
            "production_wh": self.production // UJ_PER_WH,
            "import_wh": self.imported // UJ_PER_WH,
            "export_wh": self.exported // UJ_PER_WH,
        }


@dataclass(frozen=True, slots=True)
class _Day:
    """mWh of each minute (= power in grains), and mWh from the day's start to each minute's start."""

    production: array[int]
    load: array[int]
    totals: tuple[array[int], array[int], array[int], array[int]]


def _running(minutes: Iterable[int]) -> array[int]:
    return array("q", accumulate(minutes, initial=0))


@dataclass(frozen=True, slots=True)
class Home:
    """The facts of a house. ``kwp`` 0 is a house without panels; ``weather`` is the seed of its clouds."""

    seed: int
    weather: int
    place: Place
    kwp: float


@lru_cache(maxsize=48)
def _day(home: Home, day: int) -> _Day:
    grain_w = MW_PER_GRAIN / 1000
    roof = home.kwp * PERFORMANCE / grain_w  # W/m² over 1000 W/m² times W of panels is W: 1000 cancels
    production = array("q", [round(roof * light) for light in daylight(home.weather, home.place, day)])
    load = array("q", [round(watts / grain_w) for watts in household(home.seed, home.place, day)])
    net = [made - used for made, used in zip(production, load, strict=True)]
    totals = (
        _running(production),
        _running(-power if power < 0 else 0 for power in net),
        _running(power if power > 0 else 0 for power in net),
        _running(load),
    )
    return _Day(production, load, totals)


def _old_meter_mwh(seed: int, counter: int) -> int:
    low, high = _OLD_METER_WH
    return int(low + unit(seed, _OFFSET, counter) * (high - low)) * 1000


@dataclass(slots=True)
class House:
    """A home whose counters started on the UTC day of ``since`` (ms) at a seeded reading of an old meter.

    The first question about a late day works through all days since ``since`` once (about 3 ms a day, and
    6 ms more for the first roof of a place); later ones are a look-up. Earlier days raise ``ValueError``.
    """

    home: Home
    since: int
    _first_day: int = field(init=False)
    _before: list[tuple[int, int, int, int]] = field(init=False)  # mWh at the start of each day

    def __post_init__(self) -> None:
        imported, made = (_old_meter_mwh(self.home.seed, counter) for counter in range(2))
        made = made if self.home.kwp else 0
        exported = made * 3 // 5
        self._first_day = self.since // DAY
        self._before = [(made, imported, exported, made + imported - exported)]

    def power(self, instant: int) -> tuple[int, int]:
        """(production, load) in mW at ``instant`` (ms)."""
        day, rest = divmod(instant, DAY)
        today = _day(self.home, day)
        minute = rest // MINUTE
        return today.production[minute] * MW_PER_GRAIN, today.load[minute] * MW_PER_GRAIN

    def counters(self, instant: int) -> Counters:
        """The exact counters at ``instant`` (ms). Raises ``ValueError`` before the day of ``since``."""
        day, rest = divmod(instant, DAY)
        if day < self._first_day:
            raise ValueError("the counters start on a later day")
        minute, passed = divmod(rest, MINUTE)
        today = _day(self.home, day)
        made, used = today.production[minute], today.load[minute]
        rates = (made, max(0, used - made), max(0, made - used), used)
        before = self._start_of(day)
        values = [
            (before[which] + today.totals[which][minute]) * UJ_PER_MWH + rates[which] * MW_PER_GRAIN * passed
            for which in range(4)
        ]
        return Counters(*values)

    def _start_of(self, day: int) -> tuple[int, int, int, int]:
        while len(self._before) <= day - self._first_day:
            last = self._before[-1]
            sums = _day(self.home, self._first_day + len(self._before) - 1).totals
            self._before.append(
                (
                    last[0] + sums[0][MINUTES],
                    last[1] + sums[1][MINUTES],
                    last[2] + sums[2][MINUTES],
                    last[3] + sums[3][MINUTES],
                )
            )
        return self._before[day - self._first_day]
