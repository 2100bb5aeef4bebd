"""A trade both sides are bound to, and the states it goes through.

AGREED → FUNDED (the buyer's money is reserved) → METERED or SHIPPED → ACCEPTED → RELEASED. A buyer without
funds leaves it REFUSED. DISPUTED ends RELEASED or REFUNDED.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradelane.market.product import Lane, Product, Zone


class State(StrEnum):
    AGREED = "agreed"
    REFUSED = "refused"
    FUNDED = "funded"
    METERED = "metered"
    SHIPPED = "shipped"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    RELEASED = "released"
    REFUNDED = "refunded"


NEXT: dict[State, frozenset[State]] = {
    State.AGREED: frozenset({State.FUNDED, State.REFUSED}),
    State.FUNDED: frozenset({State.METERED, State.SHIPPED, State.DISPUTED}),
    State.METERED: frozenset({State.ACCEPTED, State.RELEASED, State.DISPUTED}),
    State.SHIPPED: frozenset({State.ACCEPTED, State.DISPUTED}),
    State.ACCEPTED: frozenset({State.RELEASED, State.DISPUTED}),
    State.DISPUTED: frozenset({State.RELEASED, State.REFUNDED}),
    State.RELEASED: frozenset(),
    State.REFUNDED: frozenset(),
    State.REFUSED: frozenset(),
}
FINAL = frozenset(state for state, following in NEXT.items() if not following)


class WrongState(Exception):
    """A contract was asked to go where its table has no way."""


def moved(state: State, to: State) -> State:
    """``to``, if the table allows it from ``state``."""
    if to not in NEXT[state]:
        raise WrongState(f"a contract that is {state} cannot become {to}")
    return to


@dataclass(frozen=True, slots=True)
class Leg:
    """One lane on the way, with the zones' prices at its ends in milliticks of their own currencies."""

    lane: Lane
    source: Zone
    target: Zone
    source_price: int
    target_price: int


@dataclass(frozen=True, slots=True)
class Contract:
    """``sent`` lots leave the seller, ``received`` arrive at the buyer. Prices in milliticks, each in its own
    zone's currency. ``legs`` is the way, empty within a zone. ``continuous`` trades leave no congestion rent:
    what their whole ticks leave over is rounding.
    """

    id: str
    product: Product
    seller: str
    seller_zone: Zone
    buyer: str
    buyer_zone: Zone
    sent: int
    received: int
    seller_price: int
    buyer_price: int
    legs: tuple[Leg, ...] = ()
    continuous: bool = False
