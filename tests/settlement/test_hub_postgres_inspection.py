"""The e-hub's inspection on a real PostgreSQL, over HTTP: certificates, a dispute, an inspection, papers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.postgres import running_postgres
from tests.settlement.facade import Facade
from tests.settlement.hubs import ANA, NOW, TOKEN, Hub, declaration, furnish, reservation, run, serving
from tests.settlement.inspected import OPERATOR, QUARTER, Inspected, device, production, wanted
from tests.settlement.signed import KEYS, Signed, known, signer
from tradelane.gateway.store import StoreError, opened
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.openpayments.routes import Settings

START = NOW - 4 * QUARTER


@pytest.fixture(scope="module")
def hub() -> Iterator[Inspected]:
    with (
        running_postgres() as server,
        opened(server.create(), PLACE, HEAD) as store,
        serving(
            create_app(store, lambda: NOW, TOKEN, store.read, (StoreError,), facade=Settings(known))
        ) as url,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        run(HubClient(url, TOKEN), furnish)
        members = {id: httpx2.Client(auth=Signed(signer(id, lambda: NOW))) for id in KEYS}
        yield Inspected(Facade(Hub(url, store, http), members=members))
        for client in members.values():
            client.close()


def test_all_of_it(hub: Inspected) -> None:
    hub.ok(OPERATOR, "/certificates/devices", device("roof"))
    issuance = hub.ok("ana", "/production", production("roof", START, 100))["issuance_id"]
    hub.ok("ana", "/production", production("roof", START, 90), 200)
    hub.ok("ana", "/certificates/transfer", wanted(issuance, 1, 40, target_id="ben"))
    used = {"beneficiary": "Ben", "purpose": "light"}
    hub.ok("ben", "/certificates/cancel", wanted(issuance, 11, 20, **used))
    items = hub.get(OPERATOR, "/certificates", limit=2)
    items["items"] += hub.get(OPERATOR, "/certificates", after=items["next"])["items"]
    assert [one["quantity"] for one in items["items"]] == [10, 10, 20, 50]
    assert len(hub.get("ben", "/certificates", certificate_status="Cancelled")["items"]) == 1
    held = reservation("c1", "12") | {"expires_at": iso(NOW + MINUTE)}
    hub.ok(OPERATOR, "/reservations", held)
    hub.ok(OPERATOR, "/declarations", declaration(hs_code="930630", duty_ppm=0))
    failed = {"result": "fail", "inspector": "Inge", "remarks": "no licence"}
    hub.ok(OPERATOR, "/inspections/customs/d1/result", failed, 200)
    assert hub.get(OPERATOR, "/disputes", state="disputed")["items"][0]["contract"] == "c1"
    assert hub.ok(OPERATOR, "/contracts/c1/resolve", {"outcome": "refund"}, 200)["state"] == "refunded"
    assert hub.hub.balances()[ANA] == ("100", "0")
    paper = {
        "document": "p", "kind": "phytosanitary certificate", "number": "1", "issuer": "NVWA",
        "subject": "d2", "valid_from": "2026-01-01", "valid_until": "2026-12-31", "sha256": "00" * 32,
    }  # fmt: skip
    hub.ok(OPERATOR, "/documents", paper)
    potatoes = declaration("d2", hs_code="0701.90", origin="NL", destination="GB", contract="c2", duty_ppm=0)
    made = hub.ok(OPERATOR, "/declarations", potatoes)
    assert (made["state"], made["documents"][0]["sha256"]) == ("released", "00" * 32)
    assert hub.get(OPERATOR, "/chain")["ok"] and hub.get(OPERATOR, "/trial-balance")["balanced"]
