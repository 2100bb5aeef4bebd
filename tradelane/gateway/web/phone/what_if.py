"""What a day would have earned at another least price, or with more kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradelane.market.units import Interval


@dataclass(frozen=True, slots=True)
class WhatIf:
    """``earned`` in the zone's currency; of ``exported_wh``, ``sold_wh``; of ``intervals`` with a price, in
    ``selling`` it would have sold."""

    earned: Decimal
    sold_wh: int
    exported_wh: int
    selling: int
    intervals: int


def what_if(
    exported: Mapping[Interval, int], prices: Mapping[Interval, Decimal], least: Decimal, keep_wh: int
) -> WhatIf:
    """``prices`` and ``least`` per MWh; Wh by interval. A roof is too small to move its zone's price: all
    that it sent out beyond ``keep_wh`` sells at the clearing price, wherever that reaches ``least``."""
    known = {interval: wh for interval, wh in exported.items() if interval in prices}
    sold = {
        interval: wh - keep_wh for interval, wh in known.items() if prices[interval] >= least and wh > keep_wh
    }
    earned = sum((prices[interval] * wh / 1_000_000 for interval, wh in sold.items()), Decimal(0))
    return WhatIf(earned, sum(sold.values()), sum(known.values()), len(sold), len(known))
