"""Supply and demand as steps, and where they lie in a picture drawn by ``templates/desk/curves.html``. Pure.

Steps come from a clearing's own case file, or from the levels of a book. Prices are currency per unit,
quantities lots; coordinates are SVG user units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

WIDTH, HEIGHT, EDGE = 360.0, 200.0, 10.0
NEAR = 8
"""Steps on each side of a price that are looked at closely."""
MOST_TOLD = 150
"""With more steps than this, none is told one by one."""
CLOSE = 0.75
"""Of the nearest steps, the share that a close look has room for; the others lie on its border."""


@dataclass(frozen=True, slots=True)
class Step:
    """``lots`` at ``price``, after ``before`` at better prices."""

    price: Decimal
    lots: int
    before: int

    @property
    def after(self) -> int:
        return self.before + self.lots


@dataclass(frozen=True, slots=True)
class Curves:
    """Each side's steps, best first."""

    supply: tuple[Step, ...]
    demand: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.supply + self.demand

    def near(self, price: Decimal | None) -> Curves:
        """Only what lies around ``price``; of a book, which has none, the best of each side."""
        if price is None:
            return Curves(self.supply[: 2 * NEAR], self.demand[: 2 * NEAR])
        within = sum(step.price <= price for step in self.supply)
        above = sum(step.price >= price for step in self.demand)
        return Curves(
            self.supply[max(0, within - NEAR) : within + NEAR],
            self.demand[max(0, above - NEAR) : above + NEAR],
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One step's line, and what it says."""

    path: str
    step: Step


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """Two lines in WIDTH × HEIGHT; ``price_y`` where the clearing price lies; ``points``: x of what was sold
    and bought at it. ``low`` and ``high`` price stand at the bottom and the top, ``left`` and ``right`` lots
    at the sides."""

    supply: str
    demand: str
    sells: tuple[Told, ...]
    buys: tuple[Told, ...]
    price_y: float | None
    points: tuple[float, ...]
    low: Decimal
    high: Decimal
    left: int
    right: int


def steps_of(levels: Iterable[tuple[Decimal, int]], *, rising: bool) -> tuple[Step, ...]:
    """Lots by price, one step a price, from the lowest price on where ``rising``."""
    total: Counter[Decimal] = Counter()
    for price, lots in levels:
        total[price] += lots
    prices = sorted(total, reverse=not rising)
    before = accumulate((total[price] for price in prices), initial=0)
    return tuple(Step(price, total[price], so_far) for price, so_far in zip(prices, before, strict=False))


def curves_of(case: Mapping[str, Any], product: str, zone: str) -> Curves:
    """A zone's orders for one product of a case file, whose ``blocks`` stand beside its curves."""
    lot = next(Decimal(p["lot"]) for p in case["products"] if p["id"] == product)
    sides: dict[str, list[tuple[Decimal, int]]] = {"sell": [], "buy": []}
    for order in case["orders"]:
        if (order["product"], order["zone"]) == (product, zone):
            sides[order["side"]].append((Decimal(order["price"]), int(Decimal(order["quantity"]) / lot)))
    return Curves(steps_of(sides["sell"], rising=True), steps_of(sides["buy"], rising=False))


def blocks_of(case: Mapping[str, Any], product: str, zone: str) -> list[dict[str, str]]:
    """The case's block orders of a zone that would fill some of ``product``, without their ids."""
    return [
        {
            "side": block["side"],
            "price": block["price"],
            "quantity": block["profile"][product],
            "least": block.get("min_acceptance", "1"),
        }
        for block in case["blocks"]
        if block["zone"] == zone and product in block["profile"]
    ]


def draw(
    curves: Curves, price: Decimal | None = None, traded: Sequence[int | None] = (), *, close: bool = False
) -> CurvePicture | None:
    """The picture of ``curves``; None where there is no step. ``traded``: lots sold and bought at ``price``,
    None where that is not told. ``close``: prices far from it lie on the picture's border."""
    if not curves.steps:
        return None
    low, high = _prices(curves, price, close)
    known = [lots for lots in traded if lots is not None and price is not None]
    left = min(min(step.before for step in curves.steps), *known, 1 << 62)
    right = max(max(step.after for step in curves.steps), *known, left + 1)
    place = _Place(low, high, left, right)
    few = len(curves.steps) <= MOST_TOLD
    told = [
        tuple(_told(place, step) for step in side) if few else () for side in (curves.supply, curves.demand)
    ]
    return CurvePicture(
        _line(place, curves.supply),
        _line(place, curves.demand),
        told[0],
        told[1],
        None if price is None else place.y(price),
        tuple(place.x(lots) for lots in known),
        low,
        high,
        left,
        right,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    low: Decimal
    high: Decimal
    left: int
    right: int

    def x(self, lots: int) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (lots - self.left) / (self.right - self.left), 1)

    def y(self, price: Decimal) -> float:
        share = float((self.high - min(max(price, self.low), self.high)) / (self.high - self.low))
        return round(EDGE + (HEIGHT - 2 * EDGE) * share, 1)


def _prices(curves: Curves, price: Decimal | None, close: bool) -> tuple[Decimal, Decimal]:
    """The picture's lowest and highest price, which differ."""
    found = [step.price for step in curves.steps]
    if close and price is not None:
        away = sorted(abs(one - price) for one in found)
        most = away[int(CLOSE * (len(away) - 1))] * Decimal("1.25")
        found = [max(min(found), price - most), min(max(found), price + most), price]
    elif price is not None:
        found.append(price)
    low, high = min(found), max(found)
    return (low, high) if low < high else (low - 1, high + 1)


def _told(place: _Place, step: Step) -> Told:
    return Told(f"M{place.x(step.before)} {place.y(step.price)}H{place.x(step.after)}", step)


def _line(place: _Place, steps: Sequence[Step]) -> str:
    parts = [f"{'V' if k else f'M{place.x(step.before)} '}{place.y(step.price)}H{place.x(step.after)}"
             for k, step in enumerate(steps)]  # fmt: skip
    return "".join(parts)
