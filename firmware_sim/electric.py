"""The house's three phases: voltage, current, frequency and power that belong together.

Power is exact (mW, whole numbers, the phases add up to the total); voltage, frequency and power factor are
smooth seeded noise. In each phase current = |power| / (voltage × power factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from firmware_sim.noise import smooth, unit

_VOLTAGE, _FACTOR, _SHARE = range(10, 13)
_WOBBLE_MS = 240_000
_GRID_MS = 20_000
_LIFT_V_PER_KW = 0.9
"""What a kW sent out lifts the voltage at the house by, with the impedance of a long street."""


@dataclass(frozen=True, slots=True)
class Electric:
    """Grid power in mW is + for import; current in A without sign; power factor 0 to 1."""

    voltages: tuple[float, float, float]
    frequency: float
    factor: float
    grid_mw: tuple[int, int, int]
    solar_mw: tuple[int, int, int]

    @property
    def grid_a(self) -> tuple[float, float, float]:
        """Current in A at the meter in each phase."""
        a, b, c = (
            abs(power) / 1000 / (volt * self.factor)
            for power, volt in zip(self.grid_mw, self.voltages, strict=True)
        )
        return a, b, c

    @property
    def solar_a(self) -> tuple[float, float, float]:
        """Current in A from the inverter in each phase, at power factor 1."""
        a, b, c = (power / 1000 / volt for power, volt in zip(self.solar_mw, self.voltages, strict=True))
        return a, b, c

    def line_voltages(self) -> tuple[float, float, float]:
        """Volts between the phases AB, BC, CA, which stand 120° apart."""
        a, b, c = self.voltages
        ab, bc, ca = (sqrt(x * x + y * y + x * y) for x, y in ((a, b), (b, c), (c, a)))
        return ab, bc, ca


def split(total: int, shares: tuple[float, float]) -> tuple[int, int, int]:
    """``total`` mW over three phases, the first two by their shares, the third takes what is left."""
    first, second = round(total * shares[0]), round(total * shares[1])
    return first, second, total - first - second


def electric(seed: int, weather: int, instant: int, solar_mw: int, load_mw: int) -> Electric:
    """The state of a house's wires at ``instant`` (ms). ``weather`` seeds the shared frequency."""
    first = 0.2 + 0.3 * unit(seed, _SHARE, 0)
    load = split(load_mw, (first, 0.2 + 0.3 * unit(seed, _SHARE, 1)))
    solar = split(solar_mw, (1 / 3, 1 / 3))
    grid = (load[0] - solar[0], load[1] - solar[1], load[2] - solar[2])
    a, b, c = (
        230.0
        + 5.0 * (smooth(seed + _VOLTAGE + phase, instant / _WOBBLE_MS) - 0.5)
        - _LIFT_V_PER_KW * grid[phase] / 1e6
        for phase in range(3)
    )
    frequency = 50.0 + 0.08 * (smooth(weather, instant / _GRID_MS) - 0.5)
    factor = 0.96 + 0.04 * smooth(seed + _FACTOR, instant / _WOBBLE_MS)
    return Electric((a, b, c), frequency, factor, grid, solar)
