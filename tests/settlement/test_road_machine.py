"""Two hubs and a bad line between them: messages lost, doubled, late and out of order, answers lost, crashes
before and after the commit, clocks that run on; payments and windows come out whole all the same."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.settlement.road_pair import START, WINDOW_MS, Side, deliver, exchange, owed, pair
from tradelane.market.units import MINUTE, NANO
from tradelane.settlement.ehub.server.chain import verify_chain
from tradelane.settlement.ehub.server.road import windows
from tradelane.settlement.ehub.server.road.channel import Parcel, Told
from tradelane.settlement.ehub.wire_road_messages import Envelope
from tradelane.settlement.problem import Problem
from tradelane.settlement.road import FINAL, Release

SIDE = st.integers(0, 1)
EXAMPLES = int(os.environ.get("ROAD_EXAMPLES", "5"))
FINALS = {state.value for state in FINAL}


class BadLine(RuleBasedStateMachine):
    """``air``: envelopes under way with their parcel, kept after delivery to be played again."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = pair()
        self.air: list[tuple[int, Parcel, Envelope]] = []
        self.quotes: list[tuple[int, str]] = []
        self.ended: dict[tuple[int, str], str] = {}
        self.count = 0

    def teardown(self) -> None:
        self.heal()
        for side in self.sides:
            side.engine.dispose()

    def other(self, side: int) -> Side:
        return self.sides[1 - side]

    @rule(payer=SIDE, value=st.sampled_from(["1", "7.5", "120", "900"]), answered=st.booleans())
    def ask(self, payer: int, value: str, answered: bool) -> None:
        self.count += 1
        id = f"q{self.count}"
        self.sides[payer].ask(id, self.other(payer), value)
        self.quotes.append((payer, id))
        if answered:
            exchange(*self.sides)

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), release=st.sampled_from(Release), lasts=st.integers(1, 3))
    def send(self, data: st.DataObject, release: Release, lasts: int) -> None:
        ready = [(payer, id) for payer, id in self.quotes if self.sides[payer].quote_state(id) == "quoted"]
        payer, id = data.draw(st.sampled_from(ready or self.quotes))
        side = self.sides[payer]
        open_before = side.quote_state(id) == "quoted"
        try:
            side.send(id, lasts * MINUTE, release)
        except Problem as why:
            assert not open_before or why.status in (402, 409), why
        else:
            assert open_before

    @precondition(lambda self: self.quotes)
    @rule(data=st.data(), good=st.booleans())
    def end_by_hand(self, data: st.DataObject, good: bool) -> None:
        held = [(payer, id) for payer, id in self.quotes if self.other(payer).state(id) == "RESERVED"]
        payer, id = data.draw(st.sampled_from(held or self.quotes))
        payee = self.other(payer)
        was_open = payee.state(id) == "RESERVED"
        try:
            payee.fulfil(id) if good else payee.reject(id)
        except Problem:
            assert not was_open or good
        else:
            assert was_open

    @rule(side=SIDE)
    def put_on_the_line(self, side: int) -> None:
        sender = self.sides[side]
        sender.hurry()
        for parcel in sender.parcels():
            self.air.append((side, parcel, Envelope.model_validate_json(parcel.envelope(sender.road))))

    @precondition(lambda self: self.air)
    @rule(
        data=st.data(),
        dies=st.sampled_from(["", "", "before", "after"]),
        answered=st.booleans(),
        keep=st.booleans(),
    )
    def arrive(self, data: st.DataObject, dies: str, answered: bool, keep: bool) -> None:
        where = data.draw(st.integers(0, len(self.air) - 1))
        side, parcel, envelope = self.air[where] if keep else self.air.pop(where)
        told = deliver(self.other(side), envelope, dies=dies)
        assert told.broken is None
        self.sides[side].heard(parcel, told if answered else Told())

    @precondition(lambda self: self.air)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.air.pop(data.draw(st.integers(0, len(self.air) - 1)))

    @rule(side=SIDE, later=st.sampled_from([1_000, MINUTE, WINDOW_MS // 2]))
    def time_passes(self, side: int, later: int) -> None:
        self.sides[side].at += later
        self.sides[side].tick()

    @invariant()
    def nothing_is_half_or_made_of_nothing(self) -> None:
        for side in self.sides:
            assert set(side.sums().values()) <= {0}
        for payer, id in self.quotes:
            here, there = self.sides[payer].state(id), self.other(payer).state(id)
            assert not (here == "COMMITTED" and there != "COMMITTED")
            assert not (here == "ABORTED" and there not in ("ABORTED", None))
            for place, state in ((payer, here), (1 - payer, there)):
                final = self.ended.get((place, id))
                assert final is None or state == final
                if state in FINALS:
                    self.ended[place, id] = str(state)

    def heal(self) -> None:
        """The line is good again and time goes on for both: everything ends, and both say the same."""
        latest = max(side.at for side in self.sides)
        for later in (0, 4 * MINUTE, WINDOW_MS, WINDOW_MS):
            for side in self.sides:
                side.at = latest = max(latest, side.at) + later
            for side in self.sides:
                side.at = latest
            exchange(*self.sides)
        ams, lon = self.sides
        for payer, id in self.quotes:
            here, there = self.sides[payer].state(id), self.other(payer).state(id)
            assert (here, there) in {(None, None), ("COMMITTED",) * 2, ("ABORTED",) * 2, ("ABORTED", None)}
        assert ams.held() == lon.held() == 0
        assert set(owed(ams, lon).values()) == set(owed(lon, ams).values()) == {0}
        for side in self.sides:
            assert side.do(verify_chain) is None
            states = {one.state for one in told(side)}
            assert states <= {"settled"}, states
        self.money_is_where_it_should_be()

    def money_is_where_it_should_be(self) -> None:
        for place, side in enumerate(self.sides):
            paid = sum(
                self.terms(payer, id)["receive_nano" if payer != place else "send_nano"]
                * (1 if payer != place else -1)
                for payer, id in self.quotes
                if self.sides[place].state(id) == "COMMITTED"
            )
            assert side.posted(side.member).nano == START * NANO + paid

    def terms(self, payer: int, id: str) -> dict[str, Any]:
        from tradelane.settlement.ehub.server.road import quotes

        row = self.sides[payer].do(lambda conn: quotes.by_id(conn, id))
        assert row is not None
        return dict(row._mapping)


def told(side: Side) -> list[Any]:
    return side.do(lambda conn: windows.listed(conn, side.road, None, None, 0, 1000))


TestBadLine = BadLine.TestCase
TestBadLine.settings = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
