"""What two people do together: proposed by one, carried out by another, never by one alone."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from tests.settlement.hubs import ANA, NOW, TOKEN, Hub, assert_problem, reservation, serving
from tests.settlement.signed import KEYS, Signed
from tests.settlement.test_hub_members import ANA as REGISTRATION
from tradelane.gateway.store import Store, StoreError, opened
from tradelane.settlement.approval import LIFE_MS, TRANSITIONS, Act, Refusal, State, decide, seen
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.client_approvals import ApprovalsClient
from tradelane.settlement.ehub.client_members import MembersClient
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.supervision import approval_routes, approvals, asking, kinds
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.supervision.tables import approvals as table
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_members import ChangeLevel, RegisterMember
from tradelane.settlement.ehub.wire_supervision import Approve, Propose, Reject
from tradelane.settlement.member import Level
from tradelane.settlement.problem import Problem

OPERATORS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n, name in ((7, "ada"), (8, "bo"))
}
ZOE = base64.b64encode(
    Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32).public_key().public_bytes_raw()
).decode()
RAISE = {"kind": "member-limit", "subject": "ana", "fields": {"level": "verified"}}


@dataclass
class Watched:
    """A hub whose operators are Ada and Bo; its clock stands still until it is set."""

    hub: Hub
    at: int = NOW
    people: dict[str, httpx2.Client] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def post(self, who: str, path: str, body: Any = None) -> httpx2.Response:
        headers = {"Idempotency-Key": f"k{next(self.numbers)}"}
        return self.people[who].post(f"{self.hub.url}/api/v1{path}", json=body, headers=headers)

    def proposed(self, who: str = "ada", body: Mapping[str, Any] = RAISE) -> int:
        answer = self.post(who, "/approvals", body)
        assert (answer.status_code, answer.json()["state"]) == (201, "PROPOSED"), answer.text
        return int(answer.json()["approval"])

    def state(self, approval: int) -> tuple[str, str | None]:
        shown = self.hub.get("/approvals", after=approval - 1, limit=1)["items"][0]
        return shown["state"], shown["decided_by"]

    def level(self) -> str:
        return str(self.hub.get("/supervision/members/ana")["level"])


@pytest.fixture(scope="module")
def served(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    path = shutil.copy(furnished, tmp_path_factory.mktemp("watched") / "hub.sqlite")
    public = {name: key.public_key().public_bytes_raw() for name, key in OPERATORS.items()}
    with opened(path, PLACE, HEAD) as store, ExitStack() as clients:
        watch = Supervision(operators=public)
        app = create_app(store, lambda: it.at, TOKEN, store.read, (StoreError,), supervised=watch)
        url = clients.enter_context(serving(app))
        token = clients.enter_context(
            httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
        )
        it = Watched(Hub(url, store, token))
        it.people["token"] = token
        for name, key in {**OPERATORS, "ana": KEYS["ana"]}.items():
            signer = Signer(name, key, lambda: it.at)
            it.people[name] = clients.enter_context(httpx2.Client(auth=Signed(signer)))
        assert it.post("bo", "/supervision/members", REGISTRATION).status_code == 201
        yield it


@pytest.fixture
def watched(served: Watched) -> Watched:
    served.at = NOW
    assert served.post("token", "/supervision/members/ana/level", {"level": "anonymous-small"}).is_success
    return served


def test_one_proposes_and_another_carries_out(watched: Watched) -> None:
    approval = watched.proposed()
    assert watched.level() == "anonymous-small"
    assert_problem(watched.post("ada", f"/approvals/{approval}/approve"), 403, "same-operator", "approval")
    assert watched.state(approval) == ("PROPOSED", None)
    answer = watched.post("bo", f"/approvals/{approval}/approve")
    assert (answer.status_code, answer.json()["decided_by"]) == (200, "bo")
    assert (watched.level(), watched.state(approval)) == ("verified", ("CARRIED_OUT", "bo"))
    again = watched.post("bo", f"/approvals/{approval}/approve")
    assert_problem(again, 409, "approval-closed", "approval")
    with watched.hub.store.engine.connect() as conn:
        told = conn.execute(select(audit_entries).order_by(audit_entries.c.seq.desc()).limit(3)).all()
    assert [(row.actor, row.action) for row in told] == [
        ("ada, bo", "member-level"), ("bo", "approval-approved"), ("ada", "approval-proposed"),
    ]  # fmt: skip
    assert json.loads(told[1].detail)["approval"] == approval


def test_the_token_s_client_registers_and_lowers_alone(watched: Watched) -> None:
    async def use() -> list[Level]:
        client = HubClient(watched.hub.url, TOKEN)
        assert isinstance(client.members, MembersClient)
        asked = RegisterMember.model_validate(REGISTRATION | {"member": "zoe", "public_key": ZOE})
        try:
            made = await client.members.register("zoe", asked)
            kept = await client.members.change_level("zoe-2", "zoe", ChangeLevel(level=made.level))
            return [made.level, kept.level]
        finally:
            await client.close()

    assert asyncio.run(use()) == [Level.ANONYMOUS_SMALL] * 2


def test_an_operator_s_client_goes_the_same_way(watched: Watched) -> None:
    async def use(work: Any, who: str) -> Any:
        client = MemberClient(watched.hub.url, Signer(who, OPERATORS[who], lambda: watched.at))
        assert isinstance(client.approvals, ApprovalsClient)
        try:
            return await work(client.approvals)
        finally:
            await client.close()

    made = asyncio.run(use(lambda it: it.propose("c1", Propose.model_validate(RAISE)), "ada"))
    done = asyncio.run(use(lambda it: it.approve("c2", made.approval), "bo"))
    assert (done.state, done.decided_by) == (State.CARRIED_OUT, "bo")
    last = asyncio.run(use(lambda it: it.listed(made.approval - 1), "bo")).items
    assert [one.approval for one in last] == [made.approval]


def test_nobody_raises_a_limit_alone_but_anybody_lowers_it(watched: Watched) -> None:
    for who in ("token", "ada"):
        answer = watched.post(who, "/supervision/members/ana/level", {"level": "business"})
        assert_problem(answer, 403, "two-operators-needed", "level")
    watched.post("bo", f"/approvals/{watched.proposed()}/approve")
    lowered = watched.post("ada", "/supervision/members/ana/level", {"level": "anonymous-small"})
    assert (lowered.status_code, watched.level()) == (200, "anonymous-small")


def test_only_who_is_named_proposes_and_decides(watched: Watched) -> None:
    approval = watched.proposed()
    for path, body in (
        ("/approvals", RAISE),
        (f"/approvals/{approval}/approve", None),
        (f"/approvals/{approval}/reject", {"reason": "no"}),
    ):
        assert_problem(watched.post("token", path, body), 403, "named-operators-only", "Signature-Input")
        assert_problem(watched.post("ana", path, body), 401, "signature-invalid", "Signature-Input")
    assert watched.state(approval) == ("PROPOSED", None)


def test_what_is_rejected_stays_so_and_its_proposer_may_take_it_back(watched: Watched) -> None:
    for who in ("bo", "ada"):
        approval = watched.proposed()
        answer = watched.post(who, f"/approvals/{approval}/reject", {"reason": "not proven yet"})
        assert (answer.json()["state"], answer.json()["reason"]) == ("REJECTED", "not proven yet")
        late = watched.post("bo", f"/approvals/{approval}/approve")
        assert_problem(late, 409, "approval-closed", "approval")
    assert watched.level() == "anonymous-small"


def test_after_a_week_it_is_over(watched: Watched) -> None:
    approval = watched.proposed()
    watched.at = NOW + LIFE_MS
    late = watched.post("bo", f"/approvals/{approval}/approve")
    assert_problem(late, 409, "approval-closed", "approval")
    assert watched.state(approval) == ("EXPIRED", None)
    with watched.hub.store.engine.begin() as conn:
        assert approvals.expire(conn, NOW + LIFE_MS - 1) == 0
        assert approvals.expire(conn, NOW + LIFE_MS) >= 1
        assert approvals.expire(conn, NOW + LIFE_MS) == 0
    assert watched.state(approval) == ("EXPIRED", None)


@pytest.mark.parametrize(
    ("change", "status", "code", "fields"),
    [
        ({"kind": "steal"}, 422, "unknown-kind", ["kind"]),
        ({"fields": {"level": "king"}}, 422, "wrong-fields", ["fields.level"]),
        ({"fields": {"level": "verified", "bonus": 1}}, 422, "wrong-fields", ["fields.bonus"]),
        ({"fields": {"by": "bo"}}, 422, "validation", ["fields.by.[key]"]),
        ({"subject": "nobody"}, 404, "unknown-member", ["member"]),
        (
            {"kind": "dispute", "fields": {"outcome": "refund", "note": "x"}},
            404,
            "unknown-dispute",
            ["contract"],
        ),
    ],
)
def test_what_cannot_be_is_not_proposed(
    watched: Watched, change: dict[str, Any], status: int, code: str, fields: list[str]
) -> None:
    before = watched.hub.get("/approvals", limit=1000)
    assert_problem(watched.post("ada", "/approvals", RAISE | change), status, code, *fields)
    assert watched.hub.get("/approvals", limit=1000) == before
    gone = watched.post("ada", "/approvals/999/reject", {"reason": "x"})
    assert_problem(gone, 404, "unknown-approval", "approval")


def test_a_disputed_contract_s_money_goes_where_two_decide(watched: Watched) -> None:
    assert watched.hub.post("/reservations", reservation("d1", contract="d1"), "d1").status_code == 201
    assert watched.post("token", "/contracts/d1/dispute", {"reason": "nothing came"}).status_code == 201
    decision = {"outcome": "refund", "note": "the carrier lost it"}
    alone = watched.post("token", "/contracts/d1/resolve", decision)
    assert_problem(alone, 403, "two-operators-needed", "outcome")
    approval = watched.proposed("bo", {"kind": "dispute", "subject": "d1", "fields": decision})
    assert watched.hub.balances()[ANA] == ("100", "12")
    assert watched.post("ada", f"/approvals/{approval}/approve").status_code == 200
    assert watched.hub.balances()[ANA] == ("100", "0")
    assert watched.hub.get("/contracts/d1/dispute")["resolved_by"] == "bo, ada"


def test_without_named_operators_the_token_acts_alone(market: Hub) -> None:
    assert market.post("/supervision/members", REGISTRATION, "ana/register").status_code == 201
    done = market.post("/approvals", RAISE, "a1").json()
    assert (done["state"], done["proposed_by"], done["decided_by"]) == ("CARRIED_OUT", "operator", None)
    assert market.get("/supervision/members/ana")["level"] == "verified"
    raised = market.post("/supervision/members/ana/level", {"level": "business"}, "l1")
    assert raised.json()["level"] == "business"


def refused(_conn: Connection, _fields: approvals.Fields, _at: int) -> None:
    raise Problem.field(409, "declaration-state", "subject", "not any more")


def noted(conn: Connection, fields: approvals.Fields, at: int) -> None:
    """An act that leaves a trace: the reason of the approval it is about."""
    conn.execute(update(table).where(table.c.approval == fields["number"]).values(reason=fields["by"]))


def test_an_act_that_fails_leaves_its_approval_open(store: Store) -> None:
    command = Command("k", b"", NOW)
    question = Propose(kind="note", subject="x", fields={"number": 1})
    with store.engine.begin() as conn:
        approvals.propose(conn, command, question, by="ada", alone=False, kinds={"note": noted})
        assert conn.execute(select(table.c.reason)).scalar_one() is None, "it was only tried"
        for failing in ({"note": refused}, {}):
            with pytest.raises(Problem), conn.begin_nested():
                approvals.approve(conn, command, Approve(), approval=1, by="bo", kinds=failing)
        assert conn.execute(select(table.c.state)).scalar_one() == State.PROPOSED
        approvals.approve(conn, command, Approve(), approval=1, by="bo", kinds={"note": noted})
        assert conn.execute(select(table.c.state, table.c.reason)).one() == (State.CARRIED_OUT, "ada, bo")
        with pytest.raises(Problem):
            approvals.reject(conn, command, Reject(reason="x"), approval=1, by="bo")


def test_the_database_itself_keeps_four_eyes(store: Store) -> None:
    with store.engine.begin() as conn:
        question = Propose(kind="note", subject="x", fields={"number": 1})
        approvals.propose(
            conn, Command("k", b"", NOW), question, by="ada", alone=False, kinds={"note": noted}
        )
        alone = {"state": State.CARRIED_OUT, "decided_by": "ada", "decided_at": NOW}
        with pytest.raises(IntegrityError, match="ck_approvals_four_eyes"), conn.begin_nested():
            conn.execute(update(table).values(alone))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", Act)
def test_only_what_is_open_is_decided(state: State, act: Act) -> None:
    after = decide(state, act, "ada", "bo")
    assert after == (TRANSITIONS[state, act] if state is State.PROPOSED else Refusal.CLOSED)
    assert seen(state, NOW, NOW) == (State.EXPIRED if state is State.PROPOSED else state)
    assert seen(state, NOW + 1, NOW) == state


def test_every_kind_says_what_it_takes() -> None:
    assert sorted(kinds.KINDS) == ["dispute", "member-limit"]
    assert all(work.__doc__ for work in kinds.KINDS.values())
    assert approval_routes.router.__doc__ and asking.OPERATOR == "operator"
