"""The zone as a member sees it, asked in its name; what was seen last stands in while it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar, cast

from tradelane.gateway.overview import OwnView
from tradelane.gateway.zone_client import ZoneRefused, ZoneUnreachable

T = TypeVar("T")
Json = dict[str, Any]
Ask = Callable[[str], Awaitable[Any]]
"""A member → what is asked in its name. Raises ZoneUnreachable or ZoneRefused."""
Prices = Callable[[str, int, int], Awaitable[list[dict[str, Any]]]]
"""A zone, from and until (ms) → rows of its clearing prices, oldest first."""
Purse = Callable[[str, str | None], Awaitable[dict[str, Any]]]
"""A member, and the receipt after which to go on → its balance and a page of receipts, oldest first."""
MOST_RECEIPTS = 5_000
"""The newest ones kept of each member."""
PATIENCE_S = 3.0
"""A page waits no longer for a zone."""


class Seen(NamedTuple):
    """``fresh``: the zone said so just now."""

    view: OwnView | None
    fresh: bool


class Money(NamedTuple):
    """``state``: as the zone tells it (own_money.OwnMoney); ``receipts``: the newest first."""

    state: Json
    receipts: list[Json]


class OwnZone:
    """The answers are the zone's own; the newest view of each member is kept."""

    def __init__(self, mine: Ask, prices: Prices, purse: Purse) -> None:
        self._mine = mine
        self._prices = prices
        self._purse = purse
        self._receipts: dict[str, list[Json]] = {}
        self._last: dict[str, OwnView] = {}

    async def view(self, member: str) -> Seen:
        """The market with the member's own part in it."""
        found = await answer(self._mine(member))
        if found is not None:
            self._last[member] = cast(OwnView, found)
        return Seen(self._last.get(member), found is not None)

    async def money(self, member: str) -> Money | None:
        """What stands at the e-hub now, with every receipt; None while it cannot be asked. Only receipts that
        are not known yet are fetched."""
        kept = self._receipts.setdefault(member, [])
        while True:
            found = await answer(self._purse(member, kept[-1]["cursor"] if kept else None))
            if found is None:
                return None
            known = {one["receipt"] for one in kept[-1:]}
            fresh = [one for one in found["receipts"] if one["receipt"] not in known]
            kept += fresh
            del kept[:-MOST_RECEIPTS]
            if found["next"] is None or not fresh:
                return Money(found, kept[::-1])

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
