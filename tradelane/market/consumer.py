"""What kinds of consumers use through a day, and what the use is worth to them.

The kinds below are round figures for trying a market out, laid so that the load curves are of the right
size and shape; a real member brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from tradelane.market.units import Interval

HOUR = 3_600_000
"""Milliseconds in an hour."""


@dataclass(frozen=True, slots=True)
class PriceStep:
    """``share_pct`` of the use is worth up to ``price``, in the zone's currency per MWh."""

    share_pct: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Consumer:
    """Use in Wh by hour of the local day, and its worth in one to three steps, the dearest first.

    ValueError unless there are 24 hours of use, none negative, and the steps' shares make 100.
    """

    kind: str
    wh_by_hour: tuple[int, ...]
    steps: tuple[PriceStep, ...]

    def __post_init__(self) -> None:
        if len(self.wh_by_hour) != 24 or min(self.wh_by_hour) < 0:
            raise ValueError(f"{self.kind}: use is given for 24 hours, at least 0 Wh in each")
        prices = [step.price for step in self.steps]
        if not 1 <= len(prices) <= 3 or prices != sorted(set(prices), reverse=True):
            raise ValueError(f"{self.kind}: one to three price steps, each below the one before it")
        if min(s.share_pct for s in self.steps) <= 0 or sum(s.share_pct for s in self.steps) != 100:
            raise ValueError(f"{self.kind}: the steps' shares are positive and make 100 %")

    def use_wh(self, interval: Interval, utc_offset: int = 0) -> int:
        """Use in an interval, rounded down to Wh; ``utc_offset`` is local time less UTC, in ms."""
        at, end, total = interval.start + utc_offset, interval.end + utc_offset, 0
        while at < end:
            until = min(end, at - at % HOUR + HOUR)
            total += self.wh_by_hour[at // HOUR % 24] * (until - at)
            at = until
        return total // HOUR


def _steps(*steps: tuple[int, str]) -> tuple[PriceStep, ...]:
    return tuple(PriceStep(share, Decimal(price)) for share, price in steps)


def _day(*spans: tuple[int, int]) -> tuple[int, ...]:
    """(hours, Wh in each of them) one after the other."""
    return tuple(wh for hours, wh in spans for _ in range(hours))


BAKERY = Consumer(
    "bakery",
    _day((2, 3_000), (6, 24_000), (4, 12_000), (6, 5_000), (6, 2_000)),
    _steps((70, "320"), (30, "190")),
)
COLD_STORE = Consumer(
    "cold store",
    _day((8, 14_000), (4, 18_000), (6, 24_000), (6, 17_000)),
    _steps((40, "300"), (30, "140"), (30, "60")),
)
HEAT_PUMP = Consumer(
    "heat pump",
    _day((5, 1_200), (4, 2_800), (7, 1_000), (6, 2_400), (2, 1_400)),
    _steps((60, "260"), (40, "110")),
)
CHARGING_POST = Consumer(
    "charging post",
    _day((6, 2_000), (3, 9_000), (7, 6_000), (6, 15_000), (2, 5_000)),
    _steps((50, "400"), (30, "210"), (20, "90")),
)
CONSUMERS: Mapping[str, Consumer] = MappingProxyType(
    {c.kind: c for c in (BAKERY, COLD_STORE, HEAT_PUMP, CHARGING_POST)}
)
