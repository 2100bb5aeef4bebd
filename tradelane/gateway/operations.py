"""What a zone's operator can do, by a form of the desk or over the API: each journaled under a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from tradelane.gateway import capacities, halting, watching
from tradelane.gateway.acts import Act
from tradelane.gateway.capacities import MOST_KW, Setting
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket
from tradelane.gateway.halting import Halt
from tradelane.gateway.schedule import next_gate
from tradelane.gateway.watching import Called
from tradelane.market.session import Phase
from tradelane.market.units import Interval, iso
from tradelane.settlement.problem import Problem

LONGEST_REASON = 200


class Operations:
    """``changed`` is called when something happened that may let a contract move."""

    def __init__(
        self, file: RoleFile, catalogue: Catalogue, clock: Clock, goods: GoodsMarket,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.file = file
        self.catalogue = catalogue
        self.clock = clock
        self._goods = goods
        self._changed = changed

    @property
    def markets(self) -> list[str]:
        return [halting.POWER, *self.catalogue.goods]

    def next_delivery(self) -> Interval:
        """The first interval for which anything can still be set."""
        return next_gate(self.clock.now(), self.catalogue.mtu, self.catalogue.lead).delivery

    async def set_capacities(self, who: str, settings: Sequence[Setting], reason: str = "") -> list[Act]:
        """All of them or, raising Problem, none."""
        for setting in settings:
            self._check(setting)
        reason = reason.strip()[:LONGEST_REASON]
        return await self.file(lambda conn: [self._set(conn, one, who, reason) for one in settings])

    def _check(self, setting: Setting) -> None:
        if setting.lane not in {lane.id for lane in self.catalogue.section.lanes}:
            raise Problem.field(404, "unknown-lane", "lane", f"no lane {setting.lane!r}")
        for field, at in (("from", setting.delivery.start), ("until", setting.delivery.end)):
            if at % self.catalogue.mtu:
                minutes = self.catalogue.section.mtu_minutes
                raise Problem.field(
                    422, "not-an-interval", field, f"market time units begin every {minutes} min"
                )
        if setting.kw is not None and not 0 <= setting.kw <= MOST_KW:
            raise Problem.field(422, "validation", "capacity_kw", f"is from 0 to {MOST_KW} kW")

    def _set(self, conn: Connection, setting: Setting, who: str, reason: str) -> Act:
        """On the writer, so that what is set for an interval stands before its gate in the journal."""
        first = self.next_delivery().start
        if setting.delivery.start < first:
            raise Problem.field(422, "gate-closed", "from", f"the first interval still open is {iso(first)}")
        return capacities.set_capacity(conn, setting, who, reason, self.clock.now())

    async def halt(self, who: str, market: str, reason: str) -> Halt:
        """Take no more orders for a market, from the next one on."""
        self._known(market)
        reason = reason.strip()[:LONGEST_REASON]
        if not reason:
            raise Problem.field(422, "validation", "reason", "members are told why")
        return await self.file(lambda conn: self._halt(conn, market, reason, who))

    def _halt(self, conn: Connection, market: str, reason: str, who: str) -> Halt:
        now = self.clock.now()
        halt = halting.halt(conn, market, reason, who, now)
        self._turn(conn, market, now, Phase.HALTED)
        return halt

    async def resume(self, who: str, market: str) -> bool:
        """Take orders again; whether the market was halted. Goods come back by an auction."""
        self._known(market)
        resumed = await self.file(lambda conn: self._resume(conn, market, who))
        self._changed()
        return resumed

    def _resume(self, conn: Connection, market: str, who: str) -> bool:
        now = self.clock.now()
        if not halting.resume(conn, market, who, now):
            return False
        self._turn(conn, market, now, Phase.AUCTION, Phase.CONTINUOUS)
        return True

    def _turn(self, conn: Connection, market: str, now: int, *phases: Phase) -> None:
        """Bring today's book of goods there too, so that nothing in it is traded while orders are refused."""
        if market == halting.POWER:
            return
        (product,) = (p for p in self.catalogue.open_goods(now) if halting.market_of(p) == market)
        is_halted = self._goods.exchange(conn, product).phase is Phase.HALTED
        if is_halted != (Phase.HALTED in phases):
            for phase in phases:
                self._goods.turn(conn, product, phase, now, self.clock.wall())

    async def acknowledge(self, who: str, key: str) -> Act:
        """Take note of an alarm that stands."""
        return await self.file(lambda conn: self._acknowledge(conn, who, key))

    def _acknowledge(self, conn: Connection, who: str, key: str) -> Act:
        for called in watching.alarms_now(conn, self.catalogue, self.clock):
            if called.alarm.key == key:
                return watching.acknowledge(conn, called, who, self.clock.now())
        raise Problem.field(404, "unknown-alarm", "alarm", "no such alarm stands")

    async def alarms(self) -> list[Called]:
        """Those that stand, the oldest first."""
        return await self.file.read(lambda conn: watching.alarms_now(conn, self.catalogue, self.clock))

    def _known(self, market: str) -> None:
        if market not in self.markets:
            raise Problem.field(404, "unknown-market", "market", f"one of {', '.join(self.markets)}")
