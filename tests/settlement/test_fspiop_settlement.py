"""Settlement windows and settlements of the switch."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from fastapi import FastAPI
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, create_engine, select

from tests.settlement.fspiop_money import committed, enrol, prepared, standing
from tests.settlement.hubs import NOW, TOKEN, assert_problem, serving
from tests.shared import shared_file
from tradelane.gateway.store import Store, opened
from tradelane.settlement import problem
from tradelane.settlement.ehub import wire_fspiop_settlement as wire
from tradelane.settlement.ehub.server.app import create_router
from tradelane.settlement.ehub.server.fspiop import settlement_routes, settlement_tables, settlements, windows
from tradelane.settlement.ehub.server.fspiop.errors import Refused
from tradelane.settlement.ehub.server.fspiop.tables import metadata, transfers
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.fspiop_states import WindowState
from tradelane.settlement.problem import Problem

FSPS = ("a", "b", "c")
CURRENCIES = ("EUR", "GBP")
STEPS = [state.value for state in settlements.WAY]


@pytest.fixture(scope="module")
def store(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(shutil.copy(empty, tmp_path_factory.mktemp("settlement")), PLACE, HEAD) as store:
        yield store


@pytest.fixture(scope="module")
def http(store: Store) -> Iterator[httpx2.Client]:
    """A hub whose participants a, b and c owe each other: a 30 EUR, b nothing in the end, c is owed them."""
    app = FastAPI()
    problem.install(app)
    app.include_router(create_router(store, lambda: NOW + 5, TOKEN, store.read, switch=True))

    def furnish(conn: Connection) -> None:
        enrol(conn, *FSPS)
        for n, (payer, payee, value) in enumerate(
            [("a", "b", "30"), ("b", "c", "30.0001"), ("c", "b", "0.0001")]
        ):
            prepared(conn, n, payer, payee, value)
            committed(conn, n, payee)

    asyncio.run(store(furnish))
    with serving(app) as url, httpx2.Client(base_url=f"{url}/api/v1/switch/v2") as client:
        yield client


KEY = {"Authorization": f"Bearer {TOKEN}"}


def good(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_window_is_closed_settled_and_the_positions_reset(http: httpx2.Client, store: Store) -> None:
    spec = yaml.load(shared_file("specs/fspiop/settlements_2.0/api_spec.yaml").read_text(), yaml.CSafeLoader)

    def check(name: str, body: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        jsonschema_rs.validate(whole, body)

    assert http.get("/settlementWindows").status_code == 401
    (window,) = good(http.get("/settlementWindows", params={"state": "OPEN"}, headers=KEY))
    check("SettlementWindow", window)
    assert (window["id"], [one["currencyId"] for one in window["content"]]) == (1, ["EUR"])
    settle = {"reason": "day", "settlementModel": "DEFERREDNET", "settlementWindows": [{"id": 1}]}
    check("SettlementEventPayload", settle)
    assert_problem(http.post("/settlements", json=settle, headers=KEY), 409, "window-state", "id")
    closing = {"state": "CLOSED", "reason": "end of day"}
    closed = good(http.post("/settlementWindows/1", json=closing, headers=KEY))
    assert closed == good(http.post("/settlementWindows/1", json=closing, headers=KEY))
    check("SettlementWindow", closed)
    other = http.post("/settlementWindows/1", json=closing | {"reason": "other"}, headers=KEY)
    assert_problem(other, 409, "window-state", "id")
    assert [one["id"] for one in good(http.get("/settlementWindows", headers=KEY))] == [1, 2]
    made = good(http.post("/settlements", json=settle, headers=KEY))
    assert made == good(http.post("/settlements", json=settle, headers=KEY))
    assert made == good(http.get("/settlements/1", headers=KEY))
    for participant in made["participants"]:
        check("Participant", participant)
    nets = {one["name"]: one["accounts"][0]["netSettlementAmount"] for one in made["participants"]}
    assert nets == {
        "a": {"amount": 30, "currency": "EUR"},
        "b": {"amount": 0, "currency": "EUR"},
        "c": {"amount": -30, "currency": "EUR"},
    }
    skipped = to_step(made, "PS_TRANSFERS_RESERVED")
    field = "participants.0.accounts.0.state"
    assert_problem(http.put("/settlements/1", json=skipped, headers=KEY), 409, "settlement-state", field)
    for step in STEPS[1:-1]:
        made = good(http.put("/settlements/1", json=to_step(made, step), headers=KEY))
        assert made["state"] == step
    aborted = http.put("/settlements/1", json={"state": "ABORTED", "reason": "no"}, headers=KEY)
    assert_problem(aborted, 409, "settlement-state", "state")
    first = {"participants": to_step(made, "SETTLED")["participants"][:1]}
    assert good(http.put("/settlements/1", json=first, headers=KEY))["state"] == "SETTLING"
    made = good(http.put("/settlements/1", json=to_step(made, "SETTLED"), headers=KEY))
    assert [made["state"], *(one["state"] for one in made["settlementWindows"])] == ["SETTLED", "SETTLED"]
    zero = store.read_now(lambda conn: standing(conn, *FSPS))
    assert set(zero.values()) == {(0, 0)}


def to_step(settlement: dict[str, Any], state: str) -> dict[str, Any]:
    return {
        "participants": [
            {
                "id": one["id"],
                "accounts": [{"id": account["id"], "state": state} for account in one["accounts"]],
            }
            for one in settlement["participants"]
        ]
    }


def test_what_is_asked_for_is_found(http: httpx2.Client) -> None:
    found = [one["id"] for one in good(http.get("/settlements", headers=KEY))]
    settled: list[tuple[dict[str, Any], list[int]]] = [
        ({"currency": "EUR"}, found),
        ({"currency": "GBP"}, []),
        ({"state": "ABORTED"}, []),
        ({"participantId": 1, "accountId": 2, "settlementWindowId": 1}, found),
        ({"participantId": 99}, []),
        ({"accountId": 1}, []),
        ({"fromDateTime": "2100-01-01T00:00:00Z"}, []),
        ({"toSettlementWindowDateTime": "2000-01-01T00:00:00Z"}, []),
    ]
    for asked, expected in settled:
        answer = good(http.get("/settlements", params=asked, headers=KEY))
        assert [one["id"] for one in answer] == expected, asked
    opened: list[tuple[dict[str, Any], list[int]]] = [
        ({"currency": "EUR", "participantId": 1, "toDateTime": "2100-01-01T00:00:00Z"}, found),
        ({"participantId": 99}, []),
        ({"fromDateTime": "2100-01-01T00:00:00Z"}, []),
    ]
    for asked, expected in opened:
        answer = good(http.get("/settlementWindows", params=asked, headers=KEY))
        assert [one["id"] for one in answer] == expected, asked
    for path, code in (
        ("/settlements/99", "unknown-settlement"),
        ("/settlementWindows/99", "unknown-window"),
    ):
        assert_problem(http.get(path, headers=KEY), 404, code, "id")
    assert http.get("/settlements", params={"unknown": "1"}, headers=KEY).status_code == 422
    both = {"state": "ABORTED", "participants": [{"id": 1, "accounts": [{"id": 2, "state": "SETTLED"}]}]}
    for body in ({}, both):
        assert http.put("/settlements/1", json=body, headers=KEY).status_code == 422
    good(http.post("/settlementWindows/2", json={"state": "CLOSED", "reason": "empty"}, headers=KEY))
    empty = {"reason": "none", "settlementModel": "DEFERREDNET", "settlementWindows": [{"id": 2}]}
    answer = http.post("/settlements", json=empty, headers=KEY)
    assert_problem(answer, 409, "nothing-to-settle", "settlementWindows")
    assert good(http.get("/settlementWindows/2", headers=KEY))["state"] == "CLOSED"


@pytest.mark.parametrize("seed", range(4))
def test_a_close_that_races_commits_leaves_each_in_one_window(empty: Path, tmp_path: Path, seed: int) -> None:
    """Closings and commits are handed to the one writer by many tasks, in an order that the seed decides."""
    random = Random(seed)

    async def race(store: Store) -> None:
        await store(lambda conn: enrol(conn, *FSPS))
        pairs = [random.sample(FSPS, 2) for _ in range(40)]

        async def pay(n: int, pair: list[str], pauses: int) -> None:
            payer, payee = pair
            await store(lambda conn: prepared(conn, n, payer, payee, f"{n + 1}.0001"))
            for _ in range(pauses):
                await asyncio.sleep(0)
            await store(lambda conn: committed(conn, n, payee))

        async def close(number: int, pauses: int) -> None:
            for _ in range(pauses):
                await store(lambda conn: windows.present(conn))
            while True:
                try:
                    await store(lambda conn: windows.close(conn, number, "race", NOW))
                except Problem:  # the one before is not closed yet
                    continue
                return

        tasks = [pay(n, pair, random.randrange(9)) for n, pair in enumerate(pairs)]
        tasks += [close(number, random.randrange(6)) for number in (1, 2, 3)]
        random.shuffle(tasks)
        await asyncio.gather(*tasks)

    with opened(shutil.copy(empty, tmp_path), PLACE, HEAD) as store:
        asyncio.run(race(store))
        store.read_now(lambda conn: _check(conn, 40))


def _check(conn: Connection, count: int) -> None:
    """Every transfer is counted once, and all windows' sums are what the positions say."""
    every = windows.every(conn)
    stamped = list(conn.execute(select(transfers.c.settlement_window)).scalars())
    assert len(stamped) == count
    assert {one or every[-1].number for one in stamped} <= {window.number for window in every}
    for window in every:
        own = [one for one in stamped if (one or every[-1].number) == window.number]
        assert bool(own) == bool(windows.nets(conn, window))
        assert sum(windows.nets(conn, window).values()) == 0
    total = windows.total([windows.nets(conn, window) for window in every])
    owed = {place: nano for place, (nano, _) in standing(conn, *FSPS).items()}
    assert {place: total.get(place, 0) for place in owed} == owed


