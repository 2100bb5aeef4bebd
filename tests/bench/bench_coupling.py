"""Coupled clearing at a large exchange's size: a day of a million orders; 60 zones of many steps."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.bench.harness import Pair, Unmeasurable, benchmark, timed
from tradelane.market import highs
from tradelane.market.auction import clear
from tradelane.market.batch import Columns, IntArray, OrderBatch
from tradelane.market.coupling import couple
from tradelane.market.curve import Curve
from tradelane.market.pairing import matches
from tradelane.market.product import Lane, Product, Zone
from tradelane.market.program import Borders, Program

ROOT = Path(__file__).resolve().parents[2]
POWER = Product("power", "MWh", Decimal(1), Decimal(1), -50_000, 400_000)
ZONES, INTERVALS, ORDERS, LOSS_PPM = 10, 96, 1_000_000, 20_000


def ring_of_lanes(zones: int, seed: int) -> list[tuple[int, int, int]]:
    """Two neighbours for each zone on average, both ways: source, target, tariff in ticks."""
    chance = np.random.default_rng(seed)
    pairs = {(int(chance.integers(max(0, z - 4), z)), z) for z in range(1, zones)}
    while len(pairs) < min(2 * zones, zones * (zones - 1) // 2):
        a, b = sorted(chance.choice(zones, 2, replace=False).tolist())
        pairs.add((a, b))
    both = [*sorted(pairs), *((b, a) for a, b in sorted(pairs))]
    return [(a, b, int(chance.integers(5, 200))) for a, b in both]


def sketch() -> Path:
    """The measured sketch of this clearing, beside the repository: its generators make the workload."""
    path = Path(os.environ.get("TRADELANE_SHARED", ROOT.parent / "shared")) / "prototypes" / "clear.py"
    if not path.exists():
        raise Unmeasurable(f"{path} is not there to be measured against")
    return path


@benchmark("a-day-coupled", goal=2)
def a_day() -> Pair:
    """Raw columns of 10 zones, 96 intervals, a million orders → proven and paired, against the sketch."""
    folder = sketch().parent
    sys.path.insert(0, str(folder))
    core, generate = importlib.import_module("core"), importlib.import_module("clear")
    made, rows = core.gen_lanes(ZONES, loss=LOSS_PPM), generate.gen_orders(ZONES, INTERVALS, ORDERS)
    scale = max(1, int(ORDERS / ZONES / INTERVALS * 2500 * 0.2))
    capacity = np.random.default_rng(5).integers(scale // 10 + 1, scale + 2, len(made.i))
    zones = [Zone(f"z{k:02d}", "EUR") for k in range(ZONES)]
    ends = zip(made.i.tolist(), made.j.tolist(), capacity.tolist(), made.t.tolist(), strict=True)
    lanes = [
        Lane(f"{a}>{b}", zones[a].id, zones[b].id, room, LOSS_PPM, Decimal(tariff))
        for a, b, room, tariff in ends
    ]

    def whole_day() -> None:
        start: dict[str, Fraction] | None = None
        for batches in by_interval(rows):
            clearing = clear(POWER, zones, lanes, batches, start=start)
            assert clearing.coupled and len(matches(clearing))
            pairs = zip(clearing.network.zones, clearing.outcome.price, strict=True)
            start = {zone.id: Fraction(price, 1000) for zone, price in pairs}

    def sketched() -> float:
        command = [sys.executable, "clear.py", *map(str, (ZONES, INTERVALS, ORDERS, LOSS_PPM))]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        found = re.search(r"total ([0-9.]+)", said)
        assert found is not None
        return 1000 * float(found[1])

    return Pair(timed(whole_day), sketched, "the sketch of it", repetitions=5, warm_up=1)


def by_interval(rows: dict[str, IntArray]) -> Iterator[dict[str, OrderBatch]]:
    """The orders of each interval by zone id."""
    key = (rows["t"] * ZONES + rows["zone"]) * 2 + rows["side"]
    order = np.argsort(key, kind="stable")
    cut = np.searchsorted(key[order], np.arange(ZONES * INTERVALS * 2 + 1))
    price, quantity, seq = (rows[name][order] for name in ("lim", "q", "seq"))

    def columns(k: int) -> Columns:
        part = slice(int(cut[k]), int(cut[k + 1]))
        return Columns(price[part], quantity[part], seq[part])

    for t in range(INTERVALS):
        first = 2 * t * ZONES
        yield {
            f"z{z:02d}": OrderBatch(columns(first + 2 * z + 1), columns(first + 2 * z)) for z in range(ZONES)
        }


def steps(zones: int, count: int, seed: int) -> list[Curve]:
    """Curves of ``count`` supply and as many demand steps a zone."""
    chance = np.random.default_rng(seed)
    found = []
    for shift in chance.integers(-2_500, 2_500, zones):
        supply = Columns(
            100 + shift + (chance.beta(2, 3, count) * 15_000).astype(np.int64),
            chance.integers(1, 1_000, count),
            np.arange(count),
        )
        demand = Columns(
            chance.integers(0, 30_000, count), chance.integers(1, 1_000, count), np.arange(count)
        )
        found.append(Curve.of(OrderBatch(supply, demand)))
    return found


@benchmark("column-generation", goal=0.005)
def column_generation() -> Pair:
    """60 zones of 20,000 steps: a few columns at a time, against the same solver on the full curves."""
    curves, lanes = steps(60, 10_000, 7), ring_of_lanes(60, 1)
    borders = Borders(
        np.array([a for a, _, _ in lanes]),
        np.array([b for _, b, _ in lanes]),
        np.full(len(lanes), 200_000.0),
        np.full(len(lanes), 0.98),
        np.array([float(tariff) for _, _, tariff in lanes]),
    )
    ones = np.ones(len(curves))
    widths = [np.diff(c.passed).astype(np.float64) for c in curves]
    full = Program(
        np.concatenate([*(c.tick.astype(np.float64) for c in curves), borders.cost]),
        np.zeros(sum(map(len, widths)) + len(borders)),
        np.concatenate([*widths, borders.capacity]),
        np.array([c.total_demand for c in curves], np.float64),
        np.repeat(np.arange(len(curves)), [len(w) for w in widths]),
        borders,
    )
    price = couple(curves, ones, borders, highs.solve).price

    def same_in_full() -> None:
        assert np.allclose(price, highs.solve(full).dual, rtol=1e-9)

    return Pair(
        timed(lambda: couple(curves, ones, borders, highs.solve)),
        timed(same_in_full),
        "the full program in the same HiGHS",
        repetitions=1,
        warm_up=0,
    )
