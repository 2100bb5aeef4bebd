"""A file from before the journal: its transfers and reservations become lines that prove its balances."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from tradelane.gateway.store import open_engine, upgrade
from tradelane.settlement.ehub.server import chain, tables
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE

BEFORE = """
INSERT INTO accounts VALUES ('bank', 'x', 'EUR', -50, 0, NULL, 0), ('ana', 'x', 'EUR', 42, 5, 0, 0),
  ('bea', 'x', 'EUR', 8, 0, 0, 0);
INSERT INTO reservations VALUES ('r1', 'ana', 10, 'c1', 'settled', 2, NULL, 4),
  ('r2', 'ana', 7, 'c2', 'released', 2, NULL, 3), ('r3', 'ana', 5, 'c3', 'reserved', 2, 99, NULL);
INSERT INTO settlements VALUES ('s1', 'r1', 'c1', 4);
INSERT INTO transfers VALUES
  (1, 'deposit/a', NULL, NULL, 'bank', 'ana', 'EUR', 50, 'deposit', '', 1, x'00'),
  (2, 's1/0', 's1', 'c1', 'ana', 'bea', 'EUR', 6, 'sale', '', 4, x'00'),
  (3, 's1/1', 's1', 'c1', 'ana', 'bea', 'EUR', 2, 'sale', '', 4, x'00');
"""


def test_the_journal_proves_what_stood_before_it(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "old.sqlite")
    upgrade(engine, PLACE, "v0001")
    with engine.begin() as conn:
        for statement in BEFORE.strip().split(";")[:-1]:
            conn.execute(text(statement))
    upgrade(engine, PLACE, HEAD)
    with engine.begin() as conn:
        assert chain.verify_chain(conn) is None
        r = tables.reservations.c
        states = {row.reservation: row.state for row in conn.execute(select(r.reservation, r.state))}
        moved = [row.transfer for row in conn.execute(select(tables.transfers))]
    engine.dispose()
    assert states == {"r1": "settled", "r2": "released", "r3": "reserved"}
    assert moved == ["deposit/a", "s1/0", "s1/1"]
