"""Certificates of origin over real HTTP: signed reports, numbered Wh, given in part, cancelled once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.settlement.hubs import NOW, assert_problem
from tests.settlement.inspected import (
    OPERATOR,
    QUARTER,
    Inspected,
    device,
    production,
    running_inspection,
    wanted,
)
from tests.settlement.signed import KEYS
from tradelane.market.units import iso
from tradelane.settlement.certificate import Status
from tradelane.settlement.ehub.client_certificates import CertificatesClient
from tradelane.settlement.ehub.member_client import MemberClient
from tradelane.settlement.ehub.server.commands import Command
from tradelane.settlement.ehub.server.inspection import (
    certificate_routes,
    devices,
    giving,
    holdings,
    routes,
    tables,
)
from tradelane.settlement.ehub.server.inspection import (
    production as producing,
)
from tradelane.settlement.ehub.server.supervision.registering import register
from tradelane.settlement.ehub.server.supervision.tables import audit_entries, members
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_certificates import (
    CancelCertificates,
    ReportProduction,
    TransferCertificates,
)
from tradelane.settlement.ehub.wire_members import RegisterMember

MODULES = (certificate_routes, devices, giving, holdings, producing, routes, tables)
"""What stands behind these routes."""
START = NOW - NOW % QUARTER - 40 * QUARTER
PUBLIC_KEY = "A" * 43 + "="


@pytest.fixture(scope="module")
def hub(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """One for all: each test has a device of its own."""
    with running_inspection(furnished, tmp_path_factory.mktemp("certificates")) as hub:
        yield hub


def made(hub: Inspected, name: str, *wh: int) -> list[str]:
    """A new device of Ana's that made this in quarter after quarter; the issuances."""
    hub.ok(OPERATOR, "/certificates/devices", device(name))
    reports = [production(name, START + n * QUARTER, one, head_seq=n + 1) for n, one in enumerate(wh)]
    return [str(hub.ok("ana", "/production", one)["issuance_id"]) for one in reports]


def ranges(hub: Inspected, who: str, name: str, status: str = "Active") -> list[tuple[int, int, int]]:
    items = hub.get(who, "/certificates", device_id=name, certificate_status=status)["items"]
    return [(one["bundle_id_range_start"], one["bundle_id_range_end"], one["quantity"]) for one in items]


def test_each_metered_wh_is_numbered_once(hub: Inspected) -> None:
    first, second = made(hub, "roof-1", 1500, 1200)
    assert first == f"roof-1/{iso(START)}"
    items = hub.get("ana", "/certificates", device_id="roof-1")["items"]
    assert items[0] == {
        "account_id": "ana", "device_id": "roof-1", "issuance_id": first, "certificate_status": "Active",
        "energy_carrier": "electricity", "energy_source": "solar", "country_of_issuance": "ES",
        "production_starting_interval": iso(START), "production_ending_interval": iso(START + QUARTER),
        "bundle_id_range_start": 1, "bundle_id_range_end": 1500, "quantity": 1500,
        "beneficiary": None, "purpose": None, "cancelled_at": None,
    }  # fmt: skip
    assert ranges(hub, "ana", "roof-1") == [(1, 1500, 1500), (1501, 2700, 1200)]
    again = hub.post("ana", "/production", production("roof-1", START, 1500, head_seq=2))
    assert (again.status_code, again.json()["issuance_id"]) == (200, first), "told again: issued once"
    assert ranges(hub, "ana", "roof-1") == [(1, 1500, 1500), (1501, 2700, 1200)]
    night = hub.ok("ana", "/production", production("roof-1", START + 2 * QUARTER, 0, head_seq=3))
    assert (night["quantity"], night["bundle_id_range_start"]) == (0, None)
    assert hub.get("ana", "/certificates/devices")["items"][0]["issued"] == 2700
    assert hub.get("ben", "/certificates/devices")["items"] == []
    with hub.hub.store.engine.connect() as conn:
        audited = conn.execute(select(audit_entries).where(audit_entries.c.subject == "roof-1")).one()
    assert audited.action == "device-registered"
    assert second.startswith("roof-1/")


