"""What a goods market is on one day, as its first journal entry says it: so that the books can be built from
the journal alone, whatever the configuration says by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradelane.gateway.catalogue import Catalogue
from tradelane.market.exchange import Exchange
from tradelane.market.limits import UNLIMITED, Limits
from tradelane.market.prevention import Prevention
from tradelane.market.product import DutyBasis, Lane, Product, Zone
from tradelane.market.rules import Rules
from tradelane.market.session import Phase
from tradelane.market.units import MINUTE

LIMITS = ("order_lots", "open_orders", "open_lots")


@dataclass(frozen=True, slots=True)
class Opening:
    """Until ``opens_at`` (ms) orders are collected; None: the market is continuous from its first order."""

    product: Product
    zones: tuple[Zone, ...]
    lanes: tuple[Lane, ...]
    rules: Rules
    opens_at: int | None

    def exchange(self) -> Exchange:
        """The market before its first order."""
        phase = Phase.CONTINUOUS if self.opens_at is None else Phase.PRE_OPEN
        return Exchange(self.product, self.zones, self.lanes, self.rules, phase)

    def body(self) -> dict[str, Any]:
        """What the journal keeps: all but the product's own scale, which its id stands for."""
        rules = self.rules
        limits = {name: getattr(rules.limits, name) for name in LIMITS}
        return {
            "product": self.product.id,
            "opens_at": self.opens_at,
            "zones": [{"id": z.id, "currency": z.currency, "fx": str(z.fx)} for z in self.zones],
            "lanes": [
                {
                    "id": lane.id,
                    "source": lane.source,
                    "target": lane.target,
                    "capacity": lane.capacity,
                    "loss_ppm": lane.loss_ppm,
                    "tariff": str(lane.tariff),
                    "duty_ppm": lane.duty_ppm,
                    "duty_basis": lane.duty_basis.value,
                }
                for lane in self.lanes
            ],
            "self_trade": rules.prevention.value,
            "collar": rules.collar,
            "references": dict(rules.references),
            "limits": {name: None if most == UNLIMITED else most for name, most in limits.items()},
        }


def configured(catalogue: Catalogue, product: Product) -> Opening:
    """The market of a product as the configuration has it now."""
    name = product.id.partition("/")[0]
    assert product.delivery is not None, "goods are delivered on a day"
    minutes = catalogue.goods[name].pre_open_minutes
    opens_at = product.delivery.start + minutes * MINUTE if minutes else None
    lanes = tuple(catalogue.goods_lanes(name, product.delivery.start))
    return Opening(product, tuple(catalogue.zones.values()), lanes, catalogue.goods_rules(name), opens_at)


def opening_of(product: Product, body: Mapping[str, Any]) -> Opening:
    """The market that a journal entry opened."""
    limits = {name: UNLIMITED if most is None else most for name, most in body["limits"].items()}
    rules = Rules(Prevention(body["self_trade"]), body["collar"], Limits(**limits), body["references"])
    zones = (Zone(z["id"], z["currency"], Decimal(z["fx"])) for z in body["zones"])
    lanes = (_lane(lane) for lane in body["lanes"])
    return Opening(product, tuple(zones), tuple(lanes), rules, body["opens_at"])


def _lane(body: Mapping[str, Any]) -> Lane:
    basis = DutyBasis(body.get("duty_basis", DutyBasis.STATED))
    return Lane(**{**body, "tariff": Decimal(body["tariff"]), "duty_basis": basis})
