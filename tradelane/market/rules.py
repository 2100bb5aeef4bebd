"""The rules of one continuous market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradelane.market.limits import NO_LIMITS, Limits
from tradelane.market.prevention import Prevention


@dataclass(frozen=True, slots=True)
class Rules:
    """``collar`` is the price band: how many ticks an order's price may be from its zone's last trade,
    before the first trade from the zone's ``references`` price (ticks by zone id); None: no band.

    The band holds when an order is entered, amended or fired. It bounds what a taker gives or takes, and
    does not drive out orders that stand.
    """

    prevention: Prevention = Prevention.NONE
    collar: int | None = None
    limits: Limits = NO_LIMITS
    references: Mapping[str, int] = field(default_factory=dict)


FREE = Rules()
