from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.electric import electric, split

powers = st.integers(0, 12_000_000)


@given(st.integers(0, 2**63 - 1), st.integers(0, 4 * 10**12), powers, powers)
def test_volts_amperes_and_watts_belong_together(seed: int, instant: int, solar: int, load: int) -> None:
    wires = electric(seed, 1, instant, solar, load)
    assert sum(wires.grid_mw) == load - solar
    assert sum(wires.solar_mw) == solar
    assert 0.96 <= wires.factor <= 1.0
    assert 49.9 < wires.frequency < 50.1
    for volt, ampere, power in zip(wires.voltages, wires.grid_a, wires.grid_mw, strict=True):
        assert 207 < volt < 253
        assert volt * ampere * wires.factor == pytest.approx(abs(power) / 1000)
    for volt, ampere, power in zip(wires.voltages, wires.solar_a, wires.solar_mw, strict=True):
        assert volt * ampere == pytest.approx(power / 1000)


@given(st.integers(-(10**9), 10**9), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_split_loses_nothing(total: int, first: float, second: float) -> None:
    assert sum(split(total, (first, second))) == total


def test_houses_share_the_grid_frequency_but_not_the_voltage() -> None:
    one, other = (electric(seed, 1, 1_000_000, 0, 500_000) for seed in (1, 2))
    assert one.frequency == other.frequency
    assert one.voltages != other.voltages


def test_sending_out_lifts_the_voltage() -> None:
    idle, sunny = (electric(1, 1, 1_000_000, solar, 0) for solar in (0, 9_000_000))
    assert min(s - i for s, i in zip(sunny.voltages, idle.voltages, strict=True)) > 2
