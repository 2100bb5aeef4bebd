"""FSPIOP: settlement windows and settlements, and in which window a transfer was committed."""

import sqlalchemy as sa
from alembic import op

revision = "v0018"
down_revision = "v0017"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTICIPANT = "fspiop_participants.participant"


def upgrade() -> None:
    op.add_column("fspiop_transfers", sa.Column("settlement_window", LONG, nullable=True))
    op.create_index("ix_fspiop_transfers_window", "fspiop_transfers", ["settlement_window", "state"])
    op.create_table(
        "fspiop_windows",
        sa.Column("window_id", LONG, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", LONG, nullable=False),
        sa.Column("closed_at", LONG, nullable=False),
        sa.Column("changed_at", LONG, nullable=False),
        sa.CheckConstraint(
            "state IN ('CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED')", name="ck_fspiop_windows_state"
        ),
        sa.PrimaryKeyConstraint("window_id"),
    )
    op.create_table(
        "fspiop_window_nets",
        sa.Column("window_id", LONG, nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.ForeignKeyConstraint(["window_id"], ["fspiop_windows.window_id"]),
        sa.ForeignKeyConstraint(["participant"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("window_id", "participant", "currency"),
    )
    op.create_table(
        "fspiop_settlements",
        sa.Column("settlement", LONG, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("changed_at", LONG, nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING_SETTLEMENT', 'PS_TRANSFERS_RECORDED', 'PS_TRANSFERS_RESERVED',"
            " 'PS_TRANSFERS_COMMITTED', 'SETTLING', 'SETTLED', 'ABORTED')",
            name="ck_fspiop_settlements_state",
        ),
        sa.PrimaryKeyConstraint("settlement"),
    )
    op.create_table(
        "fspiop_settlement_windows",
        sa.Column("settlement", LONG, nullable=False),
        sa.Column("window_id", LONG, nullable=False),
        sa.ForeignKeyConstraint(["settlement"], ["fspiop_settlements.settlement"]),
        sa.ForeignKeyConstraint(["window_id"], ["fspiop_windows.window_id"]),
        sa.PrimaryKeyConstraint("settlement", "window_id"),
    )
    op.create_table(
        "fspiop_account_numbers",
        sa.Column("number", LONG, nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["participant"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("participant", "currency"),
    )
    op.create_table(
        "fspiop_settlement_accounts",
        sa.Column("settlement", LONG, nullable=False),
        sa.Column("number", LONG, nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["settlement"], ["fspiop_settlements.settlement"]),
        sa.ForeignKeyConstraint(["number"], ["fspiop_account_numbers.number"]),
        sa.PrimaryKeyConstraint("settlement", "number"),
    )
