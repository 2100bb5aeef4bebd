"""How a disputed contract ends, and what its parties get. Pure; the states are those of ``contract``."""

from __future__ import annotations

from enum import StrEnum

from tradelane.market.units import PPM
from tradelane.settlement.contract import State
from tradelane.settlement.logistics import ShipmentState


class Outcome(StrEnum):
    RELEASE = "release"
    REFUND = "refund"


ENDS = {Outcome.RELEASE: State.RELEASED, Outcome.REFUND: State.REFUNDED}
"""What each outcome makes of a disputed contract."""


def share(nano: int, share_ppm: int) -> int:
    """The part of a payment that a release leaves, in whole nano-units, rounded down."""
    return nano * share_ppm // PPM


def standing(money: str, shipments: list[ShipmentState]) -> State:
    """Where a contract stands, by the state of the money reserved for it and of its shipments."""
    if money != "reserved":
        return State.RELEASED if money == "settled" else State.REFUNDED
    if not shipments or set(shipments) == {ShipmentState.BOOKED}:
        return State.FUNDED
    return State.ACCEPTED if set(shipments) == {ShipmentState.DELIVERED} else State.SHIPPED
