"""What a command to a continuous market did: one event for every lot that left an order.

Always true: of an order's quantity, as last amended, what its fills and cancellations do not name is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tradelane.market.order import Order, Refusal, Side
from tradelane.market.trade import Trade
from tradelane.market.units import MILLI


@dataclass(slots=True)
class Fill:
    """A match. Each party's price is in the ticks of its own zone; lots ``sent`` and ``received``.

    ``lane`` is the id of the lane travelled, None within a zone.
    """

    maker: Order
    taker: Order
    maker_price: int
    taker_price: int
    sent: int
    received: int
    lane: str | None

    def trade(self) -> Trade:
        """The fill as settlement wants it."""
        seller, buyer = self.maker, self.taker
        seller_price, buyer_price = self.maker_price, self.taker_price
        if self.taker.side is Side.SELL:
            seller, buyer = buyer, seller
            seller_price, buyer_price = buyer_price, seller_price
        return Trade(
            product=seller.product,
            seller=seller.id,
            buyer=buyer.id,
            sent=self.sent,
            received=self.received,
            seller_price=seller_price * MILLI,
            buyer_price=buyer_price * MILLI,
            path=() if self.lane is None else (self.lane,),
        )


class Why(StrEnum):
    """Why lots left an order without a trade."""

    OWNER = "owner"
    """Its owner cancelled it."""
    REST = "rest"
    """The order's kind does not let them rest."""
    SELF_TRADE = "self_trade"
    """They would have traded with the same member."""
    EXPIRED = "expired"
    """The order was good until now."""
    REFUSED = "refused"
    """A stop fired, and the order it became was refused."""


@dataclass(slots=True)
class Cancelled:
    """``lots`` left the order without a trade."""

    id: str
    lots: int
    why: Why


@dataclass(slots=True)
class Triggered:
    """A stop fired; what it met follows."""

    id: str


@dataclass(slots=True)
class Amended:
    """The order has this price (ticks) and whole quantity (lots) from now on."""

    id: str
    price: int
    quantity: int


Event = Fill | Cancelled | Triggered | Amended


Answer = Refusal | Sequence[Event]
"""Why a command was refused, or its events in the order in which they happened, also those of other orders
that followed from it. None at all: the order of the command rests or waits whole."""


def trades(answer: Answer) -> list[Trade]:
    """The trades among a command's events."""
    events = () if isinstance(answer, Refusal) else answer
    return [event.trade() for event in events if isinstance(event, Fill)]
