"""How long a zone's market time units are, as its power products have told, and since when.

Always true: what was sold by a product is metered in that product's own interval: a new length counts from
the first delivery that is offered in it, and what lies before keeps the old one. Between the two, where they
do not fit, one shorter interval closes the gap, so that no watt-hour falls between them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from tradelane.gateway.schedule import delivery_of
from tradelane.gateway.tables import meta, metered
from tradelane.market.units import MINUTE, Interval, iso

KEY = "market units"
FOREVER = 0
"""Since when the first length that is ever told counts."""
MOST = 32
"""Changes that are remembered: older ones concern nothing that is still open."""


class MarketUnits:
    """``changes``: instants (Unix ms), rising, each with the length (ms) from then on; none: not told yet."""

    def __init__(self, changes: Iterable[tuple[int, int]] = ()) -> None:
        self._changes = list(changes)

    def __str__(self) -> str:
        """``PT15M, PT30M since 2026-06-21T10:30Z``"""
        said = [f"PT{length // MINUTE}M since {iso(since)}" for since, length in self._changes]
        return ", ".join([said[0].partition(" since")[0], *said[1:]] if said else ["not told yet"])

    @classmethod
    def of(cls, length: int) -> MarketUnits:
        """One length (ms), always."""
        return cls([(FOREVER, length)])

    def restore(self, conn: Connection) -> None:
        """Take up what was told before the restart; a file that does not say has its newest interval."""
        said = conn.execute(select(meta.c.value).where(meta.c.key == KEY)).scalar()
        if said is not None:
            self._changes = [(since, length) for since, length in json.loads(said)]
            return
        ends = select(metered.c.interval_start, metered.c.interval_end)
        row = conn.execute(ends.order_by(metered.c.interval_start.desc()).limit(1)).first()
        if row is not None:
            self._changes = [(FOREVER, row.interval_end - row.interval_start)]

    def told(self, products: Iterable[Mapping[str, Any]]) -> Callable[[Connection], None] | None:
        """Heed a zone's ``products``: work that stores what is new in them, None where nothing is."""
        deliveries = [found for product in products if (found := delivery_of(product["id"])) is not None]
        before = list(self._changes)
        for delivery in sorted(deliveries, key=lambda one: one.start):
            self._note(delivery)
        return None if self._changes == before else _storing(self._changes)

    def _note(self, delivery: Interval) -> None:
        length = delivery.end - delivery.start
        if not self._changes:
            self._changes = [(FOREVER, length)]
        elif self._at(delivery.start) != length:
            earlier = [change for change in self._changes if change[0] < delivery.start]
            self._changes = [*earlier, (delivery.start, length)][-MOST:]

    def _at(self, instant: int) -> int | None:
        index = bisect_right(self._changes, instant, key=lambda change: change[0])
        return self._changes[index - 1][1] if index else None

    @property
    def finest(self) -> int | None:
        """The shortest length (ms) that is remembered."""
        return min((length for _, length in self._changes), default=None)

    def holding(self, instant: int) -> Interval | None:
        """The whole unit that holds ``instant``; None while no length is known."""
        length = self._at(instant)
        return None if length is None else Interval.at(instant, length)

    def beginning(self, start: int) -> Interval | None:
        """What is to be closed from ``start`` on: the unit that begins there, or the rest of it, up to a
        change of lengths at most. None while no length is known."""
        unit = self.holding(start)
        if unit is None:
            return None
        index = bisect_right(self._changes, start, key=lambda change: change[0])
        change = self._changes[index][0] if index < len(self._changes) else unit.end
        return Interval(start, min(unit.end, change))

    def is_whole(self, interval: Interval) -> bool:
        """Whether an interval is one that the zone trades in, and no rest between two lengths."""
        return self.holding(interval.start) == interval


def _storing(changes: Iterable[tuple[int, int]]) -> Callable[[Connection], None]:
    body = json.dumps(list(changes))

    def store(conn: Connection) -> None:
        upsert = sqlite.insert(meta).values(key=KEY, value=body)
        conn.execute(upsert.on_conflict_do_update(index_elements=["key"], set_={"value": body}))

    return store
