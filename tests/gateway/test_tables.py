"""The migrations make exactly the tables that the code works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tradelane.gateway import migrations
from tradelane.gateway.store import open_engine, schema_version, upgrade
from tradelane.gateway.tables import metadata


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Every table with its columns, key and indexes as the database itself tells them."""
    inspector = sa.inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(table)),
        )
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_migrations_equal_the_metadata(tmp_path: Path) -> None:
    migrated = open_engine(tmp_path / "migrated.sqlite", "BEGIN IMMEDIATE")
    upgrade(migrated, migrations.PLACE, migrations.HEAD)
    made = sa.create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    metadata.create_all(made)
    assert shape(migrated) == shape(made)
    with migrated.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    assert schema_version(migrated) == migrations.HEAD


def test_head_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.HEAD]


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "gateway.sqlite", "BEGIN IMMEDIATE")
    upgrade(engine, migrations.PLACE, migrations.HEAD)
    before = shape(engine)
    with engine.begin() as conn:
        conn.execute(metadata.tables["meta"].insert().values(key="kept", value="yes"))
    upgrade(engine, migrations.PLACE, migrations.HEAD)
    assert shape(engine) == before
    with engine.begin() as conn:
        assert conn.execute(sa.select(metadata.tables["meta"])).all() == [("kept", "yes")]
