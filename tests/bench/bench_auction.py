"""The call auction of one zone, priced, filled and proven, against sorting its prices: a million orders, and
ten million with the memory they take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from tests.bench.harness import Pair, Unmeasurable, benchmark, timed
from tests.shared import ROOT
from tradelane.market.auction import clear
from tradelane.market.batch import Columns, OrderBatch
from tradelane.market.product import Product, Zone

ORDERS = 1_000_000
MANY = 10_000_000
LIMIT_MB = 4_000.0
STATUS = Path("/proc/self/status")
TICKS = 10_001
POWER = Product("power", "MWh", Decimal("0.001"), Decimal("0.01"), 0, TICKS - 1)


def random_side(count: int, shift: int, seed: int) -> Columns:
    """Normal prices around the middle of the grid, 1 to 1,000 lots each."""
    chance = np.random.default_rng(seed)
    price = np.clip(np.rint(chance.normal(TICKS // 2 + shift, TICKS / 12, count)), 0, TICKS - 1)
    quantity = chance.integers(1, 1001, count)
    return Columns(price.astype(np.int32), quantity.astype(np.int32), np.arange(count))


def random_batch(orders: int) -> OrderBatch:
    return OrderBatch(random_side(orders // 2, -TICKS // 40, 1), random_side(orders // 2, TICKS // 40, 2))


@benchmark("auction", goal=1.2)
def auction() -> Pair:
    batch = random_batch(ORDERS)
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


def many() -> None:
    """Clear ``MANY`` orders in this process; what it took, as JSON on stdout."""
    batch = random_batch(MANY)
    started = perf_counter_ns()
    cleared = clear(POWER, [Zone("A", "EUR")], [], {"A": batch})
    done = perf_counter_ns()
    assert cleared.certificate.proven
    np.sort(batch.sells.price), np.sort(batch.buys.price)
    sorting = perf_counter_ns() - done
    peak = next(row for row in STATUS.read_text().splitlines() if row.startswith("VmHWM:"))
    print(
        json.dumps(
            {
                "clear": (done - started) / 1e6,
                "sort": sorting / 1e6,
                "peak": int(peak.split()[1]) * 1024 / 1e6,
            }
        )
    )


def in_a_child(what: str) -> float:
    """A figure of ``many``, from a process of its own (whose peak getrusage would take from its parent)."""
    if not STATUS.exists():
        raise Unmeasurable("the system has no /proc to read memory from")
    command = [sys.executable, "-c", f"from {__name__} import many; many()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)[what])


@benchmark("auction_ten_million", goal=2.0)
def ten_million() -> Pair:
    return Pair(
        candidate=lambda: in_a_child("clear"),
        floor=lambda: in_a_child("sort"),
        floor_name="np.sort of both price columns",
        repetitions=3,
        warm_up=0,
    )


@benchmark("auction_ten_million_memory", goal=1.0)
def ten_million_memory() -> Pair:
    return Pair(
        candidate=lambda: in_a_child("peak"),
        floor=lambda: LIMIT_MB,
        floor_name="the 4 GB it may take",
        unit="MB",
        repetitions=3,
        warm_up=0,
    )
