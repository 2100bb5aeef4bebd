"""Contract + delivery → transfers between accounts, in whole nano-units.

Each party pays and gets its own zone's price in its own currency; the difference stands in named accounts:

    buyer pays p_b·received = seller's amount (converted) + Σ lanes (tariff + duty + rent) + rounding

Rounding happens here in two places: valuing lots at a price finer than the tick, and converting currency.
Both remainders go to ``rounding:<currency>``, which also carries the lot a lane's rounded loss eats.
A missing Wh is bought from the balancing operator at the zone's price moved against the seller. Goods that do
not arrive are not balanced: nobody pays for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from tradelane.market.product import DutyBasis, Product, Zone
from tradelane.market.units import MILLI, NANO, PPM, Money, rounded
from tradelane.settlement import accounts
from tradelane.settlement.contract import Contract, Leg
from tradelane.settlement.delivery import Delivery
from tradelane.settlement.ledger import Transfer

Due = tuple[str, int, str]
"""Account, nano-units in the buyer's currency, kind."""


def value(product: Product, price: int, lots: int) -> int:
    """Nano-units of ``lots`` at ``price`` milliticks, to the nearest."""
    return rounded(product.nano_per_tick_lot * price * lots / MILLI)


def to_reserve(contract: Contract) -> Money:
    """The most the buyer can come to owe at settlement; zero when the price is not above zero."""
    owed = value(contract.product, contract.buyer_price, contract.received)
    owed -= border_duty(contract, contract.sent)
    return Money(max(0, owed), contract.buyer_zone.currency)


def charged_at_border(contract: Contract) -> bool:
    """Whether customs itself takes what the goods owe, so that settling does not: they cross one lane, whose
    duty is by a tariff table."""
    return len(contract.legs) == 1 and contract.legs[0].lane.duty_basis is not DutyBasis.STATED


def border_duty(contract: Contract, sent: int) -> int:
    """What the price of ``sent`` lots holds for a duty that is charged at the border, in the buyer's
    currency. Customs may charge less, by a relief: that is the buyer's gain."""
    if not charged_at_border(contract):
        return 0
    _, duty, _ = lane_money(contract.product, contract.legs[0], sent, sent)
    return rounded(duty / Fraction(contract.buyer_zone.fx))


def settle(delivery: Delivery, penalty_ppm: int) -> list[Transfer]:
    """All transfers that end a contract. ``penalty_ppm`` moves the imbalance price against the seller."""
    contract = delivery.contract
    product = contract.product
    pays = value(product, contract.buyer_price, delivery.received)
    pays -= border_duty(contract, delivery.delivered)
    gets = value(product, contract.seller_price, delivery.delivered)
    dues = [*_price(contract, gets), *_way(contract, delivery)]
    moves = [*_paid(contract, pays, dues), *_converted(contract, gets), *_imbalance(delivery, penalty_ppm)]
    return [
        Transfer(f"{contract.id}/{k}", source, target, Money(nano, money), kind, contract.product.id)
        for k, (source, target, nano, money, kind) in enumerate(_positive(moves))
    ]


Move = tuple[str, str, int, str, str]
"""Source, target, nano-units, currency, kind."""


def _positive(moves: Iterable[Move]) -> Iterator[Move]:
    """Money below zero flows the other way; nothing, and what a member owes itself, is not moved."""
    for source, target, nano, money, kind in moves:
        if nano and source != target:
            ends = (source, target) if nano > 0 else (target, source)
            yield *ends, abs(nano), money, kind


def _price(contract: Contract, gets: int) -> Iterator[Due]:
    """What the seller's amount costs in the buyer's currency, and who takes it there."""
    seller, buyer = contract.seller_zone, contract.buyer_zone
    if seller.currency == buyer.currency:
        yield accounts.member(contract.seller, seller.currency), gets, "sale"
    else:
        yield accounts.fx(buyer.currency), convert(gets, seller, buyer), "conversion"


def convert(nano: int, source: Zone, target: Zone) -> int:
    return rounded(nano * Fraction(source.fx) / Fraction(target.fx))


def _converted(contract: Contract, gets: int) -> Iterator[Move]:
    currency = contract.seller_zone.currency
    if currency != contract.buyer_zone.currency:
        yield accounts.fx(currency), accounts.member(contract.seller, currency), gets, currency, "sale"


def _way(contract: Contract, delivery: Delivery) -> Iterator[Due]:
    """Tariff, duty and rent of each lane, in the buyer's currency."""
    sent, currency = delivery.delivered, contract.buyer_zone.currency
    for leg in contract.legs:
        last = leg is contract.legs[-1]
        received = delivery.received if last else leg.lane.received(sent)
        tariff, duty, rent = lane_money(contract.product, leg, sent, received)
        per_unit = 1 / Fraction(contract.buyer_zone.fx)
        kind = "freight" if contract.continuous else "tariff"
        yield accounts.lane_tariff(leg.lane.id, currency), rounded(tariff * per_unit), kind
        if not charged_at_border(contract):
            yield accounts.customs(currency), rounded(duty * per_unit), "duty"
        if not contract.continuous:
            yield accounts.lane_rent(leg.lane.id, currency), max(0, rounded(rent * per_unit)), "rent"
        sent = received


def lane_money(product: Product, leg: Leg, sent: int, received: int) -> tuple[Fraction, Fraction, Fraction]:
    """Tariff, duty and rent of ``sent`` lots that arrive as ``received``, in numeraire nano-units."""
    unit = product.nano_per_tick_lot / MILLI
    at_source = Fraction(leg.source.fx) * leg.source_price * sent * unit
    at_target = Fraction(leg.target.fx) * leg.target_price * received * unit
    tariff = Fraction(leg.lane.tariff) * Fraction(product.lot) * sent * NANO
    duty = (at_source * leg.lane.duty_ppm + tariff * leg.lane.duty_on_tariff_ppm) / PPM
    return tariff, duty, at_target - at_source - duty - tariff


def _paid(contract: Contract, pays: int, dues: Iterable[Due]) -> Iterator[Move]:
    """From a line of those who owe to a line of those who are owed, the buyer first in its own.

    Below zero a due is a debt, such as that of a seller at a negative price. Dust that is over goes to
    rounding, dust that is missing comes from there. So no account both gives and takes, and what the buyer
    gives is what it owes.
    """
    currency = contract.buyer_zone.currency
    owed = [(accounts.member(contract.buyer, currency), -pays, ""), *dues]
    missing = sum(nano for _, nano, _ in owed)
    owed.append((accounts.rounding(currency), -missing, "rounding"))
    givers = [(account, -nano, kind) for account, nano, kind in owed if nano < 0]
    takers = deque((account, nano, kind) for account, nano, kind in owed if nano > 0)
    for giver, gives, why in givers:
        while gives:
            taker, takes, what = takers.popleft()
            part = min(gives, takes)
            yield giver, taker, part, currency, why if why == "rounding" or not what else what
            gives -= part
            if takes > part:
                takers.appendleft((taker, takes - part, what))


def _imbalance(delivery: Delivery, penalty_ppm: int) -> Iterator[Move]:
    contract = delivery.contract
    if contract.continuous:
        return
    currency = contract.seller_zone.currency
    price = contract.seller_price + rounded(Fraction(abs(contract.seller_price) * penalty_ppm, PPM))
    owed = value(contract.product, price, delivery.imbalance)
    yield (
        accounts.member(contract.seller, currency),
        accounts.balancing(currency),
        owed,
        currency,
        "imbalance",
    )
