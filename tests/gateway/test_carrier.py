"""The demo's bank and carrier at a real e-hub: money in once, every shipment to its door, none held up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.gateway.marketplace import phytosanitary
from tests.settlement.hubs import NOW, TOKEN
from tradelane.gateway.clock import Clock
from tradelane.gateway.demo import carrier, scene
from tradelane.gateway.hub import open_standing_accounts
from tradelane.gateway.store import opened
from tradelane.settlement.ehub.client import HubClient, HubRefused
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.wire import PositiveAmount
from tradelane.settlement.ehub.wire_declarations import Declare
from tradelane.settlement.logistics import MOST_TRIES, ShipmentEvent, ShipmentState


def at_hub(folder: Path, use: Callable[[HubClient], Awaitable[None]]) -> None:
    async def main() -> None:
        with opened(folder / "hub.sqlite", PLACE, HEAD) as store:
            await store(lambda conn: open_standing_accounts(conn, scene.CURRENCIES, NOW))
            app = create_app(store, lambda: NOW, TOKEN, store.read)
            hub = HubClient("http://hub", TOKEN, httpx2.ASGITransport(app))
            try:
                await asyncio.wait_for(use(hub), 60)
            finally:
                await hub.close()

    asyncio.run(main())


def test_everybody_s_money_is_paid_in_once(tmp_path: Path) -> None:
    async def use(hub: HubClient) -> None:
        await carrier.pay_in(hub)
        await carrier.pay_in(hub)
        for id, name, currency, units in scene.deposits():
            account = await hub.account(f"member:{id}:{currency}")
            assert (account.owner, account.posted) == (name, str(units))
        assert (await hub.trial_balance()).balanced

    at_hub(tmp_path, use)


async def book(hub: HubClient, name: str) -> None:
    await hub.inspection.file(f"{name}/paper", phytosanitary(name))
    await hub.customs.declare(
        f"{name}/declare",
        Declare(
            declaration=name, contract=name, hs_code="070190", origin="NL", destination="GB",
            quantity="25", unit="kg", value=PositiveAmount(currency="EUR", value="7"), duty_ppm=80_000,
        ),
    )  # fmt: skip
    await hub.book_shipment(
        f"{name}/ship", shipment=name, contract=name, declaration=name, lane="NL>GB.road", quantity="25",
        unit="kg",
    )  # fmt: skip


def test_a_shipment_whose_code_is_locked_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "STEP_S", 0.01)

    async def use(hub: HubClient) -> None:
        await book(hub, "c1-0")
        await book(hub, "c2-0")
        for event in carrier.NEXT.values():
            with suppress(HubRefused):
                await hub.record_event(
                    f"early/{event}", shipment="c1-0", event=event, at=NOW, proof_code="wrong"
                )
        for n in range(MOST_TRIES - 1):
            with pytest.raises(HubRefused, match="not the buyer's"):
                await hub.record_event(
                    f"try {n}", shipment="c1-0", event=ShipmentEvent.DELIVERED, at=NOW, proof_code="wrong"
                )
        under_way = asyncio.create_task(carrier.carry(hub, Clock()))
        while (await hub.shipment("c2-0")).state is not ShipmentState.DELIVERED:
            assert not under_way.done()
            await asyncio.sleep(0.01)
        assert (await hub.shipment("c1-0")).state is ShipmentState.OUT_FOR_DELIVERY
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)

    at_hub(tmp_path, use)
