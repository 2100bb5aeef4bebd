"""Declarations in any order of events against the table and a naive sum, on a real SQLite file's schema.

Always true: what customs has is what the released declarations owe; the payer is poorer by exactly that; a
refused event changes nothing; the state is the table's.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from pydantic import BaseModel
from sqlalchemy import Connection

from tests.settlement.hubs import NOW, declaration
from tradelane.gateway.store import open_engine
from tradelane.market.units import Money
from tradelane.settlement import declaration as way
from tradelane.settlement.customs import assess
from tradelane.settlement.declaration import Event, State
from tradelane.settlement.ehub import wire
from tradelane.settlement.ehub.server import accounts, payments
from tradelane.settlement.ehub.server.commands import Answer, Command, once, request_hash
from tradelane.settlement.ehub.server.customs import answers, declarations
from tradelane.settlement.ehub.server.tables import metadata
from tradelane.settlement.ehub.wire_declarations import Amend, Decide, Declare, GiveDocument

ANA, CUSTOMS = "member:ana:EUR", "customs:EUR"
LIMITS: dict[str, str | None] = {"issuer:EUR": None, ANA: "0", CUSTOMS: "0"}
FUNDS = 200
RATES = {"090121": 75_000, "040900": 173_000}
"""Coffee is green; honey wants a health certificate."""
PAPER = GiveDocument(name="health certificate", sha256="00" * 32)
OFFICE = {
    Event.RELEASE: declarations.release,
    Event.HOLD: declarations.hold,
    Event.INVALIDATE: declarations.invalidate,
}
values = st.sampled_from([160, 400, 1000])


class DeclarationMachine(RuleBasedStateMachine):
    """The model: of each declaration its state, its value, its code, and whether its paper came."""

    lodged = Bundle("lodged")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_engine(Path(self.folder.name) / "hub.sqlite")
        self.count = 0
        self.known: dict[str, tuple[State, int, str, bool]] = {}
        with self.engine.begin() as connection:
            metadata.create_all(connection)
        for name, limit in LIMITS.items():
            question = wire.OpenAccount(account=name, owner="x", currency="EUR", limit=limit)
            self.do(payments.open_account, question)
        amount = wire.PositiveAmount(currency="EUR", value=str(FUNDS))
        self.do(payments.deposit, wire.Deposit(account=ANA, amount=amount))

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def do(self, effect: Any, question: BaseModel) -> Answer:
        """Twice under one key, to one effect."""
        self.count += 1
        command = Command(f"key-{self.count}", request_hash("POST", str(self.count), question), NOW)
        found = []
        for _ in range(2):
            with self.engine.begin() as connection:
                found.append(once(connection, command, lambda inner: effect(inner, command, question)))
        assert (found[0].status, found[0].text) == (found[1].status, found[1].text)
        return found[0]

    def owed(self, name: str) -> int:
        state, value, code, _ = self.known[name]
        if state is not State.RELEASED:
            return 0
        return assess(Money.parse(str(value), "EUR"), RATES[code]).nano

    def fits(self, name: str, state: State, value: int, code: str) -> bool:
        """Whether the payer can pay what all declarations would come to owe."""
        others = sum(self.owed(one) for one in self.known if one != name)
        mine = assess(Money.parse(str(value), "EUR"), RATES[code]).nano if state is State.RELEASED else 0
        return others + mine <= FUNDS * 10**9

    @rule(target=lodged, value=values, code=st.sampled_from(sorted(RATES)))
    def declare(self, value: int, code: str) -> str:
        name = f"d{self.count}"
        body = declaration(name, value={"currency": "EUR", "value": str(value)}, hs_code=code, duty_ppm=None)
        question = Declare.model_validate({**body, "payer": ANA, "business": True})
        state = State.RELEASED if code == "090121" else State.DOCUMENTS
        possible = self.fits(name, state, value, code)
        assert self.do(declarations.declare, question).status == (201 if possible else 402)
        if possible:
            self.known[name] = state, value, code, False
        return name

    @rule(name=lodged, value=values)
    def amend(self, name: str, value: int) -> None:
        amount = wire.PositiveAmount(currency="EUR", value=str(value))
        answer = self.do(partial(declarations.amend, declaration=name), Amend(reason="r", value=amount))
        if name not in self.known:
            assert answer.status == 404
            return
        state, _, code, paper = self.known[name]
        event = Event.CORRECT if state is State.RELEASED else Event.AMEND
        if way.after(state, event) is None:
            assert answer.status == 409
        elif not self.fits(name, state, value, code):
            assert answer.status == 402
        else:
            assert answer.status == 200
            self.known[name] = state, value, code, paper

    @rule(name=lodged)
    def give(self, name: str) -> None:
        answer = self.do(partial(declarations.give_document, declaration=name), PAPER)
        if name in self.known and self.known[name][0] in declarations.TAKES_PAPERS:
            assert answer.status == 200
            self.known[name] = (*self.known[name][:3], True)
        else:
            assert answer.status in (404, 409)

    @rule(name=lodged, event=st.sampled_from(sorted(OFFICE)))
    def decide(self, name: str, event: Event) -> None:
        answer = self.do(partial(OFFICE[event], declaration=name), Decide())
        if name not in self.known:
            assert answer.status == 404
            return
        state, value, code, paper = self.known[name]
        after = way.after(state, event)
        if after is None or (event is Event.RELEASE and not paper):
            assert answer.status == 409
        elif not self.fits(name, after, value, code):
            assert answer.status == 402
        else:
            assert answer.status == 200
            self.known[name] = after, value, code, paper

    @invariant()
    def customs_has_what_is_owed(self) -> None:
        with self.engine.begin() as connection:
            found = accounts.load(connection, [ANA, CUSTOMS])
            shown = {name: required(connection, name) for name in self.known}
        owed = sum(map(self.owed, self.known))
        assert found[CUSTOMS].posted == owed
        assert found[ANA].posted == FUNDS * 10**9 - owed
        assert shown == {name: (self.known[name][0], self.owed(name)) for name in self.known}


def required(connection: Connection, name: str) -> tuple[State, int]:
    found = answers.required(answers.find(connection, name))
    assert found.steps[-1].state is found.state
    return found.state, found.charged.money.nano


TestDeclarations = DeclarationMachine.TestCase
TestDeclarations.settings = settings(max_examples=12, stateful_step_count=14, deadline=None)