class Settling(RuleBasedStateMachine):
    """The model: nets of each window by hand, and which windows' settlements have moved money."""

    def __init__(self) -> None:
        super().__init__()
        self.work = SHARED.begin()
        enrol(SHARED, *FSPS, cap="60")
        self.count = 0
        self.nets: list[dict[tuple[str, str], int]] = [{}]
        self.states = ["OPEN"]
        self.made: list[list[int]] = []

    def teardown(self) -> None:
        self.work.rollback()

    @rule(who=st.permutations(FSPS), currency=st.sampled_from(CURRENCIES), value=st.integers(1, 50))
    def pay(self, who: list[str], currency: str, value: int) -> None:
        payer, payee, _ = who
        prepared(SHARED, self.count, payer, payee, str(value), currency)
        try:
            committed(SHARED, self.count, payee)
        except Refused:
            raise AssertionError("a payee may always say so") from None
        row = SHARED.execute(select(transfers.c.state).order_by(transfers.c.transfer.desc())).first()
        self.count += 1
        if row is not None and row.state == "COMMITTED":
            nets = self.nets[-1]
            for fsp, nano in ((payer, value * 10**9), (payee, -value * 10**9)):
                nets[fsp, currency] = nets.get((fsp, currency), 0) + nano

    @rule()
    def close(self) -> None:
        windows.close(SHARED, len(self.nets), "r", NOW)
        self.states[-1:] = ["CLOSED", "OPEN"]
        self.nets.append({})

    @rule(chosen=st.sets(st.integers(1, 6), min_size=1, max_size=3))
    def create(self, chosen: set[int]) -> None:
        asked = {"reason": str(len(self.made)), "settlementModel": "DEFERREDNET"}
        listed = [{"id": number} for number in sorted(chosen)]
        question = wire.CreateSettlement.model_validate(asked | {"settlementWindows": listed})
        may = all(n <= len(self.states) and self.states[n - 1] in ("CLOSED", "ABORTED") for n in chosen)
        may = may and any(self.nets[n - 1] for n in chosen)
        try:
            with SHARED.begin_nested():
                number = settlements.create(SHARED, question, NOW)
        except Problem:
            assert not may
            return
        assert may and number == len(self.made) + 1
        self.made.append(sorted(chosen))
        for n in chosen:
            self.states[n - 1] = "PENDING_SETTLEMENT"

    @precondition(lambda self: self.made)
    @rule(data=st.data(), all_of_them=st.booleans(), step=st.sampled_from(STEPS))
    def advance(self, data: st.DataObject, all_of_them: bool, step: str) -> None:
        number = data.draw(st.integers(1, len(self.made)))
        before = settlement_routes.settlement_state(SHARED, number).model_dump(by_alias=True)
        update = to_step(before, step)
        if not all_of_them:
            update["participants"] = [data.draw(st.sampled_from(update["participants"]))]
        self.change(number, wire.UpdateSettlement.model_validate(update), before)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, len(self.made)))
        before = settlement_routes.settlement_state(SHARED, number).model_dump(by_alias=True)
        if before["state"] in STEPS[:-1]:
            update = to_step(before, STEPS[STEPS.index(before["state"]) + 1])
            self.change(number, wire.UpdateSettlement.model_validate(update), before)

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, len(self.made)))
        before = settlement_routes.settlement_state(SHARED, number).model_dump(by_alias=True)
        self.change(number, wire.UpdateSettlement(state="ABORTED", reason="no"), before)

    def change(self, number: int, question: wire.UpdateSettlement, before: dict[str, Any]) -> None:
        try:
            with SHARED.begin_nested():
                settlements.update_one(SHARED, number, question, NOW)
        except Problem as why:
            assert why.code in ("settlement-state", "cap-too-low")
            kept = settlement_routes.settlement_state(SHARED, number).model_dump(by_alias=True)
            assert kept == before
            return
        after = settlement_routes.settlement_state(SHARED, number)
        if after.state in ("SETTLED", "ABORTED"):
            for n in self.made[number - 1]:
                self.states[n - 1] = after.state

    @invariant()
    def positions_are_what_is_not_settled(self) -> None:
        state = {
            n: settlements.find(SHARED, number).state
            for number, chosen in enumerate(self.made, 1)
            for n in chosen
        }
        moved = ("PS_TRANSFERS_COMMITTED", "SETTLING", "SETTLED")
        left = windows.total([nets for n, nets in enumerate(self.nets, 1) if state.get(n) not in moved])
        found = standing(SHARED, *FSPS)
        assert {place: nano for place, (nano, _) in found.items()} == {
            (fsp, currency): left.get((fsp, currency), 0) for fsp in FSPS for currency in CURRENCIES
        }
        for currency in CURRENCIES:
            reserved = sum(held for (_, one), (_, held) in found.items() if one == currency)
            due = 0
            for number, chosen in enumerate(self.made, 1):
                if settlements.find(SHARED, number).state == "PS_TRANSFERS_RESERVED":
                    nets = windows.total([self.nets[n - 1] for n in chosen])
                    due += sum(nano for (_, one), nano in nets.items() if one == currency and nano > 0)
            assert reserved == due

    @invariant()
    def windows_are_as_the_model_has_them(self) -> None:
        every = windows.every(SHARED)
        assert [window.state.value for window in every] == self.states
        assert [dict(windows.nets(SHARED, window)) for window in every] == self.nets
        kept = SHARED.execute(select(settlement_tables.window_nets.c.nano)).scalars().all()
        assert sum(kept) == 0
        assert every[-1].state is WindowState.OPEN


SHARED = create_engine("sqlite+tradelane://").connect()
with SHARED.begin():
    metadata.create_all(SHARED)
TestSettling = Settling.TestCase
TestSettling.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
