"""Messages about freight lanes and shipments: offers, bookings, the carrier's events and their outcome."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tradelane.settlement.ehub.fields import Id, Instant, Name, Quantity, Text
from tradelane.settlement.ehub.wire import PositiveAmount, Question, Total
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState

LONGEST_WAY_DAYS = 365


class OfferLane(Question):
    """``price`` per unit, ``capacity`` in units a week; valid from an instant until before another. A later
    offer of the same lane ends one that has no end."""

    lane: Id
    carrier: Name
    source: Id
    target: Id
    unit: Name
    price: PositiveAmount
    days: Annotated[int, Field(ge=0, le=LONGEST_WAY_DAYS, strict=True)]
    capacity: Quantity
    valid_from: Instant
    valid_to: Instant | None = None


class LaneOffer(BaseModel):
    """``left`` of the capacity of the week that was asked for."""

    lane: str
    carrier: str
    source: str
    target: str
    unit: str
    price: Total
    days: int
    capacity: str
    left: str
    valid_from: str
    valid_to: str | None


class BookShipment(Question):
    """Goods of a declared contract, to go by a lane."""

    shipment: Id
    contract: Id
    declaration: Id
    lane: Id
    quantity: Quantity
    unit: Name


class RecordEvent(Question):
    """``quantity``: of a part delivery, in the shipment's unit; ``delivered`` is all that is left."""

    event: ShipmentEvent
    at: Instant
    quantity: Quantity | None = None
    proof_code: Text | None = None


class WaiveProof(Question):
    """Why the next delivery needs no code; the operator answers for it."""

    reason: Name


class ProofCode(BaseModel):
    """What the buyer shows the carrier at the door: for the buyer alone."""

    shipment: str
    proof_code: str


class ShipmentStep(BaseModel):
    """``at`` is when it happened by the carrier's word, ``recorded_at`` when the hub heard of it;
    ``quantity`` what was handed over by it, null but for deliveries."""

    event: ShipmentEvent
    at: str
    recorded_at: str
    quantity: str | None = None


class ShipmentAnswer(BaseModel):
    """``delivered`` of ``quantity`` was handed over to the buyer so far. ``carrier``, ``freight`` and ``eta``
    are the lane's offer's, null where nobody offered it. ``proof_waived`` is why no code is needed."""

    shipment: str
    contract: str
    declaration: str
    lane: str
    quantity: str
    delivered: str = "0"
    unit: str
    state: ShipmentState
    booked_at: str
    carrier: str | None = None
    freight: Total | None = None
    eta: str | None = None
    wrong_codes: int = 0
    proof_waived: str | None = None
    events: list[ShipmentStep]