def test_a_transfer_splits_by_ranges_and_a_cancellation_is_the_end(hub: Inspected) -> None:
    (issuance,) = made(hub, "roof-2", 1000)
    body = wanted(issuance, 301, 500, target_id="ben")
    told = hub.post("ana", "/certificates/transfer", body, "give")
    assert hub.post("ana", "/certificates/transfer", body, "give").json() == told.json(), "once"
    assert (told.json()["quantity"], told.json()["target_id"]) == (200, "ben")
    assert ranges(hub, "ana", "roof-2") == [(1, 300, 300), (501, 1000, 500)]
    assert ranges(hub, "ben", "roof-2") == [(301, 500, 200)]
    purpose = {"beneficiary": "Ben's bakery", "purpose": "baking, June 2026"}
    used = hub.ok("ben", "/certificates/cancel", wanted(issuance, 301, 350, **purpose))
    assert (used["action_type"], used["beneficiary"], used["target_id"]) == ("cancel", "Ben's bakery", None)
    (shown,) = hub.get("ben", "/certificates", certificate_status="Cancelled", device_id="roof-2")["items"]
    assert (shown["quantity"], shown["purpose"], shown["cancelled_at"]) == (50, "baking, June 2026", iso(NOW))
    for who, path, more in [
        ("ben", "cancel", purpose),
        ("ben", "transfer", {"target_id": "ana"}),
        ("ana", "transfer", {"target_id": "cem"}),
    ]:
        answer = hub.post(who, f"/certificates/{path}", wanted(issuance, 340, 360, **more))
        assert_problem(answer, 409, "not-held", "bundle_id_range_start")
    hub.ok("ben", "/certificates/transfer", wanted(issuance, 351, 500, target_id="ana"))
    hub.ok("ana", "/certificates/transfer", wanted(issuance, 351, 1000, target_id="cem"))
    assert ranges(hub, "cem", "roof-2") == [(351, 1000, 650)], "what lies side by side goes as one"
    everyone = hub.get(OPERATOR, "/certificates", issuance_id=issuance)["items"]
    assert sum(one["quantity"] for one in everyone) == 1000


def test_another_s_holdings_are_not_seen(hub: Inspected) -> None:
    (issuance,) = made(hub, "roof-3", 10)
    assert hub.get("ben", "/certificates", device_id="roof-3")["items"] == []
    asked = hub.client("ben").get(f"{hub.hub.url}/api/v1/certificates", params={"account_id": "ana"})
    assert_problem(asked, 403, "not-your-account", "account_id")
    hub.ok("ana", "/certificates/transfer", wanted(issuance, 1, 4, target_id="ben"))
    seen = hub.get("ben", "/certificates/actions")["items"]
    assert [one["action_type"] for one in seen if one["device_id"] == "roof-3"] == ["transfer"]
    others = hub.get("cem", "/certificates/actions")["items"]
    assert all("cem" in (one["source_id"], one["target_id"]) for one in others)
    own = hub.get(OPERATOR, "/certificates/actions", account_id="ana")["items"]
    assert [one["action_type"] for one in own if one["device_id"] == "roof-3"] == ["issue", "transfer"]


