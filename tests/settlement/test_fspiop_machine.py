"""Prepares, fulfils, refusals and the clock in any order, against a plain model of a switch."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import create_engine, select

from tests.settlement.fspiop_scheme import FULFILMENT, PAYEE, PAYER, WRONG, fulfil, prepare
from tests.settlement.hubs import NOW
from tradelane.market.units import Money
from tradelane.settlement.ehub.server.fspiop import headers, messages, outbox, registry, tables, transfers
from tradelane.settlement.ehub.server.fspiop.errors import Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound

IDS = st.sampled_from([f"01ARZ3NDEKTSV4RRFFQ69G5FA{n}" for n in range(4)])
CAP = 100


class Switch(RuleBasedStateMachine):
    """The model: transfer → [payer, amount, expiry, state]; a position is what the committed add up to."""

    def __init__(self) -> None:
        super().__init__()
        engine = create_engine("sqlite://")
        self.conn = engine.connect()
        made = [tables.participants, tables.positions, tables.transfers, tables.outbox]
        tables.metadata.create_all(self.conn, tables=made)
        for name in (PAYER, PAYEE):
            caps = {"EUR": Money.parse(str(CAP), "EUR")}
            registry.add_participant(self.conn, name, "http://x.example", caps, NOW)
        self.at = NOW
        self.model: dict[str, list[Any]] = {}

    def teardown(self) -> None:
        self.conn.close()

    def inbound(self, kind: Any, source: str, id: str, body: Any) -> Inbound[Any]:
        raw = json.dumps(body).encode()
        envelope = headers.Envelope("transfers", "1.1", source, None, {})
        said = messages.parse(kind, raw)
        return Inbound(envelope, "PUT", f"/transfers/{id}", {"ID": id}, said, raw, self.at)

    @rule(id=IDS, back=st.booleans(), amount=st.integers(1, 70), lasts=st.integers(1, 3))
    def prepare(self, id: str, back: bool, amount: int, lasts: int) -> None:
        payer, payee = (PAYEE, PAYER) if back else (PAYER, PAYEE)
        expires = self.at + lasts
        body = prepare(
            transferId=id,
            payerFsp=payer,
            payeeFsp=payee,
            amount={"currency": "EUR", "amount": str(amount)},
            expiration=outbox.timestamp(expires),
        )
        known = id in self.model
        room = self.position(payer) + self.reserved(payer) + amount <= CAP
        try:
            transfers.prepare(self.conn, self.inbound(messages.Prepare, payer, id, body))
        except Refused:
            assert known
        if not known:
            self.model[id] = [payer, amount, expires, "RESERVED" if room else "ABORTED"]

    @rule(
        id=IDS,
        state=st.sampled_from(["COMMITTED", "RESERVED", "ABORTED"]),
        fulfilment=st.sampled_from([FULFILMENT, WRONG]),
        stranger=st.booleans(),
    )
    def fulfil(self, id: str, state: str, fulfilment: str, stranger: bool) -> None:
        known = self.model.get(id)
        payer = known[0] if known else PAYER
        source = payer if stranger else {PAYER: PAYEE, PAYEE: PAYER}[payer]
        told = self.inbound(messages.Fulfil, source, id, fulfil(state, fulfilment))
        try:
            transfers.fulfil(self.conn, told)
        except Refused:
            assert stranger or known is None or known[3] == "COMMITTED"
            return
        assert known is not None and not stranger
        if known[3] == "RESERVED":
            good = known[2] > self.at and state != "ABORTED" and fulfilment == FULFILMENT
            known[3] = "COMMITTED" if good else "ABORTED"

    @rule(later=st.integers(0, 2))
    def time_passes(self, later: int) -> None:
        self.at += later
        transfers.expire(self.conn, self.at)
        for known in self.model.values():
            if known[3] == "RESERVED" and known[2] <= self.at:
                known[3] = "ABORTED"

    def position(self, fsp: str) -> int:
        done = [known for known in self.model.values() if known[3] == "COMMITTED"]
        return sum(amount if payer == fsp else -amount for payer, amount, *_ in done)

    def reserved(self, fsp: str) -> int:
        return sum(k[1] for k in self.model.values() if k[3] == "RESERVED" and k[0] == fsp)

    @invariant()
    def switch_and_model_agree(self) -> None:
        rows = self.conn.execute(select(tables.transfers.c.transfer, tables.transfers.c.state))
        assert {row.transfer: row.state for row in rows} == {id: known[3] for id, known in self.model.items()}
        for row in self.conn.execute(select(tables.positions)):
            nano = 10**9
            assert row.position_nano == self.position(row.participant) * nano
            assert row.reserved_nano == self.reserved(row.participant) * nano
            assert row.position_nano + row.reserved_nano <= row.cap_nano


TestSwitch = Switch.TestCase
TestSwitch.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
