"""Members of an e-hub: one screen, a level, suspension, keys that sign; every act in the audit trail."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from tests.settlement.hubs import NOW, Hub, assert_problem
from tests.settlement.signed import PUBLIC
from tradelane.settlement.ehub.server import audit, members
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.supervision.registering import register
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.ehub.wire_members import RegisterMember
from tradelane.settlement.member import Level, limits, rules

ANA = {
    "member": "ana",
    "public_key": base64.b64encode(PUBLIC["ana"]).decode(),
    "name": "Ana",
    "currency": "EUR",
}
FIVE = {"currency": "EUR", "value": "5"}
OTHER = base64.b64encode(PUBLIC["cem"]).decode()


def registered(hub: Hub, **more: Any) -> httpx2.Response:
    answer = hub.post("/supervision/members", ANA | more, "ana/register")
    assert answer.status_code == 201, answer.text
    return answer


def test_four_fields_make_a_member_at_the_lowest_level(market: Hub) -> None:
    body = registered(market, level="business", employees=12).json()
    assert (body["level"], body["asked"], body["account"]) == (
        "anonymous-small",
        "business",
        "member:ana:EUR",
    )
    assert body["day_limit"] == {"currency": "EUR", "value": "1000"}
    assert body["contract_limit"] == {"currency": "EUR", "value": "500"}
    assert market.get("/supervision/members/ana") == body
    assert market.get("/supervision/members")["items"] == [body]
    assert market.post("/supervision/members", ANA, "ana/again").status_code == 409
    taken = market.post("/supervision/members", ANA | {"member": "eve"}, "eve/register")
    assert_problem(taken, 409, "key-in-use", "public_key")
    raised = market.post("/supervision/members/ana/level", {"level": "business"}, "ana/level").json()
    assert (raised["level"], raised["day_limit"]["value"]) == ("business", "1000000")


def test_a_new_member_gets_its_account(market: Hub) -> None:
    body = {**ANA, "member": "dora", "public_key": OTHER, "currency": "GBP"}
    assert market.post("/supervision/members", body, "dora").status_code == 201
    assert market.get("/accounts/member:dora:GBP")["limit"] == "-50"


def test_a_suspended_member_moves_no_money_and_what_is_held_stays(market: Hub) -> None:
    registered(market)
    hold = {"reservation": "r1", "contract": "c1", "account": "member:ana:EUR", "amount": FIVE}
    assert market.post("/reservations", hold, "r1").status_code == 201
    assert (
        market.post("/supervision/members/ana/suspension", {"reason": "on a list"}, "s1").status_code == 200
    )
    refused = market.post("/reservations", hold | {"reservation": "r2"}, "r2")
    assert_problem(refused, 403, "suspended", "account")
    assert market.balances()["member:ana:EUR"] == ("100", "5")
    assert_problem(
        market.post("/supervision/members/ana/suspension", {"reason": "again"}, "s2"),
        409,
        "already-suspended",
        "member",
    )
    assert (
        market.post("/supervision/members/ana/suspension/lift", {"reason": "another Ana"}, "l1").status_code
        == 200
    )
    assert market.post("/reservations", hold | {"reservation": "r2"}, "r3").status_code == 201
    assert_problem(
        market.post("/supervision/members/ana/suspension/lift", {"reason": "x"}, "l2"),
        409,
        "not-suspended",
        "member",
    )


def test_a_key_that_was_given_up_never_counts_again(market: Hub) -> None:
    registered(market)
    assert market.post("/supervision/members/ana/keys", {"public_key": OTHER}, "k1").status_code == 200
    with market.store.engine.connect() as conn:
        assert members.key(conn, "ana") == PUBLIC["cem"]
        assert members.by_key(conn, PUBLIC["ana"]) is None
        assert members.key(conn, "nobody") is None
    back = market.post("/supervision/members/ana/keys", {"public_key": ANA["public_key"]}, "k2")
    assert_problem(back, 409, "key-in-use", "public_key")


def test_every_act_stands_in_the_audit_trail_with_its_leaf(market: Hub) -> None:
    registered(market)
    market.post("/supervision/members/ana/level", {"level": "verified"}, "v1")
    market.post("/supervision/members/ana/suspension", {"reason": "asked to"}, "s1")
    with market.store.engine.connect() as conn:
        rows = conn.execute(select(audit_entries).order_by(audit_entries.c.seq)).mappings().all()
    assert [(row["seq"], row["action"]) for row in rows] == [
        (1, "member-registered"), (2, "member-level"), (3, "member-suspended"),
    ]  # fmt: skip
    assert all(row["leaf_hash"] == audit.leaf_hash(dict(row)) for row in rows)
    assert len({row["leaf_hash"] for row in rows}) == 3
    assert all(len(row["leaf_hash"]) == hashlib.sha256().digest_size for row in rows)


def test_the_audit_trail_names_who_acted(market: Hub) -> None:
    with market.store.engine.begin() as conn:
        question = RegisterMember.model_validate(ANA)
        register(conn, Command("ana/register", b"", NOW), question, actor="inspector")
        assert conn.execute(select(audit_entries.c.actor)).scalar_one() == "inspector"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"public_key": "AAAA"}, "public_key"),
        ({"public_key": "not base64"}, "public_key"),
        ({"member": "a b"}, "member"),
        ({"currency": "euro"}, "currency"),
        ({"employees": -1}, "employees"),
        ({"owner_born": 1492}, "owner_born"),
        ({"level": "king"}, "level"),
    ],
)
def test_bad_registrations_name_their_field(market: Hub, change: dict[str, Any], field: str) -> None:
    assert_problem(market.post("/supervision/members", ANA | change, "bad"), 422, "validation", field)
    assert market.get("/supervision/members")["items"] == []


def test_the_limits_of_a_day_rise_with_the_level() -> None:
    day = rules()[0].valid_from
    for currency in ("EUR", "GBP", "NOK", "XXX"):
        found = [most for level in Level if (most := limits(level, currency, day)) is not None]
        assert len(found) == len(Level)
        for of in ("contract", "day"):
            amounts = [getattr(most, of).nano for most in found]
            assert amounts == sorted(set(amounts))
        assert all(most.contract.nano <= most.day.nano for most in found)
    assert Level.BUSINESS.is_above(Level.VERIFIED)