def test_pages_go_on_where_one_ended(hub: Inspected) -> None:
    made(hub, "roof-4", 1, 2, 3)
    first = hub.get("ana", "/certificates", device_id="roof-4", limit=2)
    rest = hub.get("ana", "/certificates", device_id="roof-4", after=first["next"])
    assert [one["quantity"] for one in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next"] is None
    answer = hub.client("ana").get(f"{hub.hub.url}/api/v1/certificates", params={"after": "roof-4"})
    assert_problem(answer, 422, "validation", "after")
    devices = hub.get(OPERATOR, "/certificates/devices", limit=1)
    assert devices["next"] == devices["items"][0]["device_id"]
    first_action = hub.get(OPERATOR, "/certificates/actions", limit=1)
    assert first_action["next"] == str(first_action["items"][0]["action_id"])


def test_a_correction_only_lowers_and_only_before_anything_moved(hub: Inspected) -> None:
    kept, sold = made(hub, "roof-5", 100, 50)
    lower = hub.post("ana", "/production", production("roof-5", START, 90, head_seq=3))
    assert (lower.status_code, lower.json()["quantity"], lower.json()["corrected_at"]) == (200, 90, iso(NOW))
    assert ranges(hub, "ana", "roof-5") == [(1, 90, 90), (101, 150, 50)]
    hub.ok("ana", "/certificates/transfer", wanted(sold, 101, 101, target_id="ben"))
    for start, wh, code in [(START, 91, "production-raised"), (START + QUARTER, 49, "production-moved")]:
        answer = hub.post("ana", "/production", production("roof-5", start, wh, head_seq=3))
        assert_problem(answer, 409, code, "quantity")
    assert hub.post("ana", "/production", production("roof-5", START, 0, head_seq=3)).status_code == 200
    assert ranges(hub, "ana", "roof-5") == [(102, 150, 49)]
    after = hub.ok("ana", "/production", production("roof-5", START + 2 * QUARTER, 5, head_seq=4))
    assert after["bundle_id_range_start"] == 151, "numbers withdrawn are not given again"
    told = hub.get("ana", "/certificates/actions", limit=1000)["items"]
    withdrawn = [one["quantity"] for one in told if one["action_type"] == "correct"]
    assert (sum(withdrawn), kept) == (100, f"roof-5/{iso(START)}")


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"quantity": 2001}, 422, "beyond-capacity", "quantity"),
        ({"quality": "estimated"}, 422, "not-measured", "quality"),
        ({"head_signature": "00" * 64}, 422, "wrong-head", "head_signature"),
        ({"head": "11" * 32}, 422, "wrong-head", "head"),
        ({"device_id": "nobody-s"}, 404, "unknown-device", "device_id"),
        ({"production_ending_interval": iso(START)}, 422, "not-an-interval", "production_ending_interval"),
        (
            {"production_ending_interval": iso(START + 9 * QUARTER)},
            422, "not-an-interval", "production_ending_interval",
        ),
        (
            {
                "production_starting_interval": iso(NOW), "production_ending_interval": iso(NOW + QUARTER),
            },
            422, "not-over", "production_ending_interval",
        ),
        (
            {"production_ending_interval": iso(START + 2 * QUARTER)},
            409, "interval-overlaps", "production_starting_interval",
        ),
        ({"quantity": -1}, 422, "validation", "quantity"),
        ({"quantity": 1.5}, 422, "validation", "quantity"),
    ],
)  # fmt: skip
def test_what_gets_no_certificates(
    hub: Inspected, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    with_one(hub)
    answer = hub.post("ana", "/production", production("roof-6", START, 1, head_seq=1) | changes)
    assert_problem(answer, status, code, field)
    assert ranges(hub, "ana", "roof-6") == [(1, 1, 1)]


def with_one(hub: Inspected) -> None:
    if not hub.get(OPERATOR, "/certificates", device_id="roof-6")["items"]:
        made(hub, "roof-6", 1)


def test_another_s_device_reports_nothing(hub: Inspected) -> None:
    made(hub, "roof-7")
    answer = hub.post("ben", "/production", production("roof-7", START, 1, "ben"))
    assert_problem(answer, 404, "unknown-device", "device_id")
    twice = hub.post(OPERATOR, "/certificates/devices", device("roof-7", "ben"))
    assert_problem(twice, 409, "duplicate-id", "device_id")
    assert_problem(
        hub.post("ana", "/certificates/devices", device("x")), 403, "operator-only", "Authorization"
    )
    report = production("roof-7", START, 1)
    assert_problem(hub.post(OPERATOR, "/production", report), 403, "members-only", "Signature-Input")
    nobody = hub.facade.nobody.post(f"{hub.hub.url}/api/v1/production", json=report)
    assert_problem(nobody, 401, "unauthorised")


def test_a_chain_that_was_cut_is_noticed(hub: Inspected) -> None:
    made(hub, "roof-8", 5, 5)
    answer = hub.post("ana", "/production", production("roof-8", START + 3 * QUARTER, 5, head_seq=1))
    assert_problem(answer, 422, "wrong-head", "head")


def test_transfers_that_go_nowhere(hub: Inspected) -> None:
    (issuance,) = made(hub, "roof-9", 5)
    for target, code in [("ana", "same-account"), ("nobody", "unknown-member")]:
        answer = hub.post("ana", "/certificates/transfer", wanted(issuance, 1, 5, target_id=target))
        assert_problem(answer, 422, code, "target_id")
    backwards = hub.post("ana", "/certificates/transfer", wanted(issuance, 5, 1, target_id="ben"))
    assert backwards.status_code == 422
    unknown = hub.post("ana", "/certificates/transfer", wanted("none", 1, 1, target_id="ben"))
    assert_problem(unknown, 409, "not-held", "bundle_id_range_start")


def test_a_suspended_member_moves_no_certificates(hub: Inspected) -> None:
    hub.ok(OPERATOR, "/certificates/devices", device("roof-10", "cem"))
    issued = hub.ok("cem", "/production", production("roof-10", START, 5, "cem"))
    with hub.hub.store.engine.begin() as conn:
        asked = RegisterMember(member="cem", public_key=PUBLIC_KEY, name="Cem", currency="EUR")
        register(conn, Command("cem", b"", NOW), asked, actor="operator")
        conn.execute(update(members).values(suspended="on a list"))
    body = wanted(issued["issuance_id"], 1, 5, target_id="ana")
    assert_problem(hub.post("cem", "/certificates/transfer", body), 403, "suspended", "keyid")
    hub.ok(OPERATOR, "/supervision/members/cem/suspension/lift", {"reason": "cleared"}, 200)
    hub.ok("cem", "/certificates/transfer", body)


def test_a_member_s_client_reports_gives_and_cancels(hub: Inspected) -> None:
    hub.ok(OPERATOR, "/certificates/devices", device("roof-11"))
    by = Signer("ana", KEYS["ana"], lambda: hub.facade.at)

    async def use(asking: CertificatesClient) -> None:
        report = ReportProduction.model_validate(production("roof-11", START, 9))
        issued = await asking.report("r", report)
        assert await asking.report("r", report) == issued
        give = TransferCertificates.model_validate(wanted(issued.issuance_id, 1, 3, target_id="ben"))
        assert (await asking.transfer("t", give)).quantity == 3
        use_up = wanted(issued.issuance_id, 4, 9, beneficiary="Ana", purpose="at home")
        assert (await asking.cancel("c", CancelCertificates.model_validate(use_up))).quantity == 6
        held = await asking.held(status=Status.CANCELLED)
        assert [one.quantity for one in held.items if one.device_id == "roof-11"] == [6]

    async def main() -> None:
        client = MemberClient(hub.hub.url, by)
        try:
            await use(client.certificates)
        finally:
            await client.close()

    asyncio.run(main())
