"""The migrations make exactly the tables the code speaks of."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server import tables
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", PLACE)
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrated_and_declared_tables_are_the_same(store: Store) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    assert store.read_now(difference) == []


def test_the_constraints_are_the_same_too(store: Store) -> None:
    def checks(connection: Connection) -> set[str]:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        return {
            f"{name}: {' '.join(line.split()).rstrip(', ')}"
            for name, sql in rows
            for line in sql.splitlines()
            if "CHECK" in line
        }

    migrated = store.read_now(checks)
    with store.engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            table.drop(connection)
        tables.metadata.create_all(connection)
    assert store.read_now(checks) == migrated != set()
