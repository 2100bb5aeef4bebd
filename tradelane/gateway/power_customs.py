"""Declares to customs the power of each month on each lane over a border of customs territories.

Always true: a month is declared once, when it is over and every contract of it is settled or ended, and
amended at most once, when no correction of it can come any more; each under a key of its own, and the zone's
file moves on only after the e-hub's answer. Quantities and values are exact sums over settled contracts; a
contract that is still before people then is not in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select

from tradelane.gateway import contracts
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.correcting import WRONG_TOKEN
from tradelane.gateway.file import RoleFile
from tradelane.gateway.tables import contracts as rows
from tradelane.gateway.tables import corrections, meta
from tradelane.market.product import Product
from tradelane.market.units import Interval, Money, iso, plain
from tradelane.settlement.contract import Contract, State
from tradelane.settlement.ehub.client import HubClient, HubRefused, HubUnreachable
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_declarations import Amend, DeclarationAnswer, Declare
from tradelane.settlement.settle import value
from tradelane.settlement.tariff_data import territories

log = structlog.get_logger(__name__)
POWER = "27160000"
CORRECTED = "corrections"
NOT_FOUND = 404
DECLARED = "power-declared"
"""The key in ``meta`` of the last month that was declared for good; with ``:lodged``, of the last lodged."""
OPEN = (State.AGREED, State.FUNDED, State.METERED)


class Sent(NamedTuple):
    """Over one lane: lots (Wh) and their value, nano-units of the source zone's currency."""

    lots: int
    nano: int


