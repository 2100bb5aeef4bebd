"""A buyer gets the codes for what is on its way to it, and nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.marketplace import FARM, POTATOES, SHOP, Marketplace, Member, in_market
from tradelane.gateway import door_codes, keys
from tradelane.market.units import iso
from tradelane.settlement.logistics import ShipmentEvent as E


async def asked(market: Marketplace, member: Member, **changes: Any) -> httpx2.Response:
    body = {"member": member.id, "at": iso(market.now), "asks": "door-codes", **changes}
    return await market.send(member, "mine/door-codes", body)


async def bought(market: Marketplace) -> str:
    """Potatoes on their way to the shop: their shipment."""
    await market.join(FARM, SHOP)
    await market.taken(FARM, "sell", "0.28", "25", product=POTATOES)
    await market.taken(SHOP, "buy", "0.42", "25", product=POTATOES)
    await market.settled("shipped")
    (shipment,) = (await market.hub.shipments()).items
    return shipment.shipment


def test_the_buyer_gets_its_code_until_the_goods_are_there(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        shipment = await bought(market)
        (item,) = (await asked(market, SHOP)).json()["items"]
        assert item["product"] == POTATOES
        assert item["trade"] in [trade["id"] for trade in await market.trades()]
        assert (await asked(market, FARM)).json() == {"items": []}, "the seller has no business at the door"
        for event in (E.PICKED_UP, E.IN_CUSTOMS, E.IN_TRANSIT, E.OUT_FOR_DELIVERY, E.DELIVERED):
            code = item["proof_code"] if event is E.DELIVERED else None
            await market.hub.record_event(
                event, shipment=shipment, event=event, at=market.now, proof_code=code
            )
        await market.settled("released")
        assert (await asked(market, SHOP)).json() == {"items": []}

    in_market(tmp_path, use)


def test_only_the_buyer_s_own_question_opens(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await bought(market)
        body = {"member": SHOP.id, "at": iso(market.now), "asks": "door-codes"}
        stolen = {**body, "signature": keys.sign(FARM.key, body)}
        assert (await market.http.post("/api/v1/mine/door-codes", json=stolen)).status_code == 401
        other = {"member": SHOP.id, "at": iso(market.now)}
        replayed = {**body, "signature": keys.sign(SHOP.key, other)}
        assert (await market.http.post("/api/v1/mine/door-codes", json=replayed)).status_code == 401
        late = await asked(market, SHOP, at=iso(market.now - 2 * 3_600_000))
        assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "at")
        vague = await asked(market, SHOP, asks="anything")
        assert (vague.status_code, vague.json()["errors"][0]["field"]) == (422, "asks")

    in_market(tmp_path, use)


def test_a_shipment_the_hub_does_not_know_has_no_code(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(SHOP)
        unknown: Any = {"id": "c9-9", "product": POTATOES}
        assert (await door_codes.fetch(market.hub, [unknown])).items == []

    in_market(tmp_path, use)
