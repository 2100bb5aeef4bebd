"""Metering: thinned chains, histories, events, corrections, forecasts, and the heads a zone has seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    edge()
    zone()


def edge() -> None:
    op.create_table(
        "thinned",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("first", Long, primary_key=True, autoincrement=False),
        sa.Column("last", Long, nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "meter_states",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "meter_events",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("seq", Long, primary_key=True, autoincrement=False),
        sa.Column("what", sa.String(), primary_key=True),
        sa.Column("seen", sa.String(), nullable=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("wh", Long, nullable=False),
    )
    op.create_index("meter_events_at", "meter_events", ["at"])
    op.create_table(
        "metered_corrections",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, primary_key=True, autoincrement=False),
        sa.Column("import_wh", Long, nullable=False),
        sa.Column("export_wh", Long, nullable=False),
        sa.Column("production_wh", Long, nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "forecasts",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, primary_key=True, autoincrement=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("expected_wh", Long, nullable=False),
        sa.Column("low_wh", Long, nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
    )


def zone() -> None:
    op.create_table(
        "corrections",
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, primary_key=True, autoincrement=False),
        sa.Column("import_wh", Long, nullable=False),
        sa.Column("export_wh", Long, nullable=False),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("seq", Long, nullable=False),
        sa.Column("booked", sa.Boolean(), nullable=False),
    )
    op.create_index("corrections_booked", "corrections", ["booked"])
    op.create_table(
        "heads",
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("at", Long, nullable=False),
    )


def downgrade() -> None:
    for table in ("heads", "corrections", "forecasts", "metered_corrections", "meter_events", "meter_states"):
        op.drop_table(table)
    op.drop_table("thinned")
