"""A market with members enough in each zone for its pages to tell of them: two gates, a book of potatoes."""

from __future__ import annotations

from tests.gateway.marketplace import (
    ANNA,
    BETH,
    BRAM,
    FARM,
    GATE,
    POTATOES,
    POWER,
    SECOND,
    SHOP,
    Marketplace,
    member,
)
from tradelane.market.units import MINUTE

CORA = member("cora", "GB")
SECOND_POWER = f"power/{SECOND}"
LATER = GATE + 15 * MINUTE
SELLERS, BUYERS = (ANNA, BRAM, FARM), (BETH, SHOP, CORA)


async def two_busy_gates(market: Marketplace) -> None:
    """Twelve sells in NL and twelve buys in GB before each gate, and a little the other way round."""
    await market.join(*SELLERS, *BUYERS)
    for product, now in ((POWER, GATE), (SECOND_POWER, LATER)):
        for k in range(12):
            dearer = 2 if product == SECOND_POWER else 0
            quantity = f"0.00{1 + k % 5}"
            await market.taken(SELLERS[k % 3], "sell", str(30 + 4 * k + dearer), quantity, product=product)
            await market.taken(BUYERS[k % 3], "buy", str(95 - 5 * k), quantity, product=product)
        await market.taken(BRAM, "buy", "44", "0.003", product=product)
        await market.taken(CORA, "sell", "61", "0.002", product=product)
        market.now = now
        await market.priced(product)


async def potatoes(market: Marketplace) -> None:
    """A book with both sides open, and two trades."""
    for seller, price in ((FARM, "0.20"), (ANNA, "0.30"), (BRAM, "0.42")):
        await market.taken(seller, "sell", price, "75", product=POTATOES)
    for buyer, price in ((SHOP, "0.60"), (BETH, "0.12"), (CORA, "0.10")):
        await market.taken(buyer, "buy", price, "50", product=POTATOES)
