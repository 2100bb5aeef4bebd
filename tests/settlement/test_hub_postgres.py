"""A trade through an e-hub on a real PostgreSQL, over HTTP: paid once, refused by name, proven."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.postgres import running_postgres
from tests.settlement.hubs import (
    ANA,
    NOW,
    TOKEN,
    Hub,
    assert_problem,
    declaration,
    furnish,
    reservation,
    run,
    serving,
    settlement,
    shipment,
)
from tests.settlement.test_hub_assessments import asked
from tests.settlement.test_hub_declarations import small
from tradelane.gateway.store import StoreError, opened
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.customs import nomenclature
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.hs import OFFICIAL, Entry


@pytest.fixture(scope="module")
def market() -> Iterator[Hub]:
    with (
        running_postgres() as server,
        opened(server.create(), PLACE, HEAD) as store,
        serving(create_app(store, lambda: NOW, TOKEN, store.read, (StoreError,))) as url,
        httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        run(HubClient(url, TOKEN), furnish)
        yield Hub(url, store, http)


def test_a_trade_is_paid_once_and_the_books_are_proven(market: Hub) -> None:
    refused = market.post("/reservations", reservation("r0", "150"), "too-much")
    assert_problem(refused, 402, "insufficient-funds", "amount")
    assert market.post("/reservations", reservation("r0", "150"), "too-much").content == refused.content
    assert market.post("/reservations", reservation(), "fund").status_code == 201
    first = market.post("/settlements", settlement(), "settle")
    again = market.post("/settlements", settlement(), "settle")
    assert (first.status_code, again.content) == (201, first.content)
    assert market.balances()[ANA] == ("90", "0")
    trial, chain = market.get("/trial-balance"), market.get("/chain")
    assert (trial["balanced"], chain["ok"], trial["head"]) == (True, True, chain["head"])
    assert [one["sum"] for one in trial["currencies"]] == ["0", "0"]
    assert len(market.get("/receipts", contract="c1")["items"]) == 2


def test_goods_are_declared_and_shipped(market: Hub) -> None:
    assert market.post("/declarations", declaration(), "declare").status_code == 201
    assert market.post("/shipments", shipment(), "book").status_code == 201
    assert market.get("/shipments/p1")["shipment"] == "p1"


def test_a_declaration_is_charged_corrected_and_invalidated(market: Hub) -> None:
    before = market.balances()[ANA]
    assert market.post("/assessments", asked(), "q1").json()["total"]["value"] == "1300.75"
    with market.store.engine.begin() as conn:
        loaded = nomenclature.load(conn, [Entry(code, OFFICIAL, "x") for code in ("090121", "070110")])
    assert loaded == (2, 0, 0)
    paid = market.post("/declarations", small("d2"), "d2").json()
    assert (paid["charged"]["value"], paid["goods"]) == ("15", "x")
    free = {"reason": "for nothing", "freight": {"currency": "EUR", "value": "0"}}
    assert market.post("/declarations/d2/amendments", free, "a2").json()["charged"]["value"] == "12"
    assert market.post("/declarations/d2/invalidate", None, "i2").json()["state"] == "invalidated"
    assert market.balances()[ANA] == before
    market.post("/declarations", declaration("d3", hs_code="070110"), "d3")
    paper = {"name": "phytosanitary certificate", "sha256": "00" * 32}
    assert market.post("/declarations/d3/documents", paper, "p3").status_code == 200
    assert market.post("/declarations/d3/release", None, "r3").json()["state"] == "released"


def test_pages_follow_each_other_in_one_order(market: Hub) -> None:
    first = market.get("/accounts", limit=3)
    rest = market.get("/accounts", limit=1000, after=first["next"])
    names = [account["account"] for account in first["items"] + rest["items"]]
    assert names == sorted(names)
    assert len(names) == 13
