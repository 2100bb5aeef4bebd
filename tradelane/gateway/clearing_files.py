"""A gateway's clearing as the public files of the market: anyone can clear it again and prove it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tradelane.gateway.catalogue import AS_CONFIGURED, Catalogue
from tradelane.gateway.preferences import without_names
from tradelane.market.case import FORMAT, Case, read_case
from tradelane.market.order import Order
from tradelane.market.product import Product
from tradelane.market.proof import verify
from tradelane.market.result import clear_case
from tradelane.market.units import plain
from tradelane.market.wish import Wish


def case_of(
    catalogue: Catalogue,
    product: Product,
    book: Sequence[Order],
    wishes: Mapping[str, Wish],
    set_kw: Mapping[str, int] = AS_CONFIGURED,
) -> dict[str, Any]:
    """The case file of one power product. Orders go by their number in the journal: no names, no ids."""
    return {
        "format": FORMAT,
        "numeraire": catalogue.section.numeraire,
        "products": [
            {
                "id": product.id,
                "unit": product.unit,
                "lot": plain(product.lot),
                "tick": plain(product.tick),
                "min_price": product.price_text(product.min_price),
                "max_price": product.price_text(product.max_price),
                "allocation": product.allocation.value,
            }
        ],
        "zones": [{"id": z.id, "currency": z.currency, "fx": plain(z.fx)} for z in catalogue.zones.values()],
        "lanes": [
            {
                "id": lane.id,
                "product": product.id,
                "source": lane.source,
                "target": lane.target,
                "capacity": product.quantity_text(lane.capacity),
                "loss_ppm": lane.loss_ppm,
                "tariff": plain(lane.tariff),
                "duty_ppm": lane.duty_ppm,
            }
            for lane in catalogue.power_lanes(set_kw)
        ],
        "orders": [
            {
                "id": f"o{order.seq}",
                "seq": order.seq,
                "product": product.id,
                "zone": order.zone,
                "side": order.side.value,
                "price": product.price_text(order.price),
                "quantity": product.quantity_text(order.quantity),
                **wish,
            }
            for order, wish in zip(book, without_names(book, wishes), strict=True)
        ],
        "blocks": [],
        **_shared(catalogue, product),
    }


def _shared(catalogue: Catalogue, product: Product) -> dict[str, Any]:
    """What lanes share, by kind; nothing where they share nothing."""
    section = catalogue.section
    sets = [
        {
            "id": s.id,
            "product": product.id,
            "lanes": list(s.lanes),
            "capacity": product.quantity_text(catalogue.wh(s.capacity_kw)),
        }
        for s in section.lane_sets
    ]
    flow_based = [
        {
            "id": limit.id,
            "product": product.id,
            "ptdf": {zone: plain(share) for zone, share in limit.ptdf.items()},
            "ram": product.quantity_text(catalogue.wh(limit.ram_kw)),
        }
        for limit in section.flow_based
    ]
    return {name: rows for name, rows in (("lane_sets", sets), ("flow_based", flow_based)) if rows}


def result_of_case(case: dict[str, Any]) -> dict[str, Any]:
    """The result file: clearing is deterministic, so it is the one that was published."""
    return clear_case(_read(case))


def problems_of(case: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """What does not hold of a result, found without a solver; nothing when it is proven."""
    return verify(_read(case), result)


def _read(case: dict[str, Any]) -> Case:
    return read_case(json.dumps(case), lambda name: ())
