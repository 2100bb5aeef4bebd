"""What to offer or bid for, and at what price: position and limits → order drafts.

Always true: a draft is within the product's price limits and never worse for its member than the limit it
gave; a quantity is rounded down to whole lots, so that nobody sells what is not forecast or buys what is
not used. Drafts are unsigned and have no id: those are the member's key's and the journal's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradelane.market.consumer import Consumer
from tradelane.market.order import Side
from tradelane.market.product import Product

WH_PER_UNIT = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}


@dataclass(frozen=True, slots=True)
class Draft:
    """An order before it is signed: ``price`` in ticks, ``quantity`` in lots, as in ``Order``."""

    member: str
    product: str
    zone: str
    side: Side
    price: int
    quantity: int


def lots_of_wh(product: Product, wh: int) -> int:
    """Energy in whole lots of a product, rounded down; ValueError for a product that is not energy."""
    if product.unit not in WH_PER_UNIT:
        raise ValueError(f"{product.id} is traded in {product.unit}, which is not energy")
    return int(wh // (product.lot * WH_PER_UNIT[product.unit]))


def quote_lots(member: str, zone: str, product: Product, lots: int, min_price: int) -> Draft | None:
    """Offer ``lots`` at ``min_price`` ticks or more; None when there are none or nobody may pay that."""
    price = max(min_price, product.min_price)
    if lots <= 0 or price > product.max_price:
        return None
    return Draft(member, product.id, zone, Side.SELL, price, lots)


def quote_surplus(
    member: str, zone: str, product: Product, forecast_low_wh: int, keep_wh: int, min_price: int
) -> Draft | None:
    """Offer the surplus that can be counted on, less what the member keeps, at its ``min_price`` (ticks)."""
    spare = max(0, forecast_low_wh - max(0, keep_wh))
    return quote_lots(member, zone, product, lots_of_wh(product, spare), min_price)


def quote_demand(
    member: str, zone: str, product: Product, consumer: Consumer, own_wh: int = 0, utc_offset: int = 0
) -> list[Draft]:
    """Bid for a consumer's use in the product's delivery interval, one draft a price step, dearest first.

    ``own_wh`` of the member's own production covers the dearest use first. ``utc_offset`` is local time
    less UTC, in ms. ValueError for a product without a delivery interval, or that is not energy.
    """
    if product.delivery is None:
        raise ValueError(f"{product.id} has no delivery interval")
    use = consumer.use_wh(product.delivery, utc_offset)
    done, share, drafts = min(max(0, own_wh), use), 0, []
    for step in consumer.steps:
        share += step.share_pct
        upto = use * share // 100
        lots = lots_of_wh(product, max(0, upto - done))
        price = _ticks_within(product, step.price)
        if lots and price is not None:
            drafts.append(Draft(member, product.id, zone, Side.BUY, price, lots))
        done = max(done, upto)
    return drafts


def _ticks_within(product: Product, per_mwh: Decimal) -> int | None:
    """The highest price in ticks that is neither above the limit given nor above the product's."""
    per_unit = per_mwh * WH_PER_UNIT[product.unit] / WH_PER_UNIT["MWh"]
    ticks = min(int(per_unit // product.tick), product.max_price)
    return ticks if ticks >= product.min_price else None
