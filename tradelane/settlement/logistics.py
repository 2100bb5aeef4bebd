"""A shipment's way from the seller's door to the buyer's, as a transition table. Pure.

An event is named after the state it leads to; a part delivery leaves the shipment where it is. Goods leave
customs only with a released declaration, and are delivered only against the buyer's proof code. What a state
means for the buyer's money is an effect.
"""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from enum import StrEnum

from tradelane.settlement.refusal import Refusals


class ShipmentState(StrEnum):
    BOOKED = "booked"
    PICKED_UP = "picked_up"
    IN_CUSTOMS = "in_customs"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


class ShipmentEvent(StrEnum):
    PICKED_UP = "picked_up"
    IN_CUSTOMS = "in_customs"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"
    PART_DELIVERED = "part_delivered"


class Refusal(Refusals):
    """Why an event is refused: the problem's code, the field at fault, and a sentence for a person."""

    ILLEGAL_EVENT = ("illegal-event", "event", "the shipment's state does not allow this event")
    NOT_RELEASED = ("declaration-not-released", "event", "the declaration is not released by customs")
    NO_PROOF = ("proof-code-missing", "proof_code", "delivery needs the buyer's proof code")
    WRONG_PROOF = ("wrong-proof-code", "proof_code", "the proof code is not the buyer's")
    LOCKED = ("proof-locked", "proof_code", "too many wrong codes: the operator has to look at it")
    NO_QUANTITY = ("wrong-quantity", "quantity", "only a delivery has a quantity")
    NOT_A_PART = ("wrong-quantity", "quantity", "a part is more than nothing and less than what is left")
    NOT_THE_REST = ("wrong-quantity", "quantity", "delivered is all that is left; less is part_delivered")


_S, _E = ShipmentState, ShipmentEvent
TRANSITIONS: dict[ShipmentState, dict[ShipmentEvent, ShipmentState]] = {
    _S.BOOKED: {_E.PICKED_UP: _S.PICKED_UP},
    _S.PICKED_UP: {_E.IN_CUSTOMS: _S.IN_CUSTOMS, _E.RETURNED: _S.RETURNED, _E.LOST: _S.LOST},
    _S.IN_CUSTOMS: {_E.IN_TRANSIT: _S.IN_TRANSIT, _E.RETURNED: _S.RETURNED, _E.LOST: _S.LOST},
    _S.IN_TRANSIT: {
        _E.IN_CUSTOMS: _S.IN_CUSTOMS,  # of the next country on the way
        _E.OUT_FOR_DELIVERY: _S.OUT_FOR_DELIVERY,
        _E.RETURNED: _S.RETURNED,
        _E.LOST: _S.LOST,
    },
    _S.OUT_FOR_DELIVERY: {
        _E.IN_TRANSIT: _S.IN_TRANSIT,  # nobody was at home
        _E.PART_DELIVERED: _S.OUT_FOR_DELIVERY,
        _E.DELIVERED: _S.DELIVERED,
        _E.RETURNED: _S.RETURNED,
        _E.LOST: _S.LOST,
    },
    _S.DELIVERED: {},
    _S.RETURNED: {},
    _S.LOST: {},
}
FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)
DELIVERIES = (_E.PART_DELIVERED, _E.DELIVERED)
"""Events that hand goods to the buyer."""
NEED_RELEASE = (_E.IN_TRANSIT, *DELIVERIES)
"""Events that want the goods released by customs."""
CODE_DIGITS = 8
MOST_TRIES = 5
"""Wrong codes after which a shipment's code is locked."""


class Effect(StrEnum):
    """What becomes of the buyer's money: it waits; the share that was delivered is paid and the rest given
    back, all of it when nothing was; or people decide."""

    WAIT = "wait"
    PAY_SHARE = "pay_share"
    REVIEW = "review"


EFFECTS = dict.fromkeys(ShipmentState, Effect.WAIT) | {
    _S.DELIVERED: Effect.PAY_SHARE,
    _S.LOST: Effect.PAY_SHARE,
    _S.RETURNED: Effect.REVIEW,  # why goods came back decides who bears the freight
}


def next_state(state: ShipmentState, event: ShipmentEvent) -> ShipmentState | Refusal:
    """The state ``event`` leads to, by the table alone."""
    return TRANSITIONS[state].get(event, Refusal.ILLEGAL_EVENT)


def advance(
    state: ShipmentState,
    event: ShipmentEvent,
    *,
    released: bool,
    proof: bool | None,
    wrong_tries: int = 0,
    quantity: Decimal | None = None,
    left: Decimal,
) -> ShipmentState | Refusal:
    """The table, then customs, then the quantity, then the proof.

    ``proof`` is None when no code came, else whether it fits; ``wrong_tries`` were made before. ``quantity``
    and what is ``left`` to deliver are in the shipment's unit.
    """
    after = next_state(state, event)
    if isinstance(after, Refusal):
        return after
    if event in NEED_RELEASE and not released:
        return Refusal.NOT_RELEASED
    wrong = _quantity_refusal(event, quantity, left)
    if wrong is not None:
        return wrong
    if event not in DELIVERIES:
        return after
    if wrong_tries >= MOST_TRIES:
        return Refusal.LOCKED
    if not proof:
        return Refusal.NO_PROOF if proof is None else Refusal.WRONG_PROOF
    return after


def _quantity_refusal(event: ShipmentEvent, quantity: Decimal | None, left: Decimal) -> Refusal | None:
    if event is _E.PART_DELIVERED:
        return None if quantity is not None and 0 < quantity < left else Refusal.NOT_A_PART
    if event is _E.DELIVERED:
        return None if quantity in (None, left) else Refusal.NOT_THE_REST
    return None if quantity is None else Refusal.NO_QUANTITY


def proof_code(secret: bytes, shipment: str) -> str:
    """The eight digits the buyer shows at the door, made from the hub's secret so that none are kept."""
    number = int.from_bytes(_keyed(secret, "code", shipment))
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def proof_digest(secret: bytes, shipment: str, proof_code: str) -> bytes:
    """What is kept of a proof code: keyed, since eight digits are soon tried, and bound to its shipment."""
    return _keyed(secret, "digest", shipment, proof_code)


def proof_fits(secret: bytes, shipment: str, proof_code: str | None, digest: bytes) -> bool | None:
    """None when no code was given. Takes as long for a wrong code as for the right one."""
    if proof_code is None:
        return None
    return hmac.compare_digest(proof_digest(secret, shipment, proof_code), digest)


def _keyed(secret: bytes, *words: str) -> bytes:
    return hmac.digest(secret, "\n".join(words).encode(), hashlib.sha256)