def month_of(at: int) -> Interval:
    """The month (UTC) that holds an instant in ms."""
    day = datetime.fromtimestamp(at / 1000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    return Interval(int(day.timestamp() * 1000), int(following.timestamp() * 1000))


def sums(delivered: Iterable[tuple[Contract, int]]) -> dict[str, Sent]:
    """What went over each lane, from contracts and the lots that their sellers delivered."""
    found: dict[str, Sent] = {}
    for contract, sent in delivered:
        for leg in contract.legs:
            before = found.get(leg.lane.id, Sent(0, 0))
            worth = value(contract.product, leg.source_price, sent)
            found[leg.lane.id] = Sent(before.lots + sent, before.nano + worth)
            sent = leg.lane.received(sent)
    return found


class PowerCustoms:
    """``step()`` declares and amends what can be by now. Before ``looks_at`` (ms) there is nothing to do."""

    def __init__(self, store: RoleFile, hub: HubClient, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._hub = hub
        self._catalogue = catalogue
        self._clock = clock
        lanes = catalogue.section.lanes
        self._lanes = {lane.id: lane for lane in lanes if self._crosses(lane.source, lane.target)}
        self.looks_at = 0

    async def step(self) -> None:
        """Raises nothing for an e-hub that is away: the next step tries again."""
        now = self._clock.now()
        if now < self.looks_at or not self._lanes:
            return
        try:
            self.looks_at = await self._step(now)
        except HubUnreachable as error:
            log.warning("e-hub not reached, will try again", reason=str(error))

    async def _step(self, now: int) -> int:
        """When there is something to do again."""
        month = await self._store.read(_next_month)
        if month is None:
            return 0
        lodged = await self._store.read(lambda conn: _kept(conn, f"{DECLARED}:lodged"))
        if lodged != str(month.start):
            if now < month.end:
                return month.end
            if await self._store.read(lambda conn: _unsettled(conn, month)):
                return 0
            await self._declare(month)
            await self._store(lambda conn: _keep(conn, f"{DECLARED}:lodged", str(month.start)))
        final = self._catalogue.final(month.end)
        if now < final:
            return final
        if not await self._store.read(lambda conn: _unbooked(conn, month)):
            await self._amend(month)
            await self._store(lambda conn: _keep(conn, DECLARED, str(month.start)))
        return 0

    async def _declare(self, month: Interval) -> None:
        for lane, sent in (await self._sums(month)).items():
            await self._told(lane, month, sent, first=True)

    async def _amend(self, month: Interval) -> None:
        found = await self._sums(month)
        for lane in sorted(self._lanes):
            await self._told(lane, month, found.get(lane), first=False)

    async def _told(self, lane: str, month: Interval, sent: Sent | None, *, first: bool) -> None:
        """Lodged, or brought to what the sums are by now. What the e-hub refuses is not tried again."""
        name = f"power/{lane}/{iso(month.start)[:7]}"
        said = None
        try:
            if sent is not None:
                said = self._declaration(name, lane, sent)
            kept = None if first else await self._kept(name)
            if kept is not None:
                await self._corrected(kept, said)
            elif said is not None:
                await self._hub.customs.declare(f"{name}/declare{'' if first else '-late'}", said)
        except (HubRefused, ValueError) as refusal:  # ValueError: what no message can carry
            if isinstance(refusal, HubRefused) and refusal.status in WRONG_TOKEN:
                raise HubUnreachable(str(refusal)) from refusal
            log.error("power not declared", declaration=name, reason=str(refusal))

    async def _kept(self, name: str) -> DeclarationAnswer | None:
        try:
            return await self._hub.customs.declaration(name)
        except HubRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            return None

    async def _corrected(self, kept: DeclarationAnswer, said: Declare | None) -> None:
        """Amended, or invalidated when nothing went over the lane after all."""
        name = kept.declaration
        if said is None:
            await self._hub.customs.invalidate(f"{name}/invalidate", name, CORRECTED)
        elif (kept.quantity, kept.value.value) != (said.quantity, said.value.value):
            question = Amend(reason=CORRECTED, quantity=said.quantity, value=said.value)
            await self._hub.customs.amend(f"{name}/amend", name, question)

    def _declaration(self, name: str, lane: str, sent: Sent) -> Declare:
        ends = self._lanes[lane]
        source, target = (self._catalogue.zones[zone] for zone in (ends.source, ends.target))
        worth = Money(sent.nano, source.currency)
        product: Product = self._catalogue.next_power(0)
        return Declare(
            declaration=name,
            contract=name,
            hs_code=POWER,
            origin=self._catalogue.country(source.id),
            destination=self._catalogue.country(target.id),
            value=PositiveAmount(currency=worth.currency, value=str(worth)),
            business=True,
            rates={zone.currency: plain(zone.fx) for zone in (source, target)},
            quantity=product.quantity_text(sent.lots),
            unit=product.unit,
            consignor=source.id,
            consignee=target.id,
        )

    async def _sums(self, month: Interval) -> dict[str, Sent]:
        settled = await self._store.read(lambda conn: _settled(conn, month))
        found = sums((contracts.contract_of(row), row["delivered"]) for row in settled)
        return {lane: sent for lane, sent in sorted(found.items()) if lane in self._lanes and sent.lots}

    def _crosses(self, source: str, target: str) -> bool:
        ends = [self._catalogue.country(zone) for zone in (source, target)]
        known = [territories().get(country) for country in ends]
        return ends[0] != ends[1] and (known[0] is None or known[0] is not known[1])


def _next_month(conn: Connection) -> Interval | None:
    """The month after the last that is declared for good, or that of the first power there was."""
    last = _kept(conn, DECLARED)
    if last is not None:
        return month_of(month_of(int(last)).end)
    query = select(func.min(rows.c.interval_start)).where(rows.c.commodity == "power")
    first = conn.execute(query).scalar()
    return None if first is None else month_of(first)


def _of(month: Interval) -> tuple[ColumnElement[bool], ...]:
    start = rows.c.interval_start
    return rows.c.commodity == "power", start >= month.start, start < month.end


def _settled(conn: Connection, month: Interval) -> list[RowMapping]:
    query = select(rows).where(*_of(month), rows.c.state == State.RELEASED)
    return list(conn.execute(query).mappings())


def _unsettled(conn: Connection, month: Interval) -> bool:
    query = select(rows.c.id).where(*_of(month), rows.c.state.in_(OPEN)).limit(1)
    return conn.execute(query).first() is not None


def _unbooked(conn: Connection, month: Interval) -> bool:
    start = corrections.c.interval_start
    query = select(corrections.c.member).where(
        corrections.c.booked.is_(False), start >= month.start, start < month.end
    )
    return conn.execute(query.limit(1)).first() is not None


def _kept(conn: Connection, key: str) -> str | None:
    return conn.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def _keep(conn: Connection, key: str, text: str) -> None:
    conn.execute(delete(meta).where(meta.c.key == key))
    conn.execute(insert(meta), {"key": key, "value": text})
