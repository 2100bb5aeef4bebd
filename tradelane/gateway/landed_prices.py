"""What goods will cost a buyer over each lane to its zone, before it orders: as customs will charge it.

Reckoned as one consignment; an order that several sellers fill is several. By the best price that the source
zone offers now, or by the price given when nobody offers less: the same sums as settling and customs.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradelane.gateway import border
from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.goods import GoodsMarket
from tradelane.gateway.lane_duty import day_of
from tradelane.gateway.refusals import refuse, steps
from tradelane.market.exchange import Exchange
from tradelane.market.landed import Landed
from tradelane.market.order import Refusal, Side
from tradelane.market.product import Lane, Product
from tradelane.market.units import MILLI, Money, rounded
from tradelane.settlement.contract import Contract, Leg
from tradelane.settlement.ehub.figures import figures_of
from tradelane.settlement.ehub.wire_declarations import Figures
from tradelane.settlement.landed import Unassessable
from tradelane.settlement.problem import Problem
from tradelane.settlement.settle import border_duty, charged_at_border, convert, lane_money, value

Json = dict[str, Any]
LEVELS = 20
"""Levels of the source's book that are looked at."""
MOST_LOTS = 10**9


class LandedPrices:
    def __init__(self, file: RoleFile, catalogue: Catalogue, clock: Clock, goods: GoodsMarket) -> None:
        self._file = file
        self._catalogue = catalogue
        self._clock = clock
        self._goods = goods

    async def of(self, name: str, zone: str, side: Side, price: str, quantity: str) -> Json:
        """One answer a lane: to ``zone`` for a buyer there, from it for a seller. Problem 422, naming the
        field, for what cannot be ordered or assessed."""
        product = self._catalogue.find(name)
        if isinstance(product, Refusal) or not self._catalogue.is_open(product, self._clock.now()):
            refuse(Refusal.UNKNOWN_PRODUCT)
        if zone not in self._catalogue.zones:
            refuse(Refusal.UNKNOWN_ZONE)
        ticks, lots = _whole(product, price, quantity)
        exchange = await self._file(lambda conn: self._goods.exchange(conn, product))
        lanes = self._catalogue.goods_lanes(product.id.partition("/")[0], self._clock.now())
        if side is Side.BUY:
            asked = (
                (lane, self._bought(lane, product, exchange, ticks)) for lane in lanes if lane.target == zone
            )
        else:
            asked = ((lane, self._sold(lane, product, ticks)) for lane in lanes if lane.source == zone)
        items = [self._over(self._contract(lane, product, lots, *prices)) for lane, prices in asked]
        currency = self._catalogue.zones[zone].currency
        return {"product": product.id, "zone": zone, "currency": currency, "items": items}

    def _over(self, contract: Contract) -> Json:
        product, (leg,) = contract.product, contract.legs
        due = self._due(contract)
        pays = value(product, contract.buyer_price, contract.received)
        duty, tax = (due["duty"], due["tax"]) if charged_at_border(contract) else (0, 0)
        total = pays - border_duty(contract, contract.sent) + duty + tax
        named = {name: due[name] for name in ("goods", "freight", "duty", "tax")}
        named |= {"rounding": total - sum(named.values()), "total": total}
        currency = contract.buyer_zone.currency
        said = {"lane": leg.lane.id, "source": leg.source.id, "target": leg.target.id, "currency": currency}
        amounts = {name: str(Money(nano, currency)) for name, nano in named.items()}
        return {
            **said,
            "price": product.price_text(contract.buyer_price // MILLI),
            **amounts,
            "lines": due["lines"],
        }

    def _bought(self, lane: Lane, product: Product, exchange: Exchange, ticks: int) -> tuple[int, int]:
        """Ticks at both ends for a buyer who pays at most ``ticks``."""
        seen = self._seen(lane, product)
        offered = [level.price for level in exchange.depth(lane.source, LEVELS).sells]
        best = next((price for price in offered if seen.landed(price) <= ticks), None)
        return (seen.netback(ticks), ticks) if best is None else (best, seen.landed(best))

    def _sold(self, lane: Lane, product: Product, ticks: int) -> tuple[int, int]:
        """Ticks at both ends for a seller who gets ``ticks``."""
        return ticks, self._seen(lane, product).landed(ticks)

    def _seen(self, lane: Lane, product: Product) -> Landed:
        zones = self._catalogue.zones
        return Landed(lane, zones[lane.source], zones[lane.target], product.tick)

    def _contract(self, lane: Lane, product: Product, lots: int, seller: int, buyer: int) -> Contract:
        """As it would be made, by ticks at both ends."""
        if seller <= 0:
            raise Problem.field(422, "price-below-freight", "price", "less than freight and duty alone")
        source, target = (self._catalogue.zones[end] for end in (lane.source, lane.target))
        leg = Leg(lane, source, target, seller * MILLI, buyer * MILLI)
        received = self._seen(lane, product).received(lots)
        return Contract(
            "", product, "", source, "", target, lots, received, seller * MILLI, buyer * MILLI, (leg,),
            continuous=True,
        )  # fmt: skip

    def _due(self, contract: Contract) -> Json:
        leg, buyer = contract.legs[0], contract.buyer_zone
        freight, duty, _ = lane_money(contract.product, leg, contract.sent, contract.received)
        goods = convert(
            value(contract.product, contract.seller_price, contract.sent), contract.seller_zone, buyer
        )
        found = {"goods": goods, "freight": rounded(freight / Fraction(buyer.fx)), "tax": 0, "lines": []}
        if not charged_at_border(contract):
            return {**found, "duty": rounded(duty / Fraction(buyer.fx))}
        figures = self._figures(contract)
        lines = [line.model_dump(mode="json") for line in figures.lines]
        return {**found, "duty": figures.duty.money.nano, "tax": figures.tax.money.nano, "lines": lines}

    def _figures(self, contract: Contract) -> Figures:
        try:
            return figures_of(border.facts(contract, self._catalogue), day_of(self._clock.now()))
        except Unassessable as refused:
            raise Problem.field(422, refused.code, refused.field, refused.reason) from None
        except ValueError as error:  # what no message to customs can carry
            raise Problem.field(422, "not-declarable", "quantity", str(error)) from None


def _whole(product: Product, price: str, quantity: str) -> tuple[int, int]:
    """Ticks and lots, both within what may be ordered."""
    ticks = steps(price, "price", product.tick, Refusal.OFF_TICK)
    lots = steps(quantity, "quantity", product.lot, Refusal.OFF_LOT)
    if not product.min_price <= ticks <= product.max_price:
        refuse(Refusal.PRICE_OUT_OF_RANGE)
    if lots <= 0:
        refuse(Refusal.QUANTITY_NOT_POSITIVE)
    if lots > MOST_LOTS:
        refuse(Refusal.ORDER_TOO_LARGE)
    return ticks, lots


def landed_router(prices: LandedPrices) -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/landed/{product:path}")
    async def landed(
        product: str,
        zone: str,
        price: Annotated[str, Query(max_length=40)],
        quantity: Annotated[str, Query(max_length=40)],
        side: Side = Side.BUY,
    ) -> Json:
        """What goods cost at a buyer's door over each lane: goods, freight, duty, import tax, and the sum.
        ``zone`` is the buyer's; with ``side=sell`` the seller's, and ``price`` is what it asks."""
        return await prices.of(product, zone, side, price, quantity)

    return router
