"""The call auction: a million orders of one zone, priced, filled and proven, against sorting their prices."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from tests.bench.harness import Pair, benchmark, timed
from tradelane.market.auction import clear
from tradelane.market.batch import Columns, OrderBatch
from tradelane.market.product import Product, Zone

ORDERS = 1_000_000
TICKS = 10_001
POWER = Product("power", "MWh", Decimal("0.001"), Decimal("0.01"), 0, TICKS - 1)


def random_side(count: int, shift: int, seed: int) -> Columns:
    """Normal prices around the middle of the grid, 1 to 1,000 lots each."""
    chance = np.random.default_rng(seed)
    price = np.clip(np.rint(chance.normal(TICKS // 2 + shift, TICKS / 12, count)), 0, TICKS - 1)
    quantity = chance.integers(1, 1001, count)
    return Columns(price.astype(np.int32), quantity.astype(np.int32), np.arange(count))


@benchmark("auction", goal=1.5)
def auction() -> Pair:
    batch = OrderBatch(random_side(ORDERS // 2, -TICKS // 40, 1), random_side(ORDERS // 2, TICKS // 40, 2))
    zones = [Zone("A", "EUR")]
    cleared = clear(POWER, zones, [], {"A": batch})
    assert cleared.certificate.proven and cleared.outcome.sold[0].any()
    return Pair(
        candidate=timed(lambda: clear(POWER, zones, [], {"A": batch})),
        floor=timed(lambda: (np.sort(batch.sells.price), np.sort(batch.buys.price))),
        floor_name="np.sort of both price columns",
        repetitions=31,
        warm_up=5,
    )
