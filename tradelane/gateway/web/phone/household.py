"""What the pages of an owner ask of the edge: its members, their meters, their zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import select

from tradelane.gateway.choices import Choices, Key
from tradelane.gateway.clock import Clock
from tradelane.gateway.tables import metered
from tradelane.gateway.web.phone.own_goods import OwnGoods
from tradelane.gateway.web.phone.own_zone import OwnZone
from tradelane.market.units import Interval
from tradelane.meter.metering import MeteredInterval
from tradelane.meter.reading import Quality

if TYPE_CHECKING:
    from tradelane.gateway.closing import Closing
    from tradelane.gateway.file import RoleFile
    from tradelane.gateway.reading_log import ReadingLog
    from tradelane.gateway.sections import Member
    from tradelane.gateway.web.live import Live


@dataclass(frozen=True)
class Household:
    """One edge, as its pages see it. ``live`` tells open pages that there is something new."""

    file: RoleFile
    clock: Clock
    choices: Choices
    log: ReadingLog
    closing: Closing
    zone: OwnZone
    goods: OwnGoods
    live: Live

    def knows(self, id: str | None) -> bool:
        """Whether ``id`` is a member of this edge."""
        return any(member.id == id for member in self.choices.members())

    def member(self, id: str) -> Member:
        """KeyError when there is none."""
        return self.choices.member(id)

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

    def last_interval(self, member: Member) -> MeteredInterval | None:
        """The newest that is closed."""
        closed: Sequence[MeteredInterval] = self.closing.closed.get(member.meter or "", ())
        return closed[-1] if closed else None

    async def exported(self, member: Member, since: int, until: int) -> dict[Interval, int]:
        """Wh that the member's meter sent out in each interval from ``since`` to ``until`` (ms)."""
        m = metered.c
        query = select(m.interval_start, m.interval_end, m.export_wh).where(
            m.meter == member.meter, m.interval_start >= since, m.interval_end <= until
        )
        rows = await self.file.read(lambda conn: conn.execute(query.order_by(m.interval_start)).all())
        return {Interval(row.interval_start, row.interval_end): row.export_wh for row in rows}

    async def choose(self, id: str, wishes: Iterable[tuple[Key, str]]) -> None:
        """All of them or, raising NotChosen, none."""
        known = tuple(wishes)
        for key, text in known:
            self.choices.checked(id, key, text)
        for key, text in known:
            await self.choices.choose(self.file, self.clock.now(), id, key, text)
