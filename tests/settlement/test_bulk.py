"""Many rows and many names in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from tests.postgres import running_postgres
from tradelane.gateway.store import opened
from tradelane.market.units import Money
from tradelane.settlement.ehub.server import ledger, tables
from tradelane.settlement.ehub.server.bulk import Bulk, among, names
from tradelane.settlement.ehub.server.chain import verify_chain
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ledger import Refusal, Result, pending, post, void

MAKE = Bulk.insert(tables.accounts, [column.name for column in tables.accounts.c])
ODD = ["plain", "a'b", 'a"b', "ü %s ? :x", "back\\slash"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def conn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("bulk") / "hub.sqlite"
        with opened(file, PLACE, HEAD) as store, store.database.transaction() as connection:
            yield connection
        return
    with (
        running_postgres() as server,
        opened(server.create(), PLACE, HEAD) as store,
        store.database.transaction() as connection,
    ):
        yield connection


def test_a_question_by_names_is_compiled_once() -> None:
    assert select(tables.accounts).where(among(tables.accounts.c.account))._generate_cache_key() is not None


def test_rows_are_written_and_found_by_any_name(conn: Connection) -> None:
    MAKE(conn, [(name, "x", "EUR", 0, 0, None, 0) for name in ODD])
    MAKE(conn, [])
    column = tables.accounts.c.account
    found = [name for (name,) in conn.execute(select(column).where(among(column)), names([*ODD, "none"]))]
    assert sorted(found) == sorted(ODD)
    assert list(conn.execute(select(column).where(among(column)), names([]))) == []


def test_a_great_batch_is_held_posted_voided_and_expired(conn: Connection) -> None:
    MAKE(conn, [(name, "x", "EUR", 0, 0, None, 0) for name in ("from", "to")])
    amount = Money(1, "EUR")
    held = [
        pending(f"p{n}", "from", "to", amount, kind="k", expires_at=9 if n % 7 == 0 else None)
        for n in range(3_500)
    ]
    assert {one.result for one in ledger.execute(conn, held, 1)} == {Result.DONE}
    ends = [
        post(f"x{n}", f"p{n}", kind="k") if n % 2 else void(f"v{n}", f"p{n}", kind="k") for n in range(200)
    ]
    refused = [one.refusal for one in ledger.execute(conn, ends, 9) if one.result is not Result.DONE]
    assert refused == [Refusal.EXPIRED] * 29
    assert verify_chain(conn) is None
