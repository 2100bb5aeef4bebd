"""FSPIOP: conversions between currencies."""

import sqlalchemy as sa
from alembic import op

revision = "v0020"
down_revision = "v0019"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTICIPANT = "fspiop_participants.participant"


def upgrade() -> None:
    op.create_table(
        "fspiop_conversions",
        sa.Column("conversion", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("determining", sa.String(), nullable=True),
        sa.Column("initiator", sa.String(), nullable=False),
        sa.Column("fxp", sa.String(), nullable=False),
        sa.Column("source_currency", sa.String(), nullable=False),
        sa.Column("source_nano", LONG, nullable=False),
        sa.Column("target_currency", sa.String(), nullable=False),
        sa.Column("target_nano", LONG, nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fulfilment", sa.String(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("completed_at", LONG, nullable=True),
        sa.Column("settlement_window", LONG, nullable=True),
        sa.CheckConstraint("source_nano > 0 AND target_nano > 0", name="ck_fspiop_conversions_positive"),
        sa.CheckConstraint("source_currency <> target_currency", name="ck_fspiop_conversions_currencies"),
        sa.CheckConstraint(
            "state IN ('RECEIVED', 'RESERVED', 'COMMITTED', 'ABORTED')", name="ck_fspiop_conversions_state"
        ),
        sa.ForeignKeyConstraint(["initiator"], [PARTICIPANT]),
        sa.ForeignKeyConstraint(["fxp"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("conversion"),
    )
    for name, columns in (
        ("state", ["state", "expires_at"]),
        ("window", ["settlement_window", "state"]),
        ("determining", ["determining"]),
    ):
        op.create_index(f"ix_fspiop_conversions_{name}", "fspiop_conversions", columns)
