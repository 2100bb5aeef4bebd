"""Messages about shipments: booking, the carrier's events, and what has become of them."""

from __future__ import annotations

from pydantic import BaseModel

from tradelane.settlement.ehub.fields import Id, Instant, Name, Quantity, Text
from tradelane.settlement.ehub.wire import Question
from tradelane.settlement.logistics import ShipmentEvent, ShipmentState


class BookShipment(Question):
    """``proof_code`` is the buyer's: the hub keeps only its digest."""

    shipment: Id
    contract: Id
    declaration: Id
    lane: Id
    quantity: Quantity
    unit: Name
    proof_code: Name


class RecordEvent(Question):
    """``quantity``: of a part delivery, in the shipment's unit; ``delivered`` is all that is left."""

    event: ShipmentEvent
    at: Instant
    quantity: Quantity | None = None
    proof_code: Text | None = None


class ShipmentStep(BaseModel):
    """``at`` is when it happened by the carrier's word, ``recorded_at`` when the hub heard of it;
    ``quantity`` what was handed over by it, null but for deliveries."""

    event: ShipmentEvent
    at: str
    recorded_at: str
    quantity: str | None = None


class ShipmentAnswer(BaseModel):
    """``delivered`` of ``quantity`` was handed over to the buyer so far."""

    shipment: str
    contract: str
    declaration: str
    lane: str
    quantity: str
    delivered: str = "0"
    unit: str
    state: ShipmentState
    booked_at: str
    events: list[ShipmentStep]
