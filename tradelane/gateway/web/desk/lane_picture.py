"""A lane's history as lines: the price at both ends, and what it carried of what it could. Pure.

Units: prices in one currency per MWh, energy in Wh an interval, instants in ms; coordinates are SVG user
units, drawn by ``templates/desk/lane.html``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from tradelane.market.units import MINUTE, Interval

WIDTH, EDGE = 360.0, 10.0
HOUR = 60 * MINUTE
PRICES, FLOWS = (14.0, 104.0), (128.0, 200.0)
"""Top and bottom of the two parts of the picture."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One interval of a lane, or some together; a price is None where none was told."""

    interval: Interval
    source_price: Decimal | None
    target_price: Decimal | None
    sent: int
    received: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Column:
    """Where one interval stands."""

    x: float
    width: float
    at: Carried


@dataclass(frozen=True, slots=True)
class LanePicture:
    """Paths; ``low`` and ``high`` price at the bottom and top of their part (None: no price at all), ``most``
    Wh at the top of the other."""

    source: str
    target: str
    sent: str
    capacity: str
    columns: tuple[Column, ...]
    low: Decimal | None
    high: Decimal | None
    most: int


def by_hour(rows: Sequence[Carried]) -> list[Carried]:
    """Energy summed and prices' means over each hour (UTC) of ``rows``, which come by time."""
    return [_together(list(group)) for _, group in groupby(rows, key=lambda row: row.interval.start // HOUR)]


def _together(rows: Sequence[Carried]) -> Carried:
    return Carried(
        Interval(rows[0].interval.start, rows[-1].interval.end),
        _mean([row.source_price for row in rows]),
        _mean([row.target_price for row in rows]),
        sum(row.sent for row in rows),
        sum(row.received for row in rows),
        sum(row.capacity for row in rows),
    )


def _mean(prices: Sequence[Decimal | None]) -> Decimal | None:
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) / len(known) if known else None


def draw_lane(shown: Interval, rows: Sequence[Carried]) -> LanePicture:
    """``rows`` by time, all within ``shown``."""
    found = [p for row in rows for p in (row.source_price, row.target_price) if p is not None]
    low, high = (min(found), max(found)) if found else (None, None)
    most = max((max(row.capacity, row.sent) for row in rows), default=0)

    def x(at: int) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (at - shown.start) / (shown.end - shown.start), 2)

    def price_y(price: Decimal) -> float:
        assert low is not None and high is not None
        share = float((high - price) / (high - low)) if high > low else 0.5
        return round(PRICES[0] + (PRICES[1] - PRICES[0]) * share, 1)

    def energy_y(wh: int) -> float:
        return round(FLOWS[1] - (FLOWS[1] - FLOWS[0]) * wh / (most or 1), 1)

    def line(y_of: Callable[[Carried], float | None]) -> str:
        return _line([(x(row.interval.start), x(row.interval.end), y_of(row)) for row in rows])

    def price_line(price_of: Callable[[Carried], Decimal | None]) -> str:
        return line(lambda row: None if (price := price_of(row)) is None else price_y(price))

    columns = (
        Column(x(row.interval.start), round(x(row.interval.end) - x(row.interval.start), 2), row)
        for row in rows
    )
    return LanePicture(
        price_line(lambda row: row.source_price),
        price_line(lambda row: row.target_price),
        "".join(
            f"M{x(row.interval.start)} {FLOWS[1]}V{energy_y(row.sent)}H{x(row.interval.end)}V{FLOWS[1]}Z"
            for row in rows
            if row.sent
        ),
        line(lambda row: energy_y(row.capacity)),
        tuple(columns),
        low,
        high,
        most,
    )


def _line(parts: Sequence[tuple[float, float, float | None]]) -> str:
    """Steps from the left to the right; where there is no height, or a part is missing, the line breaks."""
    path, end = "", None
    for left, right, y in parts:
        if y is not None:
            path += f"V{y}H{right}" if end == left else f"M{left} {y}H{right}"
        end = None if y is None else right
    return path
