"""Every contract ends paid, refused or before people, once, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    CONFIG,
    FARM,
    FIRST,
    GATE,
    POTATOES,
    SHOP,
    Marketplace,
    forget,
    in_market,
    member,
    sell_abroad,
)
from tradelane.market.units import MINUTE
from tradelane.settlement.logistics import DELIVERIES, ShipmentEvent

E = ShipmentEvent
DOOR = [E.PICKED_UP, E.IN_CUSTOMS, E.IN_TRANSIT, E.OUT_FOR_DELIVERY]


def test_a_buyer_without_funds_is_refused_and_harms_no_other(tmp_path: Path) -> None:
    pim = member("pim", "NL")

    async def use(market: Marketplace) -> None:
        await market.join(ANNA, BRAM, pim)
        await market.taken(ANNA, "sell", "70", "2")
        await market.taken(BRAM, "buy", "80", "0.5")
        await market.taken(pim, "buy", "80", "1")
        market.now = GATE
        await market.settled("funded", "refused")
        market.now = FIRST.end
        await market.state(ANNA, 2_000_000)
        await market.settled("released", "refused")
        balances = [await market.balance(who.account) for who in (ANNA, BRAM, pim)]
        assert balances == ["35", "965", "0"], "the seller is paid for what was paid for"
        assert await market.books_balance()

    in_market(tmp_path, use)


def test_no_money_moves_for_a_contract_that_could_not_be_funded(tmp_path: Path) -> None:
    """Shop's thousand pounds do not buy half a tonne at 2.83 a kilogram."""

    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "3.00", "500", product=POTATOES)
        await market.taken(SHOP, "buy", "5.00", "500", product=POTATOES)
        await market.settled("refused")
        assert await market.balance(FARM.account) == "0"
        account = await market.hub.account(SHOP.account)
        assert (account.posted, account.held) == ("1000", "0")
        assert (await market.hub.shipments()).items == []
        await market.taken(FARM, "sell", "3.00", "100", product=POTATOES)
        await market.taken(SHOP, "buy", "5.00", "100", product=POTATOES)
        await market.settled("refused", "shipped")

    in_market(tmp_path, use)


