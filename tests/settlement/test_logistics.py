"""The shipment's table: every state with every event."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from functools import partial

import pytest

from tradelane.settlement import logistics
from tradelane.settlement.logistics import (
    EFFECTS,
    FINAL,
    TRANSITIONS,
    Effect,
    Refusal,
    ShipmentEvent,
    ShipmentState,
    next_state,
    proof_code,
    proof_digest,
    proof_fits,
)

WAY = ["booked", "picked_up", "in_customs", "in_transit", "out_for_delivery", "delivered"]
LEGAL = {pair: pair[1] for pair in itertools.pairwise(WAY)} | {
    (s, e): e for s in WAY[1:-1] for e in ("returned", "lost")
}
LEGAL |= {
    ("in_transit", "in_customs"): "in_customs",
    ("out_for_delivery", "in_transit"): "in_transit",
    ("out_for_delivery", "part_delivered"): "out_for_delivery",
}
ALL = Decimal("12.5")
advance = partial(logistics.advance, left=ALL)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(ShipmentState, ShipmentEvent)))
def test_every_pair(state: ShipmentState, event: ShipmentEvent) -> None:
    assert next_state(state, event) == LEGAL.get((state.value, event.value), Refusal.ILLEGAL_EVENT)


def test_the_table_knows_every_state_and_ends() -> None:
    assert set(TRANSITIONS) == set(ShipmentState)
    assert {"delivered", "returned", "lost"} == FINAL


def test_money_waits_until_the_way_ends_and_only_then() -> None:
    assert {state for state, effect in EFFECTS.items() if effect is not Effect.WAIT} == FINAL
    assert set(EFFECTS) == set(ShipmentState)


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
    secret, other = b"a secret", b"another"
    code = proof_code(secret, "p1")
    assert re.fullmatch("[0-9]{8}", code) and code == proof_code(secret, "p1")
    assert len({proof_code(secret, f"p{n}") for n in range(100)}) == 100
    assert code != proof_code(other, "p1")
    digest = proof_digest(secret, "p1", code)
    assert proof_fits(secret, "p1", code, digest) is True
    assert proof_fits(secret, "p1", code[::-1], digest) is False
    assert proof_fits(secret, "p2", code, digest) is False, "another shipment's code is another code"
    assert proof_fits(other, "p1", code, digest) is False, "without the secret all codes could be tried"
    assert proof_fits(secret, "p1", None, digest) is None


@pytest.mark.parametrize(("tries", "after"), [(0, "delivered"), (4, "delivered"), (5, Refusal.LOCKED)])
def test_codes_are_locked_after_five_wrong_ones(tries: int, after: object) -> None:
    last, delivered = ShipmentState.OUT_FOR_DELIVERY, ShipmentEvent.DELIVERED
    assert advance(last, delivered, released=True, proof=True, wrong_tries=tries) == after
    lost = advance(last, ShipmentEvent.LOST, released=True, proof=None, wrong_tries=tries)
    assert lost is ShipmentState.LOST, "no code is asked for"


@pytest.mark.parametrize(
    ("event", "quantity", "after"),
    [
        ("part_delivered", "2.5", "out_for_delivery"),
        ("part_delivered", "12.4", "out_for_delivery"),
        ("part_delivered", "12.5", Refusal.NOT_A_PART),
        ("part_delivered", "13", Refusal.NOT_A_PART),
        ("part_delivered", "0", Refusal.NOT_A_PART),
        ("part_delivered", None, Refusal.NOT_A_PART),
        ("delivered", None, "delivered"),
        ("delivered", "12.50", "delivered"),
        ("delivered", "12.4", Refusal.NOT_THE_REST),
        ("lost", "12.5", Refusal.NO_QUANTITY),
        ("lost", None, "lost"),
    ],
)
def test_how_much_an_event_may_hand_over(event: str, quantity: str | None, after: object) -> None:
    given = None if quantity is None else Decimal(quantity)
    last = ShipmentState.OUT_FOR_DELIVERY
    found = advance(last, ShipmentEvent(event), released=True, proof=True, quantity=given)
    assert found == after


def test_a_part_needs_the_code_too() -> None:
    last, part = ShipmentState.OUT_FOR_DELIVERY, ShipmentEvent.PART_DELIVERED
    assert advance(last, part, released=True, proof=None, quantity=Decimal(1)) is Refusal.NO_PROOF
    assert advance(last, part, released=False, proof=True, quantity=Decimal(1)) is Refusal.NOT_RELEASED
