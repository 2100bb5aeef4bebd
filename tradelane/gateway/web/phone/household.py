"""What the pages of an owner ask of the edge: its members, their meters, their zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tradelane.gateway.choices import Choices, Key
from tradelane.gateway.clock import Clock
from tradelane.gateway.overview import OwnView
from tradelane.gateway.zone_client import ZoneRefused, ZoneUnreachable
from tradelane.meter.reading import Quality

if TYPE_CHECKING:
    from tradelane.gateway.closing import Closing
    from tradelane.gateway.file import RoleFile
    from tradelane.gateway.reading_log import ReadingLog
    from tradelane.gateway.sections import Member

Ask = Callable[[str], Awaitable[Any]]
"""A member → its own view. Raises ZoneUnreachable or ZoneRefused."""


@dataclass(frozen=True)
class Household:
    """One edge, as its pages see it."""

    file: RoleFile
    clock: Clock
    choices: Choices
    log: ReadingLog
    closing: Closing
    ask: Ask

    def knows(self, id: str | None) -> bool:
        """Whether ``id`` is a member of this edge."""
        return any(member.id == id for member in self.choices.members())

    def member(self, id: str) -> Member:
        """KeyError when there is none."""
        return self.choices.member(id)

    async def market(self, id: str) -> OwnView | None:
        """The market as the member's zone shows it to it; None while the zone does not answer."""
        try:
            return cast(OwnView, await self.ask(id))
        except (ZoneUnreachable, ZoneRefused):
            return None

    def power_w(self, member: Member) -> Decimal | None:
        """What the member's connection carries now, in W: imports positive; unknown is None."""
        newest = self.log.newest.get(member.meter or "")
        if newest is None or newest[0].quality is not Quality.GOOD:
            return None
        power = newest[0].values.get("power_w")
        return None if power is None else Decimal(str(power))

    def age_ms(self, member: Member) -> int | None:
        """Since the member's newest reading, in market ms."""
        newest = self.log.newest.get(member.meter or "")
        return None if newest is None else max(0, self.clock.now() - newest[0].gateway_time)

    async def choose(self, id: str, key: Key, text: str) -> Member:
        """Raises NotChosen."""
        return await self.choices.choose(self.file, self.clock.now(), id, key, text)
