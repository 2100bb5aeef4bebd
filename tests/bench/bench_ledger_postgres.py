"""Two-phase transfers through the e-hub's ledger on a PostgreSQL server of its own, against bare psycopg."""

from __future__ import annotations

import atexit
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count

import psycopg
from sqlalchemy import Engine, insert

from tests.bench.bench_ledger import ACCOUNTS, BATCHES, all_ordered, two_phase
from tests.bench.harness import Pair, benchmark, timed
from tests.postgres import running_postgres
from tradelane.gateway.postgres import Postgres
from tradelane.gateway.store import upgrade
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ledger import Entry

ROW = "CREATE TABLE journal (seq BIGSERIAL PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT, hash BYTEA)"
MAKE = "INSERT INTO journal (id, body, hash) VALUES (%s, %s, %s)"


def opened(url: str) -> Engine:
    engine = Postgres(url, 1).engine
    upgrade(engine, PLACE, HEAD)
    account = {"owner": "x", "currency": "EUR", "posted_nano": 0, "held_nano": 0, "opened_at": 0}
    rows = [{"account": f"a{n}", "limit_nano": -(10**12), **account} for n in range(ACCOUNTS)]
    with engine.begin() as conn:
        conn.execute(insert(tables.accounts), rows)
    return engine


def inserted(conn: psycopg.Connection, batch: Sequence[Entry], prev: bytes) -> bytes:
    rows = []
    for one in batch:
        body = repr(one)
        prev = hashlib.sha256(prev + body.encode()).digest()
        rows.append((one.id, body, prev))
    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(MAKE, rows)
    return prev


@benchmark("ledger-postgres", goal=3)
def two_phase_transfers() -> Pair:
    held = ExitStack()
    atexit.register(held.close)
    server = held.enter_context(running_postgres())
    engine = opened(server.create())
    held.callback(engine.dispose)
    bare = held.enter_context(psycopg.connect(server.create(), autocommit=True))
    bare.execute(ROW)
    numbers = count(0, 1_000)

    def ours() -> float:
        batches = [batch for _ in range(BATCHES) for batch in two_phase(next(numbers))]
        return timed(lambda: all_ordered(engine, batches))() / BATCHES

    def floor() -> float:
        batches = [batch for _ in range(BATCHES) for batch in two_phase(next(numbers))]
        return timed(lambda: [inserted(bare, batch, bytes(32)) for batch in batches])() / BATCHES

    return Pair(ours, floor, "bare psycopg", unit="ms a thousand", repetitions=5, warm_up=1)
