"""Disputes over real HTTP: the buyer keeps the money where it is, the operator decides once where it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.settlement.hubs import (
    ANA,
    BEN,
    NOW,
    assert_problem,
    declaration,
    reservation,
    settlement,
    shipment,
)
from tests.settlement.inspected import OPERATOR, Inspected, running_inspection
from tests.settlement.signed import KEYS
from tradelane.market.units import MINUTE, PPM, iso, plain
from tradelane.settlement.contract import NEXT, State
from tradelane.settlement.dispute import ENDS, share, standing
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.server import ledger
from tradelane.settlement.ehub.server.inspection import dispute_routes, disputes, freezing
from tradelane.settlement.ehub.server.supervision.tables import audit_entries
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_inspection import OpenDispute, ResolveDispute
from tradelane.settlement.logistics import ShipmentState

MODULES = (dispute_routes, disputes, freezing)
"""What stands behind these routes."""
REASON = {"reason": "half of it is rotten"}
REFUND = {"outcome": "refund"}


@pytest.fixture(scope="module")
def running(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """One hub for all: each test has contracts of its own."""
    with running_inspection(furnished, tmp_path_factory.mktemp("disputes")) as hub:
        yield hub


@pytest.fixture
def hub(running: Inspected) -> Iterator[Inspected]:
    """Its clock stands at the beginning again."""
    running.facade.at = NOW
    yield running


def reserved(hub: Inspected, contract: str, **more: Any) -> None:
    hub.ok(OPERATOR, "/reservations", {**reservation(contract, "12", contract=contract), **more})


def legs(contract: str) -> list[dict[str, Any]]:
    """What full delivery pays: Ana 10 EUR, Ben 7.5 GBP less 0.5."""
    return list(settlement(contract)["transfers"])


def money(hub: Inspected, *accounts: str) -> list[tuple[Decimal, Decimal]]:
    """Posted and held."""
    balances = hub.hub.balances()
    return [(Decimal(posted), Decimal(held)) for posted, held in map(balances.__getitem__, accounts)]


def changed(
    before: list[tuple[Decimal, Decimal]], after: list[tuple[Decimal, Decimal]]
) -> list[tuple[str, str]]:
    return [(plain(now[0] - was[0]), plain(now[1] - was[1])) for was, now in zip(before, after, strict=True)]


def test_a_disputed_contract_s_money_stays_held(hub: Inspected) -> None:
    before = money(hub, ANA)
    reserved(hub, "c1")
    opened = hub.ok("ana", "/contracts/c1/dispute", REASON)
    assert (opened["state"], opened["buyer"], opened["opened_by"]) == ("disputed", "ana", "ana")
    settles = hub.post(OPERATOR, "/settlements", settlement("s1", "c1", "c1"))
    assert_problem(settles, 409, "contract-disputed", "contract")
    released = hub.post(OPERATOR, "/reservations/c1/release", {})
    assert_problem(released, 409, "contract-disputed", "contract")
    assert changed(before, money(hub, ANA)) == [("0", "12")]
    assert_problem(hub.post("ana", "/contracts/c1/dispute", REASON), 409, "contract-state", "contract")
    assert hub.get("ana", "/contracts/c1/dispute") == opened
    assert opened in hub.get("ana", "/disputes")["items"]
    assert opened in hub.get(OPERATOR, "/disputes", state="disputed")["items"]
    assert hub.get("ben", "/disputes")["items"] == []
    assert opened not in hub.get(OPERATOR, "/disputes", state="released")["items"]
    hub.ok(OPERATOR, "/contracts/c1/resolve", REFUND, 200)


def test_what_is_held_beyond_its_time_stays_held(hub: Inspected) -> None:
    before = money(hub, ANA)
    reserved(hub, "c2", expires_at=iso(NOW + MINUTE))
    hub.ok("ana", "/contracts/c2/dispute", REASON)
    hub.facade.at += 60 * MINUTE
    with hub.hub.store.engine.begin() as conn:
        assert ledger.expire(conn, hub.facade.at) == 0
    held = hub.get(OPERATOR, "/reservations/c2")
    assert (held["state"], held["expires_at"], held["amount"]["value"]) == ("reserved", None, "12")
    assert hub.ok(OPERATOR, "/contracts/c2/resolve", REFUND, 200)["state"] == "refunded"
    assert changed(before, money(hub, ANA)) == [("0", "0")]
    assert hub.get(OPERATOR, "/chain")["ok"] and hub.get(OPERATOR, "/trial-balance")["balanced"]


def test_a_refund_gives_all_of_it_back(hub: Inspected) -> None:
    before = money(hub, ANA)
    reserved(hub, "c3")
    hub.ok("ana", "/contracts/c3/dispute", REASON)
    ended = hub.ok(OPERATOR, "/contracts/c3/resolve", REFUND | {"note": "photos seen"}, 200)
    assert (ended["state"], ended["outcome"], ended["resolved_by"]) == ("refunded", "refund", "operator")
    assert changed(before, money(hub, ANA)) == [("0", "0")]
    again = hub.post(OPERATOR, "/contracts/c3/resolve", REFUND)
    assert_problem(again, 409, "contract-state", "contract")
    query = select(audit_entries.c.actor, audit_entries.c.action).where(audit_entries.c.subject == "c3")
    with hub.hub.store.engine.connect() as conn:
        rows = conn.execute(query.order_by(audit_entries.c.seq)).all()
    assert [tuple(row) for row in rows] == [("ana", "dispute-opened"), ("operator", "dispute-resolved")]


def test_a_release_pays_a_share_and_gives_the_rest_back(hub: Inspected) -> None:
    before = money(hub, ANA, BEN)
    reserved(hub, "c4")
    hub.ok("ana", "/contracts/c4/dispute", REASON)
    half = {"outcome": "release", "share_ppm": PPM // 2, "transfers": legs("c4")}
    ended = hub.ok(OPERATOR, "/contracts/c4/resolve", half, 200)
    assert (ended["state"], ended["share_ppm"]) == ("released", PPM // 2)
    assert changed(before, money(hub, ANA, BEN)) == [("-4.999999999", "0"), ("3.5", "0")]
    assert hub.get(OPERATOR, "/reservations/c4")["state"] == "settled"
    receipts = hub.get(OPERATOR, "/receipts", contract="c4")["items"]
    assert {one["account"] for one in receipts} == {ANA, BEN}
    assert hub.get(OPERATOR, "/trial-balance")["balanced"] and hub.get(OPERATOR, "/chain")["ok"]


def test_what_the_ledger_refuses_leaves_the_dispute_open(hub: Inspected) -> None:
    before = money(hub, ANA)
    reserved(hub, "c5")
    hub.ok("ana", "/contracts/c5/dispute", REASON)
    much = [one | {"amount": one["amount"] | {"value": "50"}} for one in legs("c5")]
    answer = hub.post(OPERATOR, "/contracts/c5/resolve", {"outcome": "release", "transfers": much})
    assert_problem(answer, 422, "exceeds-reservation", "transfers")
    assert hub.get("ana", "/contracts/c5/dispute")["state"] == "disputed"
    assert changed(before, money(hub, ANA)) == [("0", "12")]
    hub.ok(OPERATOR, "/contracts/c5/resolve", REFUND, 200)


def test_what_is_settled_is_not_disputed(hub: Inspected) -> None:
    reserved(hub, "c6")
    hub.ok(OPERATOR, "/settlements", settlement("s6", "c6", "c6"))
    answer = hub.post("ana", "/contracts/c6/dispute", REASON)
    assert_problem(answer, 409, "contract-state", "contract")
    assert "released" in answer.json()["detail"]
    reserved(hub, "c7", expires_at=iso(NOW + MINUTE))
    hub.facade.at += MINUTE
    assert_problem(hub.post("ana", "/contracts/c7/dispute", REASON), 409, "contract-state", "contract")


def test_goods_under_way_may_be_disputed(hub: Inspected) -> None:
    reserved(hub, "c8")
    hub.ok(OPERATOR, "/declarations", declaration("c8", contract="c8"))
    hub.ok(OPERATOR, "/shipments", shipment("c8", contract="c8", declaration="c8"))
    hub.ok(OPERATOR, "/shipments/c8/events", {"event": "picked_up", "at": iso(NOW)}, 200)
    assert hub.ok(OPERATOR, "/contracts/c8/dispute", REASON)["opened_by"] == "operator"
    hub.ok(OPERATOR, "/contracts/c8/resolve", REFUND, 200)


@pytest.mark.parametrize(
    ("who", "path", "body", "status", "code", "field"),
    [
        ("ben", "/contracts/c9/dispute", REASON, 404, "unknown-contract", "contract"),
        ("ana", "/contracts/none/dispute", REASON, 404, "unknown-contract", "contract"),
        (
            "ana", "/contracts/c9/dispute", REASON | {"reservation": "r9"},
            404, "unknown-contract", "contract",
        ),
        ("ana", "/contracts/c9/dispute", {"reason": ""}, 422, "validation", "reason"),
        ("ana", "/contracts/c9/resolve", REFUND, 403, "operator-only", "Authorization"),
        (OPERATOR, "/contracts/c9/resolve", REFUND, 404, "unknown-dispute", "contract"),
        (OPERATOR, "/contracts/c9/resolve", {"outcome": "release"}, 422, "validation", "body"),
        (OPERATOR, "/contracts/c9/resolve", REFUND | {"share_ppm": 5}, 422, "validation", "body"),
        (OPERATOR, "/contracts/c9/resolve", {"outcome": "keep"}, 422, "validation", "outcome"),
    ],
)  # fmt: skip
def test_bad_disputes(
    hub: Inspected, who: str, path: str, body: Any, status: int, code: str, field: str
) -> None:
    if hub.client(OPERATOR).get(f"{hub.hub.url}/api/v1/reservations/c9").status_code == 404:
        reserved(hub, "c9")
    assert_problem(hub.post(who, path, body), status, code, field)
    asked = hub.client("ben").get(f"{hub.hub.url}/api/v1/contracts/c9/dispute")
    assert_problem(asked, 404, "unknown-dispute", "contract")


def test_the_clients_dispute_and_decide(hub: Inspected) -> None:
    reserved(hub, "c10")

    async def main() -> None:
        ana = MemberClient(hub.hub.url, Signer("ana", KEYS["ana"], lambda: hub.facade.at))
        try:
            opened = await ana.inspection.dispute("d", "c10", OpenDispute(reason="late"))
            assert opened.state is State.DISPUTED
        finally:
            await ana.close()

    asyncio.run(main())
    question = ResolveDispute.model_validate(REFUND)
    ended = hub.hub.run(lambda client: client.inspection.resolve("r", "c10", question))
    assert ended.state is State.REFUNDED


def test_a_dispute_ends_as_the_contract_s_table_says() -> None:
    assert set(ENDS.values()) == NEXT[State.DISPUTED]


@given(nano=st.integers(1, 10**18), ppm=st.integers(1, PPM))
def test_a_share_is_never_more_than_its_part(nano: int, ppm: int) -> None:
    part = share(nano, ppm)
    assert part <= Fraction(nano * ppm, PPM) < part + 1


def test_where_a_contract_stands() -> None:
    booked, delivered = ShipmentState.BOOKED, ShipmentState.DELIVERED
    assert standing("reserved", []) is standing("reserved", [booked]) is State.FUNDED
    assert standing("reserved", [booked, delivered]) is State.SHIPPED
    assert standing("reserved", [delivered]) is State.ACCEPTED
    assert (standing("settled", []), standing("released", [])) == (State.RELEASED, State.REFUNDED)
