"""The zone as a member sees it, asked in its name; what was seen last stands in while it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar, cast

from tradelane.gateway.overview import OwnView
from tradelane.gateway.zone_client import ZoneRefused, ZoneUnreachable

T = TypeVar("T")
Ask = Callable[[str], Awaitable[Any]]
"""A member → what is asked in its name. Raises ZoneUnreachable or ZoneRefused."""
Prices = Callable[[str, int, int], Awaitable[list[dict[str, Any]]]]
"""A zone, from and until (ms) → rows of its clearing prices, oldest first."""
PATIENCE_S = 3.0
"""A page waits no longer for a zone."""


class Seen(NamedTuple):
    """``fresh``: the zone said so just now."""

    view: OwnView | None
    fresh: bool


class OwnZone:
    """The answers are the zone's own; the newest view of each member is kept."""

    def __init__(self, mine: Ask, prices: Prices) -> None:
        self._mine = mine
        self._prices = prices
        self._last: dict[str, OwnView] = {}

    async def view(self, member: str) -> Seen:
        """The market with the member's own part in it."""
        found = await answer(self._mine(member))
        if found is not None:
            self._last[member] = cast(OwnView, found)
        return Seen(self._last.get(member), found is not None)

    async def prices(self, zone: str, since: int, until: int) -> list[dict[str, Any]]:
        """Empty while the zone does not answer."""
        return await answer(self._prices(zone, since, until)) or []


async def answer(asked: Awaitable[T]) -> T | None:
    """What a zone said in time; None when it said nothing or no."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await asked
    except (ZoneUnreachable, ZoneRefused, TimeoutError):
        return None
