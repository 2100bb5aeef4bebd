"""Chance without chance: numbers that look random and depend only on their keys."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

_MASK = (1 << 64) - 1


def mix(*keys: int) -> int:
    """64 well-mixed bits of whole numbers of any size and sign (splitmix64, Steele, Lea and Flood 2014)."""
    state = 0
    for key in keys:
        state = ((state ^ (key & _MASK)) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def unit(*keys: int) -> float:
    """A number in [0, 1) that belongs to these keys."""
    return (mix(*keys) >> 11) / (1 << 53)


def seed_of(seed: int, name: str) -> int:
    """The seed of a named part of something seeded: 63 bits, so that it fits a TOML integer."""
    digest = blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@lru_cache(maxsize=8192)
def _corner(seed: int, x: int, y: int, z: int) -> float:
    return unit(seed, x, y, z)


def _fade(t: float) -> float:
    return t * t * (3.0 - 2.0 * t)


def smooth(seed: int, x: float, y: float = 0.0, z: float = 0.0) -> float:
    """Value noise in [0, 1): random at the whole-numbered corners, smooth between them."""
    corner_x, corner_y, corner_z = int(x // 1), int(y // 1), int(z // 1)
    weight_x, weight_y, weight_z = _fade(x - corner_x), _fade(y - corner_y), _fade(z - corner_z)
    total = 0.0
    for dx, along_x in ((0, 1.0 - weight_x), (1, weight_x)):
        for dy, along_y in ((0, 1.0 - weight_y), (1, weight_y)):
            for dz, along_z in ((0, 1.0 - weight_z), (1, weight_z)):
                if weight := along_x * along_y * along_z:
                    total += weight * _corner(seed, corner_x + dx, corner_y + dy, corner_z + dz)
    return total
