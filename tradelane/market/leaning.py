"""Where between the lowest and the highest optimal prices blocks need the published ones to be.

Optimal prices are convex: in every product low + θ·(high − low) is optimal for each θ from 0 to 1. Published
is the middle, θ = ½; where an accepted block would lose there, the θ of the products nearest to ½ (least
squares, nearest.py) at which none does. It does not depend on the solver, because low and high do
not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tradelane.market.acceptance import Book
from tradelane.market.block import Acceptance, Block
from tradelane.market.nearest import nearest_to_zero
from tradelane.market.units import MILLI

MIDDLE = Fraction(1, 2)
SWEEPS = 2_000
STILL = 1e-13
"""Change of θ in a sweep below which it has settled."""


@dataclass(frozen=True, slots=True)
class Face:
    """Lowest and highest optimal prices of one product, numeraire ticks by zone id."""

    low: Mapping[str, Fraction]
    high: Mapping[str, Fraction]

    def at(self, share: Fraction) -> dict[str, Fraction]:
        return {zone: low + share * (self.high[zone] - low) for zone, low in self.low.items()}


@dataclass(slots=True)
class _Need:
    """Σ slope·θ ≥ least (= least where ``exactly``)."""

    slope: dict[int, float]
    least: float
    exactly: bool
    push: float = 0.0

    def held_between(self) -> tuple[float, float]:
        """Least and greatest Σ slope·θ over all θ."""
        return sum(min(0.0, s) for s in self.slope.values()), sum(max(0.0, s) for s in self.slope.values())


def shares(
    book: Book, accepted: Acceptance, faces: Mapping[str, Face], margin: bool = False
) -> dict[str, Fraction]:
    """θ by product. With ``margin`` blocks gain what rounding the prices may take from them."""
    names = sorted(faces)
    needs = [need for need in _needs(book, accepted, faces, names, margin) if _decides(need)]
    theta = _nearest(len(names), needs)
    if theta is None:
        theta = [0.5] * len(names)
        _project(theta, needs)
    return {name: Fraction(t) if t != 0.5 else MIDDLE for name, t in zip(names, theta, strict=True)}


def _needs(
    book: Book, accepted: Acceptance, faces: Mapping[str, Face], names: Sequence[str], margin: bool
) -> list[_Need]:
    place = {name: k for k, name in enumerate(names)}
    free = {block.id for block in book.free(accepted)}
    found = []
    for block in book.blocks:
        if not accepted.get(block.id):
            continue
        found.append(_need(book, accepted, faces, place, book.family(block, accepted), False, margin))
        if block.id in free:
            found.append(_need(book, accepted, faces, place, book.movers(block, accepted), True, False))
    return found


def _need(
    book: Book, accepted: Acceptance, faces: Mapping[str, Face], place: Mapping[str, int],
    together: Sequence[Block], exactly: bool, margin: bool,
) -> _Need:  # fmt: skip
    slope: dict[int, float] = {}
    least = Fraction(0)
    for block in together:
        zone, sign = block.zone, block.side.sign
        for product in block.profile:
            lots = block.lots(product, accepted[block.id]) * sign * book.unit[product]
            low, high = faces[product].low[zone], faces[product].high[zone]
            least -= lots * (MILLI * low - book.fx[zone] * book.limit[block.id][product])
            if high != low:
                k = place[product]
                slope[k] = slope.get(k, 0.0) + float(lots * MILLI * (high - low))
        if margin:
            least += book.dust(block, accepted[block.id])
    size = sum(s * s for s in slope.values()) ** 0.5
    if not size:
        return _Need({}, 0.0, exactly)
    return _Need({k: s / size for k, s in slope.items()}, float(least) / size, exactly)


def _decides(need: _Need) -> bool:
    """Whether some θ meet the need and others do not."""
    if not need.slope:
        return False
    low, high = need.held_between()
    return need.least <= high + STILL and (need.exactly or low < need.least)


def _nearest(count: int, needs: Sequence[_Need]) -> list[float] | None:
    """The θ nearest to the middle that meet every need and the bounds 0 and 1; None where none do."""
    if not needs:
        return [0.5] * count
    used = sorted({k for need in needs for k in need.slope})
    slopes = np.array([[need.slope.get(k, 0.0) for k in used] for need in needs])
    least = np.array([need.least for need in needs]) - slopes.sum(axis=1) / 2
    exactly = np.array([need.exactly for need in needs])
    one, half = np.eye(len(used)), np.full(len(used), -0.5)
    moved = nearest_to_zero(
        np.vstack([slopes, -slopes[exactly], one, -one]), np.concatenate([least, -least[exactly], half, half])
    )
    if moved is None:
        return None
    theta = [0.5] * count
    for k, by in zip(used, moved.tolist(), strict=True):
        theta[k] = min(1.0, max(0.0, 0.5 + by))
    return theta


def _project(theta: list[float], needs: Sequence[_Need]) -> None:
    """Where not all needs can be met: a compromise between them, by Hildreth's method."""
    up, down = [0.0] * len(theta), [0.0] * len(theta)
    used = sorted({k for need in needs for k in need.slope})
    for _ in range(SWEEPS):
        moved = 0.0
        for need in needs:
            short = need.least - sum(s * theta[k] for k, s in need.slope.items())
            step = short if need.exactly else max(-need.push, short)
            need.push += step
            for k, s in need.slope.items():
                theta[k] += step * s
            moved = max(moved, abs(step))
        for k in used:
            step = max(-up[k], -theta[k])
            up[k], theta[k] = up[k] + step, theta[k] + step
            moved = max(moved, abs(step))
            step = max(-down[k], theta[k] - 1.0)
            down[k], theta[k] = down[k] + step, theta[k] - step
            moved = max(moved, abs(step))
        if moved <= STILL:
            break
    for k in used:
        theta[k] = min(1.0, max(0.0, theta[k]))
