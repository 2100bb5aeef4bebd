"""What a zone tells customs of its goods: each field of a declaration copied from the trade."""

from __future__ import annotations

from tradelane.gateway.catalogue import Catalogue
from tradelane.market.units import Money
from tradelane.settlement.contract import Contract
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_declarations import Declare
from tradelane.settlement.settle import value

KILOGRAM = "kg"


def declared(contract: Contract, catalogue: Catalogue) -> Declare:
    """The declaration of a contract's goods, at the border of its first lane. ValueError for what no message
    can carry."""
    leg, product = contract.legs[0], contract.product
    paid = Money(value(product, contract.seller_price, contract.sent), contract.seller_zone.currency)
    quantity = product.quantity_text(contract.sent)
    return Declare(
        declaration=contract.id,
        contract=contract.id,
        hs_code=product.hs_code or "",
        origin=catalogue.country(leg.source.id),
        destination=catalogue.country(leg.target.id),
        value=PositiveAmount(currency=paid.currency, value=str(paid)),
        quantity=quantity,
        unit=product.unit,
        weight_kg=quantity if product.unit == KILOGRAM else None,
        consignor=contract.seller,
        consignee=contract.buyer,
        duty_ppm=leg.lane.duty_ppm,
    )
