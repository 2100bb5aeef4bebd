"""The ways a declaration can go, and where its fields come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import ROOT
from tradelane.settlement.customs import Channel
from tradelane.settlement.declaration import (
    AFTER_ACCEPTANCE,
    FINAL,
    FROM_THE_TRADE,
    TRANSITIONS,
    Event,
    State,
    after,
)
from tradelane.settlement.ehub.wire_declarations import Declare


def test_the_table_is_whole() -> None:
    assert TRANSITIONS.keys() == set(State)
    assert {State.INVALIDATED} == FINAL
    reached, waiting = {State.LODGED}, [State.LODGED]
    while waiting:
        new = set(TRANSITIONS[waiting.pop()].values()) - reached
        reached |= new
        waiting += new
    assert reached == set(State)
    assert all(Event.INVALIDATE in TRANSITIONS[state] for state in set(State) - FINAL)


@pytest.mark.parametrize(
    ("channel", "state"),
    [(Channel.GREEN, State.RELEASED), (Channel.YELLOW, State.DOCUMENTS), (Channel.RED, State.INSPECTION)],
)
def test_the_channel_decides_what_follows_acceptance(channel: Channel, state: State) -> None:
    assert after(State.ACCEPTED, AFTER_ACCEPTANCE[channel]) is state


@pytest.mark.parametrize("state", [State.INSPECTION, State.HELD, State.RELEASED, State.INVALIDATED])
def test_no_amendment_once_an_inspection_was_announced(state: State) -> None:
    assert after(state, Event.AMEND) is None


@given(st.lists(st.sampled_from(Event), max_size=20))
def test_nothing_is_released_without_acceptance(events: list[Event]) -> None:
    state, accepted = State.LODGED, False
    for event in events:
        state_after = after(state, event)
        if state_after is None:
            continue
        assert state is not State.RELEASED or event in (Event.CORRECT, Event.INVALIDATE)
        accepted = state_after is State.ACCEPTED or (accepted and state_after is not State.LODGED)
        state = state_after
        assert accepted or state in (State.LODGED, State.INVALIDATED)


def test_every_field_of_a_declaration_has_its_place_in_the_trade() -> None:
    assert [source.field for source in FROM_THE_TRADE] == list(Declare.model_fields)


def test_the_page_shows_the_whole_path_from_a_trade_to_its_declaration() -> None:
    page = (ROOT / "docs/CUSTOMS.md").read_text()
    rows = [f"| `{one.field}` | {one.comes_from} | {one.said_by} |" for one in FROM_THE_TRADE]
    assert "\n".join(["|---|---|---|", *rows, ""]) in page
