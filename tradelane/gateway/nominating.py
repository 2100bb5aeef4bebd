"""Tells each zone's operator what was sold over its borders, after every clearing.

Always true: each clearing is nominated once for each zone, under a key of its own, in the order of the
journal; which was the last stands in the zone's file, and moves on only after the e-hub's answers. Zones
without an EIC code or an operator are not nominated, nor are lanes to zones without a code. A day is one of
UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, delete, insert, select

from tradelane.gateway.catalogue import DAY, Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.correcting import WRONG_TOKEN
from tradelane.gateway.file import RoleFile
from tradelane.gateway.sections import PowerLane, ZoneEntry
from tradelane.gateway.tables import flows, meta, prices
from tradelane.market.units import MINUTE, Interval, iso
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.ehub.wire_nominations import Nominate, NominatedPoint, NominatedSeries
from tradelane.settlement.nomination import nomination_id

log = structlog.get_logger(__name__)
LAST = "nominated"
"""The key in ``meta`` of the journal's entry of the last clearing that was nominated."""
AT_ONCE = 32
"""Clearings read in one step."""


class Nominator:
    """``step()`` nominates the clearings that are not yet."""

    def __init__(self, store: RoleFile, hub: HubClient, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._section = catalogue.section
        self._zones = {zone.id: zone for zone in catalogue.section.zones if zone.eic is not None}
        self._told = [zone for zone in self._zones.values() if zone.operator and self._borders(zone)]

    async def step(self) -> bool:
        """Whether nothing is left to be told; if not, the e-hub was not reached."""
        if self._section.eic is None or not self._told:
            return True
        while clearings := await self._store.read(lambda conn: _due(conn, self._clock.now())):
            for clearing in clearings:
                if not await self._nominate(clearing):
                    return False
                await self._store(lambda conn, seq=clearing["seq"]: _remember(conn, seq))  # type: ignore[misc]  # lambda default
        return True

    async def _nominate(self, clearing: RowMapping) -> bool:
        """Whether every operator was told, or its zone refused for good."""
        sold = await self._store.read(lambda conn: _flows(conn, clearing["product"]))
        for zone in self._told:
            question = self.question(
                zone, Interval(clearing["interval_start"], clearing["interval_end"]), sold
            )
            key = f"nominate/{question.nomination}/{clearing['product']}"
            try:
                await self._hub.nominations.nominate(key, question)
            except HubUnreachable as error:
                log.warning("e-hub not reached, will try again", zone=zone.id, reason=str(error))
                return False
            except HubRefused as refusal:
                if refusal.status in WRONG_TOKEN:
                    return False
                log.error("not nominated", zone=zone.id, product=clearing["product"], reason=str(refusal))
        return True

    def question(self, zone: ZoneEntry, delivery: Interval, sold: Mapping[str, tuple[int, int]]) -> Nominate:
        """What ``zone``'s operator is told of one interval; ``sold`` is Wh sent and received by lane."""
        assert self._section.eic and zone.eic and zone.operator, "others are not told"
        day = Interval.at(delivery.start, DAY)
        return Nominate(
            nomination=nomination_id(self._section.eic, zone.eic, day),
            sender=self._section.eic,
            receiver=zone.operator,
            domain=zone.eic,
            start=iso(day.start),
            end=iso(day.end),
            resolution_minutes=(delivery.end - delivery.start) // MINUTE,
            series=[self._series(lane, zone, delivery, sold) for lane in self._borders(zone)],
        )

    def _series(
        self, lane: PowerLane, zone: ZoneEntry, delivery: Interval, sold: Mapping[str, tuple[int, int]]
    ) -> NominatedSeries:
        """At its own border a zone sends what leaves it, and takes what arrives."""
        sent, received = sold.get(lane.id, (0, 0))
        wh = sent if lane.source == zone.id else received
        return NominatedSeries(
            lane=lane.id,
            out_domain=self._eic(lane.source),
            in_domain=self._eic(lane.target),
            points=[NominatedPoint(start=iso(delivery.start), wh=wh)],
        )

    def _eic(self, zone: str) -> str:
        code = self._zones[zone].eic
        assert code is not None
        return code

    def _borders(self, zone: ZoneEntry) -> list[PowerLane]:
        """Lanes that end or begin in ``zone``, between zones that have an EIC code."""
        return [
            lane
            for lane in self._section.lanes
            if zone.id in (lane.source, lane.target) and {lane.source, lane.target} <= set(self._zones)
        ]


def _due(conn: Connection, now: int) -> list[RowMapping]:
    """Clearings after the last one nominated, oldest first; at first, those whose delivery is not over."""
    last = conn.execute(select(meta.c.value).where(meta.c.key == LAST)).scalar()
    p = prices.c
    begin = p.interval_end > now if last is None else p.seq > int(last)
    query = select(p.product, p.seq, p.interval_start, p.interval_end).where(begin)
    return list(conn.execute(query.distinct().order_by(p.seq).limit(AT_ONCE)).mappings())


def _flows(conn: Connection, product: str) -> dict[str, tuple[int, int]]:
    """Wh sent and received by lane."""
    query = select(flows.c.lane, flows.c.sent, flows.c.received).where(flows.c.product == product)
    return {row.lane: (row.sent, row.received) for row in conn.execute(query)}


def _remember(conn: Connection, seq: int) -> Any:
    conn.execute(delete(meta).where(meta.c.key == LAST))
    conn.execute(insert(meta), {"key": LAST, "value": str(seq)})
