"""A day whose intervals ramps tie together, under flow-based limits, beside the same day without."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

from tests.bench.harness import Pair, benchmark, timed
from tradelane.market.auction import Part, clear_all
from tradelane.market.batch import OrderBatch
from tradelane.market.constraint import Constraint, Ramp, flow_based
from tradelane.market.order import Order, Side
from tradelane.market.product import Lane, Product, Zone

ZONES, HOURS, ORDERS = 10, 24, 300


def day() -> tuple[list[Zone], list[Part]]:
    r = random.Random(1)
    zones = [Zone(f"z{k:02d}", "EUR") for k in range(ZONES)]
    lanes = [
        Lane(f"{a.id}>{b.id}", a.id, b.id, r.randint(50, 3000), r.choice([0, 0, 10_000]), Decimal("0.1"))
        for k, a in enumerate(zones)
        for b in (zones[(k + 1) % ZONES], zones[(k + 3) % ZONES])
    ]
    parts = []
    for hour in range(HOURS):
        product = Product(f"h{hour:02d}", "MWh", Decimal("0.1"), Decimal("0.01"), -50_000, 400_000)
        batches = {}
        for zone in zones:
            middle, sides = r.randint(2000, 8000), list(Side)
            orders = []
            for k in range(ORDERS):
                price, lots = middle + r.randint(-3000, 3000), r.randint(1, 500)
                orders.append(Order(f"o{k}", k, "m", product.id, zone.id, r.choice(sides), price, lots))
            batches[zone.id] = OrderBatch.of(orders)
        parts.append(Part(product, lanes, batches))
    return zones, parts


def limits(zones: list[Zone], parts: list[Part]) -> list[Constraint]:
    """A ramp on every other lane, and one network element an hour."""
    r, lanes, hours = random.Random(2), parts[0].lanes, [part.product.id for part in parts]
    found = [c for x in lanes[::2] for c in Ramp(x.id, hours, [x.id], up=100, down=100).constraints()]
    for hour in hours:
        ptdf = {zone.id: Fraction(r.randint(-30, 30), 100) for zone in zones}
        found.append(flow_based(f"line {hour}", hour, ptdf, Fraction(200), lanes))
    return found


@benchmark("a-day-under-constraints", goal=15)
def under_constraints() -> Pair:
    zones, parts = day()
    constraints = limits(zones, parts)
    cleared = clear_all(parts, zones, constraints)
    assert all(c.coupled for c in cleared) and len(cleared[0].shadow) > HOURS
    return Pair(
        candidate=timed(lambda: clear_all(parts, zones, constraints)),
        floor=timed(lambda: clear_all(parts, zones, ())),
        floor_name="the same day without",
        repetitions=3,
        warm_up=0,
    )
