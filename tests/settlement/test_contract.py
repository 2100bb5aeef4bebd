"""A contract's way, as a table."""

from __future__ import annotations

import pytest

from tradelane.settlement.contract import FINAL, NEXT, State, WrongState, moved


def test_every_state_can_be_reached_and_left_until_it_is_final() -> None:
    reached, waiting = {State.AGREED}, [State.AGREED]
    while waiting:
        new = NEXT[waiting.pop()] - reached
        reached |= new
        waiting += new
    assert reached == set(State) == set(NEXT)
    assert {State.REFUSED, State.RELEASED, State.REFUNDED} == FINAL


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_only_the_tables_ways_are_open(state: State, to: State) -> None:
    if to in NEXT[state]:
        assert moved(state, to) is to
        return
    with pytest.raises(WrongState, match=f"a contract that is {state} cannot become {to}"):
        moved(state, to)


def test_money_is_never_released_without_its_delivery() -> None:
    """Between reserving and releasing, energy is metered and goods are shipped and accepted."""
    assert not {State.RELEASED, State.ACCEPTED} & (NEXT[State.AGREED] | NEXT[State.FUNDED])
    assert State.RELEASED not in NEXT[State.SHIPPED]
