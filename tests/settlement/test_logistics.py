"""The shipment's table: every state with every event."""

from __future__ import annotations

import itertools

import pytest

from tradelane.settlement.logistics import (
    TRANSITIONS,
    Refusal,
    ShipmentEvent,
    ShipmentState,
    advance,
    next_state,
    proof_digest,
    proof_fits,
)

WAY = ["booked", "picked_up", "in_customs", "in_transit", "out_for_delivery", "delivered"]
LEGAL = {pair: pair[1] for pair in itertools.pairwise(WAY)} | {
    (s, e): e for s in WAY[1:-1] for e in ("returned", "lost")
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(ShipmentState, ShipmentEvent)))
def test_every_pair(state: ShipmentState, event: ShipmentEvent) -> None:
    assert next_state(state, event) == LEGAL.get((state.value, event.value), Refusal.ILLEGAL_EVENT)


def test_the_table_knows_every_state_and_ends() -> None:
    assert set(TRANSITIONS) == set(ShipmentState)
    assert [s for s, ways in TRANSITIONS.items() if not ways] == ["delivered", "returned", "lost"]


def test_customs_and_proof_stand_before_the_door() -> None:
    last, delivered = ShipmentState.OUT_FOR_DELIVERY, ShipmentEvent.DELIVERED
    assert advance(last, delivered, released=True, proof=True) is ShipmentState.DELIVERED
    assert advance(last, delivered, released=True, proof=None) is Refusal.NO_PROOF
    assert advance(last, delivered, released=True, proof=False) is Refusal.WRONG_PROOF
    assert advance(last, delivered, released=False, proof=True) is Refusal.NOT_RELEASED
    held, onward = ShipmentState.IN_CUSTOMS, ShipmentEvent.IN_TRANSIT
    assert advance(held, onward, released=False, proof=None) is Refusal.NOT_RELEASED
    assert advance(held, onward, released=True, proof=None) is ShipmentState.IN_TRANSIT
    assert advance(held, delivered, released=True, proof=True) is Refusal.ILLEGAL_EVENT


def test_proof_codes() -> None:
    digest = proof_digest("p1", "4711")
    assert proof_fits("p1", "4711", digest) is True
    assert proof_fits("p1", "4712", digest) is False
    assert proof_fits("p2", "4711", digest) is False, "another shipment's code is another code"
    assert proof_fits("p1", None, digest) is None
