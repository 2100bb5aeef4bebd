from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.noise import mix, seed_of, smooth, unit

whole = st.integers(-(2**70), 2**70)
number = st.floats(-1e6, 1e6)


@given(st.lists(whole, min_size=1, max_size=4))
def test_the_same_keys_give_the_same_64_bits(keys: list[int]) -> None:
    assert mix(*keys) == mix(*keys)
    assert 0 <= mix(*keys) < 2**64
    assert 0.0 <= unit(*keys) < 1.0


def test_mixing_is_splitmix64() -> None:
    """The first two numbers of the published generator seeded with 0."""
    assert mix(0) == 0xE220A8397B1DCDAF
    assert mix(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


def test_numbers_spread_evenly() -> None:
    tenths = [0] * 10
    for key in range(10_000):
        tenths[int(unit(7, key) * 10)] += 1
    assert min(tenths) > 900
    assert max(tenths) < 1100


def test_names_and_seeds_make_different_seeds() -> None:
    seeds = {seed_of(seed, name) for seed in range(20) for name in ("a", "b", "ab")}
    assert len(seeds) == 60
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(whole, number, number, number)
def test_smooth_noise_stays_in_range_and_does_not_jump(seed: int, x: float, y: float, z: float) -> None:
    here = smooth(seed, x, y, z)
    assert 0.0 <= here <= 1.0
    assert abs(smooth(seed, x + 0.001, y, z) - here) < 0.01


def test_smooth_noise_is_the_corner_at_a_corner() -> None:
    assert smooth(5, 3.0, -2.0, 7.0) == unit(5, 3, -2, 7)
