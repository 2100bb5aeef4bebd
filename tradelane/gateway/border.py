"""What a zone tells customs of its goods: each field of a declaration copied from the trade.

ValueError everywhere for what no message can carry.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tradelane.gateway.catalogue import Catalogue
from tradelane.market.units import Money, plain, rounded
from tradelane.settlement import accounts
from tradelane.settlement.contract import Contract
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_declarations import Amend, Assess, Declare, Facts, Freight
from tradelane.settlement.settle import charged_at_border, lane_money, value

KILOGRAM = "kg"


def held_for_customs(contract: str) -> str:
    """The reservation of what customs will charge."""
    return f"{contract}/customs"


def facts(contract: Contract, catalogue: Catalogue, lots: int | None = None) -> Facts:
    """What duty and import tax of ``lots`` (all of them) hang on, at the border of the first lane."""
    leg = contract.legs[0]
    sent = contract.sent if lots is None else lots
    ends = catalogue.country(leg.source.id), catalogue.country(leg.target.id)
    common: dict[str, Any] = {"hs_code": contract.product.hs_code or "", "origin": ends[0]}
    common |= {"destination": ends[1], "value": _value(contract, sent)}
    if not charged_at_border(contract):
        return Facts(**common, duty_ppm=leg.lane.duty_ppm)
    return Facts(
        **common,
        freight=_freight(contract, sent),
        preference=catalogue.proof_of_origin(leg.lane.id),
        rates={zone.currency: plain(zone.fx) for zone in (contract.seller_zone, contract.buyer_zone)},
    )


def asked(contract: Contract, catalogue: Catalogue) -> Assess:
    """The question what a contract's goods will owe at the border."""
    return Assess(**facts(contract, catalogue).model_dump(), assessment=contract.id)


def declared(contract: Contract, catalogue: Catalogue, held: bool) -> Declare:
    """The declaration; ``held``: there is money held for it."""
    at_border = charged_at_border(contract)
    quantity, weight = _quantity(contract, contract.sent)
    return Declare(
        **facts(contract, catalogue).model_dump(),
        declaration=contract.id,
        contract=contract.id,
        quantity=quantity,
        unit=contract.product.unit,
        weight_kg=weight,
        consignor=contract.seller,
        consignee=contract.buyer,
        payer=accounts.member(contract.buyer, contract.buyer_zone.currency) if at_border else None,
        reservation=held_for_customs(contract.id) if held else None,
        assessment=contract.id if at_border else None,
    )


def arrived(contract: Contract, lots: int) -> Amend:
    """What has to be declared anew when only ``lots`` arrived."""
    quantity, weight = _quantity(contract, lots)
    freight = _freight(contract, lots) if charged_at_border(contract) else None
    return Amend(
        reason="what was delivered", value=_value(contract, lots), freight=freight, quantity=quantity,
        weight_kg=weight,
    )  # fmt: skip


def _quantity(contract: Contract, lots: int) -> tuple[str, str | None]:
    quantity = contract.product.quantity_text(lots)
    return quantity, quantity if contract.product.unit == KILOGRAM else None


def _value(contract: Contract, lots: int) -> PositiveAmount:
    currency = contract.seller_zone.currency
    worth = Money(value(contract.product, contract.seller_price, lots), currency)
    return PositiveAmount(currency=currency, value=str(worth))


def _freight(contract: Contract, lots: int) -> Freight:
    """What the carrier is paid."""
    tariff, _, _ = lane_money(contract.product, contract.legs[0], lots, lots)
    buyer = contract.buyer_zone
    paid = Money(rounded(tariff / Fraction(buyer.fx)), buyer.currency)
    return Freight(currency=paid.currency, value=str(paid))
