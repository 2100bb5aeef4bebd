"""The server's commands in any order against a naive model, on a real SQLite file's schema.

Always true: sums are zero per currency, no balance is under its limit, a key has one effect, a reservation
is settled or released but never both, and the chain holds.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from pydantic import BaseModel
from sqlalchemy import Connection, select

from tests.settlement.hubs import NOW
from tradelane.gateway.store import open_engine
from tradelane.settlement.ehub import wire
from tradelane.settlement.ehub.server import chain, data, payments, reserving, tables
from tradelane.settlement.ehub.server.commands import Answer, Command, once, request_hash
from tradelane.settlement.problem import Problem

LIMITS: dict[str, int | None] = {
    "issuer:EUR": None,
    "issuer:GBP": None,
    "fx:EUR": None,
    "fx:GBP": None,
    "member:ana:EUR": 0,
    "member:bea:EUR": -5,
    "member:cem:GBP": 0,
}
MEMBERS = [name for name in LIMITS if name.startswith("member:")]
NANO = 10**9
amounts = st.integers(1, 12)


def amount(whole: int, currency: str) -> dict[str, str]:
    return {"currency": currency, "value": str(whole)}


def reserve_one(conn: Connection, command: Command, question: wire.Reserve) -> Answer:
    (result,) = reserving.reserve(conn, [(command, question)])
    if isinstance(result, Problem):
        raise result
    return result


class HubMachine(RuleBasedStateMachine):
    """The model: whole units posted, open reservations, and every key's first answer."""

    used = Bundle("used")
    reservations = Bundle("reservations")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_engine(Path(self.folder.name) / "hub.sqlite")
        self.posted = dict.fromkeys(LIMITS, 0)
        self.open: dict[str, tuple[str, int]] = {}
        self.closed: dict[str, str] = {}
        self.count = 0
        with self.engine.begin() as connection:
            tables.metadata.create_all(connection)
        for name, limit in LIMITS.items():
            self.do(
                payments.open_account,
                wire.OpenAccount(
                    account=name, owner="x", currency=name[-3:], limit=None if limit is None else str(limit)
                ),
            )

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def do(self, effect: Any, question: BaseModel, key: str = "") -> Answer:
        self.count += 1
        command = Command(key or f"key-{self.count}", request_hash("POST", str(effect), question), NOW)
        with self.engine.begin() as connection:
            return once(connection, command, lambda inner: effect(inner, command, question))

    def free(self, account: str) -> int:
        """What may still be spent, in whole units; very much where there is no limit."""
        limit = LIMITS[account]
        held = sum(nano for owner, nano in self.open.values() if owner == account)
        return 10**6 if limit is None else self.posted[account] - held - limit

    @rule(account=st.sampled_from(MEMBERS), whole=amounts)
    def deposit(self, account: str, whole: int) -> None:
        question = wire.Deposit.model_validate({"account": account, "amount": amount(whole, account[-3:])})
        assert self.do(payments.deposit, question).status == 201
        self.posted[account] += whole
        self.posted[f"issuer:{account[-3:]}"] -= whole

    @rule(target=reservations, account=st.sampled_from(MEMBERS), whole=amounts)
    def reserve(self, account: str, whole: int) -> Any:
        name = f"r{self.count}"
        question = wire.Reserve.model_validate(
            {"reservation": name, "account": account, "contract": "c", "amount": amount(whole, account[-3:])}
        )
        possible = whole <= self.free(account)
        assert self.do(reserve_one, question).status == (201 if possible else 402)
        if not possible:
            return multiple()
        self.open[name] = (account, whole)
        return name

    @rule(name=consumes(reservations))
    def release(self, name: str) -> None:
        effect = partial(payments.release, reservation=name)
        assert self.do(effect, wire.Release()).status == 200
        del self.open[name]
        self.closed[name] = "released"
        assert self.do(effect, wire.Release()).status == 409

    @rule(
        name=consumes(reservations),
        paid=st.integers(0, 14),
        back=st.integers(0, 3),
        gbp=st.integers(0, 5),
        imbalance=st.integers(0, 7),
    )
    def settle(self, name: str, paid: int, back: int, gbp: int, imbalance: int) -> None:
        account, held = self.open[name]
        currency = account[-3:]
        desk = f"fx:{currency}"
        moves = [
            (account, desk, paid, currency),
            (desk, account, back, currency),
            ("fx:GBP", "member:cem:GBP", gbp, "GBP"),
            ("member:cem:GBP", "issuer:GBP", imbalance, "GBP"),
        ]
        moves = [move for move in moves if move[2]]
        before, after = dict(self.posted), dict(self.posted)
        for source, target, whole, _ in moves:
            after[source] -= whole
            after[target] += whole
        drawn = sum(whole for source, _, whole, _ in moves if source == account)
        self.posted = after
        del self.open[name]
        possible = drawn <= held and all(self.free(member) >= 0 for member in MEMBERS)
        question = wire.Settle.model_validate(
            {
                "settlement": f"s{self.count}",
                "reservation": name,
                "contract": "c",
                "transfers": [
                    {"source": s, "target": t, "kind": "k", "amount": amount(w, c)} for s, t, w, c in moves
                ],
            }
        )
        assert (self.do(payments.settle, question).status == 201) is possible
        if possible:
            self.closed[name] = "settled"
        else:
            self.posted, self.open[name] = before, (account, held)

    @rule(target=used, account=st.sampled_from(MEMBERS), whole=amounts)
    def deposit_under_a_key(self, account: str, whole: int) -> Any:
        question = wire.Deposit.model_validate({"account": account, "amount": amount(whole, account[-3:])})
        key = f"once-{self.count}"
        answer = self.do(payments.deposit, question, key)
        self.posted[account] += whole
        self.posted[f"issuer:{account[-3:]}"] -= whole
        return key, question, answer

    @rule(one=used)
    def repeat(self, one: tuple[str, wire.Deposit, Answer]) -> None:
        key, question, answer = one
        again = self.do(payments.deposit, question, key)
        assert (again.status, again.text, again.replayed) == (answer.status, answer.text, True)

    @invariant()
    def the_hub_agrees_with_the_model(self) -> None:
        with self.engine.begin() as connection:
            rows = connection.execute(select(tables.accounts)).all()
            assert {row.account: row.posted_nano for row in rows} == {
                name: whole * NANO for name, whole in self.posted.items()
            }
            for row in rows:
                held = sum(whole for owner, whole in self.open.values() if owner == row.account)
                assert row.held_nano == held * NANO
                assert row.limit_nano is None or row.posted_nano - row.held_nano >= row.limit_nano
            self.money_is_conserved(connection)
            states = {row.reservation: row.state for row in connection.execute(select(tables.reservations))}
        assert states == {**dict.fromkeys(self.open, "reserved"), **self.closed}

    def money_is_conserved(self, connection: Connection) -> None:
        assert chain.verify_chain(connection) is None
        assert [one.sum for one in data.trial_balance(connection).currencies] == ["0", "0"]


TestHub = HubMachine.TestCase
TestHub.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
