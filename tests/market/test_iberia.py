"""A real single-price market: the Iberian day-ahead auction (OMIE) of 18 March 2025, 24 hours.

Published are all simple offers and, marked C, those that were matched. The offers alone do not determine the
price: complex conditions (minimum income, load gradients) took many of them out, and the exchange with France
stands in the matched part only. The matched part does: where its last offers meet at one price, that is the
published one; elsewhere matched sales and purchases leave a gap, and the published price mostly ends
it. In eight hours it lies inside: set by a complex offer, or by the border with France.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from decimal import Decimal

from tests.shared import shared_file
from tradelane.market.auction import clear
from tradelane.market.batch import OrderBatch
from tradelane.market.order import Order, Side
from tradelane.market.product import Product, Zone

DAY = Product("power", "MWh", Decimal("0.1"), Decimal("0.01"), -50_000, 400_000)
SIDES = {"V": Side.SELL, "C": Side.BUY}


def matched() -> dict[int, list[Order]]:
    """Matched offers by hour."""
    found: dict[int, list[Order]] = defaultdict(list)
    with gzip.open(shared_file("data/omie/supply_demand_curves.csv.gz"), "rt", encoding="utf-8") as file:
        for seq, row in enumerate(csv.DictReader(file)):
            if row["MATCHED"] == "C" and Decimal(row["ENERGY"]):
                price, lots = DAY.ticks(row["PRICE"]), DAY.lots(row["ENERGY"])
                side = SIDES[row["OFFER_TYPE"]]
                found[int(row["HOUR"])].append(Order(f"o{seq}", seq, "", DAY.id, "MI", side, price, lots))
    return found


def published() -> dict[int, int]:
    """Spanish price in milliticks by hour."""
    rows = csv.DictReader(shared_file("data/omie/prices.csv").read_text(encoding="utf-8").splitlines())
    row = next(row for row in rows if row["CONCEPT"] == "PRICE_SP")
    return {hour: 1000 * DAY.ticks(row[f"H{hour}"]) for hour in range(1, 25)}


def test_the_matched_offers_give_the_published_price_or_a_gap_around_it() -> None:
    offers, prices = matched(), published()
    assert sorted(offers) == sorted(prices) == list(range(1, 25))
    determined = inside = 0
    for hour, orders in offers.items():
        clearing = clear(DAY, [Zone("MI", "EUR")], [], {"MI": OrderBatch.of(orders)})
        low, high = clearing.outcome.low[0], clearing.outcome.high[0]
        assert low <= prices[hour] <= high, hour
        inside += low < prices[hour] < high
        determined += low == high
        for side, fill in ((Side.SELL, clearing.outcome.sold[0]), (Side.BUY, clearing.outcome.bought[0])):
            assert int(fill.sum()) == sum(o.quantity for o in orders if o.side is side), hour
    assert (determined, inside) == (1, 8)
