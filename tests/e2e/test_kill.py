"""kill -9 of every process of a running demo, again and again: nothing lost, doubled or half paid."""

from __future__ import annotations

import random
import sqlite3
import tomllib
from datetime import datetime
from pathlib import Path
from time import time

from tests.e2e import counters
from tests.e2e.ledgers import faults, rows
from tests.e2e.stage import Showing, alive, showing

SEED = 20260621
MTU = 15 * 60_000
MOMENTS = (
    ("gateway", 0.66, 0.80),  # the gate, clearing, reserving
    ("hub", 0.05, 0.30),  # metering, settling
    ("gateway", 0.05, 0.30),
    ("meters", 0.20, 0.60),
    ("hub", 0.66, 0.80),
)
"""Whom to kill, and between which shares of an interval; each in an interval of its own."""
EVERY = 2
"""Intervals from one kill to the next."""


def test_killed_at_any_moment_and_still_right(tmp_path: Path) -> None:
    folder, chance = tmp_path / "data", random.Random(SEED)
    with showing(folder, "--intervals", str(len(MOMENTS) * EVERY)) as play:
        play.wait_for("a sale", lambda: first_sale(folder))
        first = first_sale(folder)
        assert first is not None
        for n, (victim, low, high) in enumerate(MOMENTS):
            kill_at(play, victim, first + round((n * EVERY + chance.uniform(low, high)) * MTU))
        summary = play.summary()
    assert (summary["ok"], summary["overdue"], summary["refused"]) == (True, 0, 0)
    assert summary["sold_wh"] == summary["delivered_wh"] + summary["imbalance_wh"]
    assert faults(folder) == []
    assert still_the_truth(folder) == []
    assert sold_after(folder, first + (len(MOMENTS) - 1) * EVERY * MTU)
    assert [pid for pid in play.seen if alive(pid)] == []
    told = play.told.read_text()
    assert told.count("died (SIGKILL), starting it again") == told.count("is back after") == len(MOMENTS)


def first_sale(folder: Path) -> int | None:
    """Start of the first interval that power was sold for, in market ms."""
    try:
        query = "SELECT MIN(interval_start) AS first FROM contracts WHERE commodity = 'power'"
        found: int | None = rows(folder, "zone", query)[0]["first"]
    except sqlite3.OperationalError:  # the gateway has not made its file yet
        return None
    return found


def kill_at(play: Showing, victim: str, market: int) -> None:
    """Kill ``victim`` at an instant (ms) of the demo's clock."""
    clock = tomllib.loads((play.folder / "hub.toml").read_text())["clock"]
    origin = datetime.fromisoformat(clock["origin"]).timestamp() * 1000
    wall = clock["wall_origin"] + (market - origin) / clock["speed"]
    play.wait_for(f"the moment to kill {victim}", lambda: time() * 1000 >= wall)
    play.kill(victim)


def still_the_truth(folder: Path) -> list[str]:
    """Meters whose energy over the whole run is off by more than their readings explain."""
    readings = counters.seen(folder)
    spans = {meter: counters.whole(metered) for meter, metered in counters.metered(folder).items()}
    needed = {at for meter, span in spans.items() for at in counters.instants(readings[meter], span)}
    truth = counters.told(folder, needed)
    return [
        f"{meter}: {span}"
        for meter, span in spans.items()
        if abs(span.wh - truth[meter, span.end] + truth[meter, span.start])
        > counters.bound(truth, readings[meter], span)
    ]


def sold_after(folder: Path, start: int) -> bool:
    """Whether power for later intervals was sold abroad and paid."""
    query = "SELECT COUNT(*) FROM contracts WHERE state = 'released' AND interval_start > ? AND path <> '[]'"
    return bool(rows(folder, "zone", query, start)[0][0])
