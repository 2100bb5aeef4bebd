"""The prices of the last and the next intervals against one's own limit, as bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradelane.market.units import instant

BEHIND_MS, AHEAD_MS = 4 * 3_600_000, 2 * 3_600_000
"""What is shown around now."""
HEIGHT, STEP = 80.0, 12.0
"""Of the strip and from one bar to the next, SVG user units."""


@dataclass(frozen=True, slots=True)
class Bar:
    """``price`` in currency per kWh; ``sells``: it reaches the limit; ``ahead``: not over yet."""

    start: str
    price: str
    x: float
    y: float
    height: float
    sells: bool
    ahead: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """``limit_y``: where the limit lies."""

    bars: tuple[Bar, ...]
    width: float
    limit_y: float


def price_strip(rows: Iterable[dict[str, Any]], limit: Decimal, now: int) -> Strip:
    """``rows`` of the open prices of one zone, oldest first, and ``limit`` per MWh."""
    known = [
        (row["interval_start"], row["interval_end"], Decimal(row["price"])) for row in rows if row["price"]
    ]
    top = max([limit, Decimal(0), *(price for *_, price in known)])
    bottom = min([limit, Decimal(0), *(price for *_, price in known)])
    span = float(top - bottom) or 1.0

    def y(price: Decimal) -> float:
        return round(HEIGHT * float(top - price) / span, 1)

    bars = tuple(
        Bar(
            start=start,
            price=str(price / 1000),
            x=k * STEP,
            y=min(y(price), y(Decimal(0))),
            height=max(1.0, round(abs(y(price) - y(Decimal(0))), 1)),
            sells=price >= limit,
            ahead=instant(end) > now,
        )
        for k, (start, end, price) in enumerate(known)
    )
    return Strip(bars, max(STEP, len(bars) * STEP), y(limit))
