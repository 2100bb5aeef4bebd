"""``kill -9`` at random moments of a day: no gap in the chain, no energy lost, doubled or told twice.

Five kills here; ``TRADELANE_KILLS=50`` for more.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.gateway.mortal_edge import DAY_END, HOUSE, KEY
from tests.meter.counters import QUARTER, START
from tests.shared import ROOT
from tradelane.gateway import chains, heads
from tradelane.gateway.store import open_engine
from tradelane.meter.seal import SealedRecord, verify_chain

KILLS = int(os.environ.get("TRADELANE_KILLS", "5"))
LIFE_S = 5.0 / max(KILLS, 5)
"""Most seconds that a process lives after it has opened its file."""


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.gateway.mortal_edge", str(folder), str(seed)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "alive\n"
    return process


def live_and_die(folder: Path, kills: int, seed: int) -> int:
    """How many processes were killed before the day was over; the last one ends by itself."""
    chance, killed = random.Random(seed), 0
    for turn in range(kills):
        with start(folder, turn) as process:
            time.sleep(chance.uniform(0, LIFE_S))
            process.kill()
            killed += process.wait() != 0
    with start(folder, kills) as last:
        assert last.wait() == 0
    return killed


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "edge.sqlite")) as connection:
        return connection.execute(query).fetchall()


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    assert live_and_die(tmp_path, KILLS, seed=3) >= min(KILLS, 3)
    the_chain_is_whole(tmp_path)
    metered = rows(
        tmp_path, "SELECT interval_start, interval_end, export_wh, quality FROM metered ORDER BY 1"
    )
    assert all(one[1] == other[0] for one, other in pairwise(metered)), "no interval is missing or twice"
    first, end = metered[0][0] - START, metered[-1][1] - START
    assert (first, end) == (0, DAY_END)
    assert sum(one[2] for one in metered) == HOUSE.wh(end) - HOUSE.wh(first), "to the watt-hour"
    for at, _, wh, quality in metered:
        truth = HOUSE.wh(at - START + QUARTER) - HOUSE.wh(at - START)
        assert wh == truth or quality == "estimated", (at, wh, truth)
    each_interval_is_told_in_order(tmp_path, metered)


def the_chain_is_whole(folder: Path) -> None:
    engine = open_engine(folder / "edge.sqlite", "BEGIN", readonly=True)
    with engine.begin() as conn:
        chain = list(chains.links(conn, "roof"))
    engine.dispose()
    (known,) = heads.read(heads.beside(folder / "edge.sqlite"))
    assert verify_chain(chain, KEY.public_key(), known=[known.head]) is None
    assert known.head == chain[-1].head
    times = [json.loads(one.body)["gateway_time"] for one in chain if isinstance(one, SealedRecord)]
    assert times == sorted(times) and len(times) == len(chain)


def each_interval_is_told_in_order(folder: Path, metered: list[tuple[Any, ...]]) -> None:
    """And told again only as it was: the zone answers that the same way twice."""
    told = [json.loads(line) for line in (folder / "told").read_text().splitlines()]
    first: dict[str, dict[str, Any]] = {}
    for body in told:
        known = first.setdefault(body["start"], body)
        assert (known["export_wh"], known["import_wh"]) == (body["export_wh"], body["import_wh"])
    assert [body["export_wh"] for body in first.values()] == [one[2] for one in metered]
    assert list(first) == sorted(first)
    assert rows(folder, "SELECT count(*) FROM metered WHERE NOT sent") == [(0,)]
