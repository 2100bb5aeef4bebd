"""Files from before: what stood in them is proven, and shown, in the new way."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from tradelane.gateway.store import open_engine, upgrade
from tradelane.settlement.ehub.server import chain, tables
from tradelane.settlement.ehub.server.customs import answers
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


def test_declarations_from_before_are_shown_as_they_were_lodged(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "old.sqlite")
    upgrade(engine, PLACE, "v0010")
    lodged = (
        "INSERT INTO declarations VALUES ('d1', 'c1', '0901.21', 'NO2', 'north', '12.5', 'kg', 'EUR', "
        "10250000000, 75000, 768750000, 'green', 'released', 1000)"
    )
    with engine.begin() as conn:
        conn.execute(text(lodged))
    upgrade(engine, PLACE, HEAD)
    with engine.begin() as conn:
        found = answers.required(answers.find(conn, "d1"))
    engine.dispose()
    assert (found.origin, found.destination, found.value.value) == ("NO", "ZZ", "10.25")
    assert (found.duty.value, found.charged.value, found.state, found.steps) == (
        "0.76875",
        "0",
        "released",
        [],
    )
    assert found.lines[0].collected == "at settlement"
