"""A trade through an e-hub on a real PostgreSQL, over HTTP: paid once, refused by name, proven."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
from sqlalchemy import Connection

from tests.postgres import running_postgres
from tests.settlement.fspiop_money import committed, enrol, inbound, prepared, standing
from tests.settlement.fspiop_scheme import PAYEE, PAYER
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
from tests.settlement.test_fspiop_fx import CONVERSION, FXP, alone, promise
from tests.settlement.test_fspiop_settlement import STEPS, to_step
from tests.settlement.test_hub_assessments import asked
from tests.settlement.test_hub_declarations import small
from tradelane.gateway.store import StoreError, opened
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.customs import nomenclature
from tradelane.settlement.ehub.server.fspiop import expiry, fx_messages, fx_transfers, settlements, windows
from tradelane.settlement.ehub.server.fspiop.settlement_routes import settlement_state
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.wire_fspiop_settlement import CreateSettlement, UpdateSettlement, WindowNumber
from tradelane.settlement.hs import OFFICIAL, Entry

DAY_ONE = CreateSettlement(
    settlement_model="DEFERREDNET", reason="day", settlement_windows=[WindowNumber(id=1)]
)


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


def test_the_switch_converts_and_settles(market: Hub) -> None:
    def trade(conn: Connection) -> int:
        enrol(conn, PAYER, PAYEE, FXP, currencies=("EUR", "USD"))
        prepared(conn, 1, PAYER, PAYEE, "30.0001")
        committed(conn, 1, PAYEE)
        told = inbound("fxTransfers", PAYER, {}, fx_messages.FxTransfer, alone(), NOW)
        fx_transfers.prepare(conn, told)
        promised = inbound("fxTransfers", FXP, {"ID": CONVERSION}, fx_messages.FxFulfil, promise(), NOW)
        fx_transfers.fulfil(conn, promised)
        assert not expiry.overdue(conn, NOW) and expiry.expire(conn, NOW) == 0
        windows.close(conn, 1, "day", NOW)
        return settlements.create(conn, DAY_ONE, NOW)

    def settle(conn: Connection, step: str) -> str:
        update = to_step(settlement_state(conn, 1).model_dump(by_alias=True), step)
        settlements.update_one(conn, 1, UpdateSettlement.model_validate(update), NOW)
        return settlement_state(conn, 1).state

    async def whole() -> list[str]:
        assert await market.store(trade) == 1
        return [await market.store(partial(settle, step=step)) for step in STEPS[1:]]

    assert asyncio.run(whole()) == STEPS[1:]
    left = market.store.read_now(lambda conn: standing(conn, PAYER, PAYEE, FXP))
    assert set(left.values()) == {(0, 0)} and len(left) == 6
