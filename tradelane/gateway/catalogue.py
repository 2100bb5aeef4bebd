"""What a zone role trades, read from its configuration: zones, lanes and the products open at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType

from tradelane.gateway.lane_duty import country_of, day_of, lane_duty
from tradelane.gateway.schedule import next_gate, product_id
from tradelane.gateway.sections import Goods, GoodsLane, ZoneSection
from tradelane.market.constraint import Constraint, flow_based, lane_set
from tradelane.market.limits import UNLIMITED, Limits
from tradelane.market.order import Refusal
from tradelane.market.product import Allocation, DutyBasis, Lane, Product, Zone
from tradelane.market.rules import Rules
from tradelane.market.units import MINUTE, Interval, instant, whole

POWER_LOT = Decimal("0.000001")
"""MWh: power is traded in whole watt-hours."""
HOUR = 60 * MINUTE
DAY = 24 * HOUR
AS_CONFIGURED: Mapping[str, int] = MappingProxyType({})
"""No lane's capacity was set."""


LATE_INTERVALS = 8
"""Market time units after which what was metered in an interval is final."""


class Catalogue:
    """Products by id. Power: one per market time unit, ``power/<start>/PT15M``. Goods: one per product and
    day of delivery, ``<goods id>/<date>``.
    """

    def __init__(self, section: ZoneSection) -> None:
        self.section = section
        self.mtu = section.mtu_minutes * MINUTE
        self.lead = section.gate_lead_minutes * MINUTE
        self.grace = section.settle_grace_minutes * MINUTE
        self.goods = {goods.id: goods for goods in section.goods}

    def final(self, end: int) -> int:
        """When an interval that ended at ``end`` (ms) is settled for good: a statement missing by then counts
        as nothing delivered, and none is corrected any more."""
        return end + self.grace + LATE_INTERVALS * self.mtu

    @cached_property
    def zones(self) -> dict[str, Zone]:
        return {z.id: Zone(z.id, z.currency, z.fx) for z in self.section.zones}

    def country(self, zone: str) -> str:
        """The country a zone is in, as customs knows it."""
        said = next((z.country for z in self.section.zones if z.id == zone), None)
        return said or country_of(zone)

    @property
    def currencies(self) -> list[str]:
        return sorted({zone.currency for zone in self.zones.values()})

    def power(self, delivery: Interval) -> Product:
        """The power product delivered in ``delivery``; tick in zone currency per MWh, lot 1 Wh."""
        return Product(
            id=product_id(delivery),
            unit="MWh",
            lot=POWER_LOT,
            tick=self.section.tick,
            min_price=whole(self.section.min_price, self.section.tick),
            max_price=whole(self.section.max_price, self.section.tick),
            allocation=Allocation.PRO_RATA,
            delivery=delivery,
            gate=delivery.start - self.lead,
        )

    def power_lanes(self, set_kw: Mapping[str, int] = AS_CONFIGURED) -> list[Lane]:
        """Interconnectors with their capacity in Wh per market time unit: as it was set, else configured."""
        return [
            Lane(
                lane.id,
                lane.source,
                lane.target,
                self.wh(set_kw.get(lane.id, lane.capacity_kw)),
                lane.loss_ppm,
                lane.tariff,
            )
            for lane in self.section.lanes
        ]

    def power_constraints(self, product: str) -> list[Constraint]:
        """What interconnectors share, by id, in Wh per market time unit."""
        found = [lane_set(s.id, product, s.lanes, self.wh(s.capacity_kw)) for s in self.section.lane_sets]
        lanes = self.power_lanes()
        for limit in self.section.flow_based:
            ptdf = {zone: Fraction(share) for zone, share in limit.ptdf.items()}
            found.append(flow_based(limit.id, product, ptdf, Fraction(self.wh(limit.ram_kw)), lanes))
        return sorted(found, key=lambda constraint: constraint.id)

    def wh(self, kw: int) -> int:
        """What ``kw`` carry in a market time unit."""
        return int(Fraction(kw * 1000 * self.mtu, HOUR))

    def goods_product(self, goods: Goods, day: Interval) -> Product:
        return Product(
            id=f"{goods.id}/{datetime.fromtimestamp(day.start / 1000, UTC):%Y-%m-%d}",
            unit=goods.unit,
            lot=goods.lot,
            tick=goods.tick,
            min_price=whole(goods.min_price, goods.tick),
            max_price=whole(goods.max_price, goods.tick),
            delivery=day,
            hs_code=goods.hs_code,
        )

    def goods_lanes(self, goods: str, at: int) -> list[Lane]:
        """Freight routes of one product on the day of ``at`` (ms), their capacity in lots per day. A lane
        whose duty follows a tariff table that does not know it is closed."""
        found = []
        for x in self.section.goods_lanes:
            if x.product == goods and (duty := self.duty_of(x, at)) is not None:
                found.append(Lane(x.id, x.source, x.target, x.capacity, 0, x.freight, *duty))
        return found

    def proof_of_origin(self, lane: str) -> bool:
        """Whether goods go over a freight route with a proof of preferential origin."""
        return any(x.id == lane and x.proof_of_origin for x in self.section.goods_lanes)

    def duty_of(self, lane: GoodsLane, at: int) -> tuple[int, DutyBasis] | None:
        """A lane's duty in millionths, and what it is taken on; None when the tariff table does not know."""
        if not lane.duty_rule:
            return lane.duty_ppm, DutyBasis.STATED
        ends = self.country(lane.source), self.country(lane.target)
        hs_code = self.goods[lane.product].hs_code
        return lane_duty(hs_code, *ends, day_of(at), proof_of_origin=lane.proof_of_origin)

    def goods_rules(self, goods: str) -> Rules:
        """The rules of one product's continuous market, in ticks and lots."""
        said = self.goods[goods]
        lots = {
            name: UNLIMITED if most is None else whole(most, said.lot)
            for name, most in (("order_lots", said.most_in_order), ("open_lots", said.most_open))
        }
        limits = Limits(**lots, open_orders=said.most_open_orders or UNLIMITED)
        return Rules(
            said.self_trade,
            None if said.collar is None else whole(said.collar, said.tick),
            limits,
            {zone: whole(price, said.tick) for zone, price in said.references.items()},
        )

    def open_goods(self, now: int) -> list[Product]:
        """The goods products of the day that holds ``now``."""
        return [self.goods_product(goods, Interval.at(now, DAY)) for goods in self.section.goods]

    def is_open(self, product: Product, now: int) -> bool:
        """Whether orders for ``product`` can be taken at ``now``."""
        if product.gate is not None:
            return now < product.gate
        return product.delivery is not None and now in product.delivery

    def next_power(self, now: int) -> Product:
        """The power product whose gate comes next."""
        return self.power(next_gate(now, self.mtu, self.lead).delivery)

    def find(self, id: str) -> Product | Refusal:
        """The product called ``id``, whether or not it is open."""
        name, _, rest = id.partition("/")
        try:
            if name == "power":
                start = instant(rest.partition("/")[0])
                product = self.power(Interval.at(start, self.mtu))
            else:
                day = instant(f"{rest}T00:00Z")
                product = self.goods_product(self.goods[name], Interval(day, day + DAY))
        except (ValueError, KeyError, OverflowError):
            return Refusal.UNKNOWN_PRODUCT
        return product if product.id == id else Refusal.UNKNOWN_PRODUCT
