"""Two-phase transfers through the e-hub's ledger on a SQLite file, each batch durable, against bare sqlite3.

A transfer is held in one batch of a thousand and posted in the next, each entry with its own outcome. The
floor is the least a durable, ordered, hashed journal can do: one SHA-256 and one inserted row an entry.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, insert

from tests.bench.harness import Pair, benchmark, timed
from tradelane.gateway.store import open_engine, upgrade
from tradelane.market.units import Money
from tradelane.settlement.ehub.server import ledger, tables
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ledger import DONE, Entry, pending, post

BATCH, BATCHES, ACCOUNTS = 1_000, 5, 1_000
ROW = "CREATE TABLE journal (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT, hash BLOB)"


def two_phase(first: int) -> tuple[list[Entry], list[Entry]]:
    """A batch that holds and the batch that posts it; ids from ``first`` on."""
    numbers = range(first, first + BATCH)
    amount = Money(1_000, "EUR")
    held = [
        pending(f"p{n}", f"a{n % ACCOUNTS}", f"a{(n + 1) % ACCOUNTS}", amount, kind="sale") for n in numbers
    ]
    return held, [post(f"x{n}", f"p{n}", kind="sale") for n in numbers]


def opened(path: Path) -> Engine:
    engine = open_engine(path)
    upgrade(engine, PLACE, HEAD)
    account = {"owner": "x", "currency": "EUR", "posted_nano": 0, "held_nano": 0, "opened_at": 0}
    rows = [{"account": f"a{n}", "limit_nano": -(10**12), **account} for n in range(ACCOUNTS)]
    with engine.begin() as conn:
        conn.execute(insert(tables.accounts), rows)
    return engine


def all_ordered(engine: Engine, batches: Sequence[Sequence[Entry]]) -> None:
    for batch in batches:
        with engine.begin() as conn:
            assert ledger.execute(conn, batch, 1) == [DONE] * len(batch)


def inserted(conn: sqlite3.Connection, batch: Sequence[Entry], prev: bytes) -> bytes:
    rows = []
    for one in batch:
        body = repr(one)
        prev = hashlib.sha256(prev + body.encode()).digest()
        rows.append((one.id, body, prev))
    with conn:
        conn.executemany("INSERT INTO journal (id, body, hash) VALUES (?, ?, ?)", rows)
    return prev


def fsyncs(folder: Path) -> float:
    """How many a second this disk makes durable, of one page each."""
    with (folder / "page").open("wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(50):
            file.write(bytes(4096))
            os.fsync(file.fileno())
    return 50 / (time.perf_counter() - started)


@benchmark("ledger", goal=3)
def two_phase_transfers() -> Pair:
    held = ExitStack()
    atexit.register(held.close)
    folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
    engine = opened(folder / "hub.sqlite")
    held.callback(engine.dispose)
    bare = sqlite3.connect(folder / "bare.sqlite")
    held.callback(bare.close)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", ROW):
        bare.execute(statement)
    numbers = count(0, BATCH)

    def ours() -> float:
        batches = [batch for _ in range(BATCHES) for batch in two_phase(next(numbers))]
        return timed(lambda: all_ordered(engine, batches))() / BATCHES

    def floor() -> float:
        batches = [batch for _ in range(BATCHES) for batch in two_phase(next(numbers))]
        return timed(lambda: [inserted(bare, batch, bytes(32)) for batch in batches])() / BATCHES

    disk = f"bare sqlite3, {fsyncs(folder):,.0f} fsync/s"
    return Pair(ours, floor, disk, unit="ms a thousand", repetitions=7, warm_up=1)