def test_goods_are_paid_when_they_are_delivered(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await market.join(FARM, SHOP)
        await market.taken(FARM, "sell", "0.28", "250", product=POTATOES)
        await market.taken(SHOP, "buy", "0.42", "100", product=POTATOES)
        await market.settled("shipped")
        (shipment,) = (await market.hub.shipments()).items
        assert shipment.quantity == "100" and shipment.lane == "NL>GB.road"
        assert await market.balance(FARM.account) == "0"
        await carried(market, *DOOR, E.DELIVERED)
        await market.settled("released")
        assert await market.balance(FARM.account) == "28"
        assert await market.balance(SHOP.account) == "969", "100 kg at 31 pence"
        assert await market.books_balance()

    in_market(tmp_path, use)


async def carried(market: Marketplace, *events: ShipmentEvent, quantity: str | None = None) -> None:
    """The one shipment on its way; ``quantity`` of each part delivery."""
    (shipment,) = (await market.hub.shipments()).items
    for event in events:
        await market.hub.record_event(
            f"{shipment.shipment}/{event}",
            shipment=shipment.shipment,
            event=event,
            at=market.now,
            quantity=quantity if event is E.PART_DELIVERED else None,
            proof_code=await market.hub.proof_code(shipment.shipment) if event in DELIVERIES else None,
        )


async def bought(market: Marketplace, quantity: str) -> None:
    await market.join(FARM, SHOP)
    await market.taken(FARM, "sell", "0.28", quantity, product=POTATOES)
    await market.taken(SHOP, "buy", "0.42", quantity, product=POTATOES)
    await market.settled("shipped")


def test_goods_that_are_lost_are_given_back(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await bought(market, "25")
        assert (await market.hub.account(SHOP.account)).held == "7.75"
        await carried(market, E.PICKED_UP, E.LOST)
        await market.settled("refunded")
        shop = await market.hub.account(SHOP.account)
        assert (await market.balance(FARM.account), shop.posted, shop.held) == ("0", "1000", "0")

    in_market(tmp_path, use)


def test_the_part_that_was_delivered_before_the_rest_was_lost_is_paid(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await bought(market, "100")
        await carried(market, *DOOR, E.PART_DELIVERED, E.LOST, quantity="75")
        await market.settled("released")
        assert await market.balance(FARM.account) == "21", "75 kg at 28 cents"
        shop = await market.hub.account(SHOP.account)
        assert (shop.posted, shop.held) == ("976.75", "0"), "75 kg at 31 pence, the rest given back"
        assert await market.balance("balancing:EUR") == "0", "nobody balances potatoes"
        assert await market.books_balance()

    in_market(tmp_path, use)


def test_goods_that_came_back_or_a_broken_lot_are_looked_at(tmp_path: Path) -> None:
    ways = {"back": (*DOOR, E.RETURNED), "broken": (*DOOR, E.PART_DELIVERED, E.LOST)}
    for name, way in ways.items():
        folder = tmp_path / name
        folder.mkdir()

        async def use(market: Marketplace, way: tuple[ShipmentEvent, ...] = way) -> None:
            await bought(market, "25")
            await carried(market, *way, quantity="5")
            await market.settled("disputed")
            assert (await market.hub.account(SHOP.account)).held == "7.75", "the money waits"

        in_market(folder, use)


async def released(market: Marketplace, seller: str) -> bool:
    query = f"SELECT 1 FROM contracts WHERE seller = '{seller}' AND state = 'released'"
    return bool(market.rows(query))


def test_a_seller_that_is_never_metered_is_billed_the_imbalance(tmp_path: Path) -> None:
    async def use(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.settled("funded", "funded")
        market.now = FIRST.end
        await market.state(BRAM, 2000)
        await market.until(lambda: released(market, "bram"))
        assert "funded" in await market.states(), "one meter that is silent holds up no one else"
        market.now = FIRST.end + 5 * MINUTE + 8 * 15 * MINUTE
        await market.settled("released", "released")
        assert await market.balance(ANNA.account) == "-0.055", "1 kWh at 50 EUR/MWh and a tenth more"
        assert await market.balance("balancing:EUR") == "0.055"
        assert await market.books_balance()

    in_market(tmp_path, use)


def test_agreed_contracts_are_funded_once_after_a_restart(tmp_path: Path) -> None:
    """The process goes away before, between and after the e-hub's answers; one reservation each is made."""

    async def agree(market: Marketplace) -> None:
        await sell_abroad(market)
        market.now = GATE
        await market.priced()

    in_market(tmp_path, agree)

    async def look(market: Marketplace) -> list[str]:
        await market.settled("funded", "funded")
        held = (await market.hub.account(BETH.account)).held
        return [held, *(trade["id"] for trade in await market.trades())]

    found = in_market(tmp_path, look, GATE)
    again = in_market(tmp_path, look, GATE)
    assert found == again

    async def settle(market: Marketplace) -> None:
        market.now = FIRST.end
        await market.state(ANNA, 1000)
        await market.state(BRAM, 2000)

    in_market(tmp_path, settle, GATE)

    async def end(market: Marketplace) -> list[str]:
        await market.settled("released", "released")
        assert await market.books_balance()
        return [await market.balance(who.account) for who in (ANNA, BRAM, BETH)]

    assert in_market(tmp_path, end, FIRST.end) == in_market(tmp_path, end, FIRST.end)


def test_a_settlement_that_was_paid_before_the_kill_is_not_paid_again(tmp_path: Path) -> None:
    """The e-hub's answer came, the zone's own row did not: sent again under the same key it is the same."""

    async def day(market: Marketplace) -> list[str]:
        if not await market.trades():
            await sell_abroad(market)
            market.now = GATE
            await market.settled("funded", "funded")
            market.now = FIRST.end
            await market.state(ANNA, 1000)
            await market.state(BRAM, 2000)
        await market.settled("released", "released")
        assert await market.books_balance()
        return [await market.balance(who.account) for who in (ANNA, BRAM, BETH)]

    paid = in_market(tmp_path, day)
    for penalty in ("100000", "900000"):
        forget(tmp_path, "UPDATE contracts SET state = 'metered', settled_at = NULL")
        changed = CONFIG.replace("100000", penalty)
        assert in_market(tmp_path, day, FIRST.end, changed) == paid, "nor at another penalty"
