"""Two hubs of the e-road on a real PostgreSQL: paid, told, compared, a change found, repaired and settled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, insert, update

from tests.postgres import running_postgres
from tests.settlement.hubs import NOW
from tests.settlement.road_pair import WINDOW_MS, Side, exchange, furnish, owed, road
from tests.settlement.test_road_windows import pay, recheck, told
from tradelane.gateway.store import opened
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.chain import verify_chain
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.road import copies, holds
from tradelane.settlement.ehub.wire_road import Recheck


@pytest.fixture(scope="module")
def hubs() -> Iterator[tuple[Side, Side]]:
    with running_postgres() as server:
        sides = []
        for name, currency in (("ams", "EUR"), ("lon", "GBP")):
            url = server.create()
            with opened(url, PLACE, HEAD):
                pass
            engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
            settings = road(name, currency)
            with engine.begin() as conn:
                furnish(conn, settings)
            sides.append(Side(settings, engine))
        ams, lon = sides
        ams.meet(lon, places=("ES",))
        lon.meet(ams)
        exchange(ams, lon)
        yield ams, lon
        for side in sides:
            side.engine.dispose()


def test_paid_told_and_settled(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    pay(ams, lon, "q1", "10")
    pay(lon, ams, "q2", "3")
    table = tables.metadata.tables["declarations"]
    row = {column.name: 1 if column.type.python_type is int else "x" for column in table.c}
    row |= {"declaration": "d1", "destination": "ES", "currency": "EUR", "at": NOW, "state": "released"}
    ams.do(lambda conn: conn.execute(insert(table), row))
    exchange(ams, lon)
    (copy,) = lon.do(lambda conn: copies.listed(conn, copies.DECLARATION, None, 10)).items
    assert (copy.peer, copy.id, copy.body["destination"]) == ("ams", "d1", "ES")
    assert copy.body["value"] == {"currency": "EUR", "value": "0.000000001"}
    for side in hubs:
        side.at += WINDOW_MS
    exchange(ams, lon)
    assert [told(side)[0].state for side in hubs] == ["settled", "settled"]
    assert set(owed(ams, lon).values()) == {0}


def test_a_change_is_found_and_after_repair_settled(hubs: tuple[Side, Side]) -> None:
    ams, lon = hubs
    pay(ams, lon, "q3", "10")
    line = tables.entries.c.id == holds.posted("ams/q3", 0)

    def tamper(by: int) -> None:
        nano = tables.entries.c.nano + by
        lon.do(lambda conn: conn.execute(update(tables.entries).where(line).values(nano=nano)))

    tamper(5)
    assert lon.do(verify_chain) is not None
    for side in hubs:
        side.at += WINDOW_MS
    exchange(ams, lon)
    window = told(ams)[0]
    assert window.difference is not None and window.difference.mine is not None
    assert (window.state, window.difference.mine.transfer) == ("disputed", "q3")
    tamper(-5)
    recheck(lon, Recheck(peer="ams", window=window.window))
    exchange(ams, lon)
    assert [told(side)[0].state for side in hubs] == ["settled", "settled"]
    assert ams.do(verify_chain) is None is lon.do(verify_chain)
