"""What an edge's members offer and bid before a gate: forecasts and limits → order messages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradelane.gateway.schedule import delivery_of
from tradelane.gateway.sections import Buyer, EdgeSection, Member
from tradelane.market.consumer import CONSUMERS, Consumer, PriceStep
from tradelane.market.order import Side
from tradelane.market.product import Product
from tradelane.market.quoting import Draft, lots_of_wh, quote_demand, quote_surplus
from tradelane.market.units import Interval, decimal, iso
from tradelane.meter.forecast import Forecast, forecast
from tradelane.meter.metering import MeteredInterval
from tradelane.meter.reading import Reading
from tradelane.meter.sun import sun_elevation

NO_LIMIT = 10**12
"""Ticks: the edge leaves the product's own price limits to the zone."""
FEW_CASES = 2
"""Past forecasts below which there is no record of errors worth the name."""
NEWCOMER_SHARE = 0.7
"""Share of the expected surplus that is offered until then."""


class Offering:
    """``closed`` holds each meter's metered intervals, oldest first; the edge keeps adding to it. ``made``
    holds the forecasts behind the latest bodies, by meter."""

    def __init__(self, section: EdgeSection, closed: Mapping[str, Sequence[MeteredInterval]]) -> None:
        self._meters = {meter.name: meter for meter in section.meters}
        self._closed = closed
        self.made: list[tuple[str, Forecast]] = []

    def bodies(
        self, member: Member, products: Sequence[Mapping[str, Any]], gate: int,
        newest: Mapping[str, tuple[Reading, int]],
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        """Order messages, unsigned; ids repeat when the same gate is offered for again."""
        known = [_product(raw) for raw in products]
        lengths = [one.delivery.end - one.delivery.start for one in known if one.delivery is not None]
        for product in known:
            if product.delivery is not None:
                drafts = list(self._power(member, product))
                read = newest.get(member.meter or "")
                for k, draft in enumerate(drafts):
                    body = _body(f"{member.id}:{iso(product.delivery.start)}:{k}", draft, product)
                    body |= _preferences(member, draft.side)
                    if read is not None and draft.side is Side.SELL:
                        body["read_wall"] = read[1]
                    yield body
            else:
                yield from _goods(member, product, gate, lengths[0])

    def _power(self, member: Member, product: Product) -> Iterator[Draft]:
        if member.sells and member.meter:
            spare = self._spare(member, member.meter, product)
            draft = quote_surplus(
                member.id, member.zone, product, spare, member.keep_wh, int(member.least_price / product.tick)
            )
            if draft is not None:
                yield draft
        if member.buys and product.delivery and member.buys.wants(product.delivery):
            yield from self._demand(member, member.buys, product)

    def _spare(self, member: Member, meter: str, product: Product) -> int:
        """Wh to offer: what is very likely there, and of a newcomer's a share of what is expected."""
        assert product.delivery is not None
        found = self.forecast(meter, product.delivery, member.offer_quantile)
        self.made.append((meter, found))
        return found.low_wh if found.cases >= FEW_CASES else int(found.expected_wh * NEWCOMER_SHARE)

    def forecast(self, meter: str, delivery: Interval, low: float) -> Forecast:
        """The meter's surplus in ``delivery``, from what it has metered so far."""
        entry = self._meters[meter]
        place = (entry.lat, entry.lon)

        def elevation(at: int) -> float:
            """Without a place the sun stands still, which makes the forecast plain persistence."""
            return 45.0 if place[0] is None or place[1] is None else sun_elevation(place[0], place[1], at)

        return forecast(self._closed[meter], delivery, elevation, low)

    def _demand(self, member: Member, buyer: Buyer, product: Product) -> Iterator[Draft]:
        if buyer.kind in CONSUMERS:
            yield from quote_demand(member.id, member.zone, product, _scaled(CONSUMERS[buyer.kind], buyer))
            return
        delivery = product.delivery
        assert buyer.max_price is not None and buyer.max_wh is not None and delivery is not None
        wh = buyer.max_wh
        if buyer.kind == "household":
            closed, length = self._closed.get(member.meter or "", ()), delivery.end - delivery.start
            wh = min(wh, (closed[-1].lasting(length).import_wh or 0) if closed else 0)
        lots = lots_of_wh(product, wh)
        if lots:
            price = int(buyer.max_price / product.tick)
            yield Draft(member.id, product.id, member.zone, Side.BUY, price, lots)


def _scaled(consumer: Consumer, buyer: Buyer) -> Consumer:
    steps = tuple(PriceStep(s.share_pct, s.price * buyer.price_factor) for s in consumer.steps)
    return Consumer(consumer.kind, consumer.wh_by_hour, steps)


def _product(raw: Mapping[str, Any]) -> Product:
    """What the edge needs of a product; its price limits stay the zone's business."""
    return Product(
        raw["id"],
        raw["unit"],
        decimal(raw["lot"]),
        decimal(raw["tick"]),
        -NO_LIMIT,
        NO_LIMIT,
        delivery=delivery_of(str(raw["id"])),
    )


def _goods(member: Member, product: Product, gate: int, unit: int) -> Iterator[dict[str, Any]]:
    """``unit``: milliseconds from one gate to the next."""
    for k, offer in enumerate(member.goods):
        if product.id.partition("/")[0] != offer.product or (gate // unit) % offer.every:
            continue
        lots = int(offer.quantity / product.lot)
        draft = Draft(
            member.id, product.id, member.zone, Side(offer.side), int(offer.price / product.tick), lots
        )
        yield _body(f"{member.id}:{offer.product}:{iso(gate)}:{k}", draft, product)


def _preferences(member: Member, side: Side) -> dict[str, Any]:
    """With whom a member would rather trade power; its surplus says where it comes from."""
    if side is Side.SELL:
        said = {**member.sells_to, "origin": member.origin}
    else:
        origins = member.buys.origins if member.buys else ()
        said = {"community": member.community, "partners": list(member.partners), "origins": list(origins)}
    return {name: value for name, value in said.items() if value}


def _body(id: str, draft: Draft, product: Product) -> dict[str, Any]:
    return {
        "id": id,
        "member": draft.member,
        "product": draft.product,
        "zone": draft.zone,
        "side": draft.side.value,
        "price": str(Decimal(draft.price) * product.tick),
        "quantity": str(Decimal(draft.quantity) * product.lot),
    }
