"""What is traded, where, and over which border: Product, Zone, Lane.

The scale of every integer price and quantity belongs to its product: a price is a count of ticks of the
zone's currency per unit, a quantity a count of lots.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from tradelane.market.units import NANO, Interval, decimal, plain, whole


class Allocation(StrEnum):
    """Who is filled first among orders at the margin (DESIGN: at the money)."""

    TIME = "time"
    PRO_RATA = "pro_rata"


@dataclass(frozen=True, slots=True)
class Product:
    """One order book's subject: commodity, delivery, quality and place.

    ``lot`` is in ``unit`` (power: 0.000001 MWh = 1 Wh), ``tick`` in the zone's currency per ``unit``;
    ``min_price`` and ``max_price`` are in ticks, both allowed. ``delivery`` is the market time unit of
    power, or the delivery window of goods. ``gate`` is the instant (ms) after which a call auction takes
    no more orders; None for continuous products.
    """

    id: str
    unit: str
    lot: Decimal
    tick: Decimal
    min_price: int
    max_price: int
    allocation: Allocation = Allocation.TIME
    delivery: Interval | None = None
    gate: int | None = None
    hs_code: str | None = None

    def ticks(self, price: str) -> int:
        """Price text in currency per unit → ticks; ValueError when off-tick."""
        return whole(decimal(price), self.tick)

    def lots(self, quantity: str) -> int:
        """Quantity text in units → lots; ValueError when not a whole number of lots."""
        return whole(decimal(quantity), self.lot)

    def price_text(self, ticks: int) -> str:
        return plain(ticks * self.tick)

    def quantity_text(self, lots: int) -> str:
        return plain(lots * self.lot)

    @property
    def nano_per_tick_lot(self) -> Fraction:
        """Money, in nano-units of the zone's currency, of one lot at a price of one tick."""
        return Fraction(self.tick) * Fraction(self.lot) * NANO


class DutyBasis(StrEnum):
    """Where a lane's duty comes from, and what it is taken on: ``stated`` by the lane itself on the source's
    price; or by the target's tariff table, on the price alone (``goods``) or with the freight (``cif``)."""

    STATED = "stated"
    GOODS = "goods"
    CIF = "cif"


@dataclass(frozen=True, slots=True)
class Zone:
    """A bidding zone: one currency, one e-hub, one price per product.

    ``fx`` is the numeraire per one unit of ``currency``; positive.
    """

    id: str
    currency: str
    fx: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Lane:
    """A directed link between two zones for one product: an interconnector or a freight route.

    ``capacity`` is in lots sent, ``loss_ppm`` the share lost on the way, ``tariff`` (freight for goods) in
    numeraire per unit sent, ``duty_ppm`` ad valorem on the source zone's price. Only a lane of goods has a
    ``duty_basis`` other than stated.
    """

    id: str
    source: str
    target: str
    capacity: int
    loss_ppm: int = 0
    tariff: Decimal = Decimal(0)
    duty_ppm: int = 0
    duty_basis: DutyBasis = DutyBasis.STATED

    @property
    def duty_on_tariff_ppm(self) -> int:
        """The duty on the tariff."""
        return self.duty_ppm if self.duty_basis is DutyBasis.CIF else 0

    def received(self, sent: int) -> int:
        """Lots that arrive of ``sent`` lots; the loss is rounded up."""
        return sent - -(-sent * self.loss_ppm // 1_000_000)
