"""FSPIOP: participants, positions, parties, transfers, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTICIPANT = "fspiop_participants.participant"


def upgrade() -> None:
    op.create_table(
        "fspiop_participants",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("participant"),
    )
    op.create_table(
        "fspiop_positions",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("position_nano", LONG, nullable=False),
        sa.Column("reserved_nano", LONG, nullable=False),
        sa.Column("cap_nano", LONG, nullable=False),
        sa.CheckConstraint("position_nano + reserved_nano <= cap_nano", name="ck_fspiop_positions_cap"),
        sa.CheckConstraint("reserved_nano >= 0", name="ck_fspiop_positions_reserved"),
        sa.ForeignKeyConstraint(["participant"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("participant", "currency"),
    )
    op.create_table(
        "fspiop_parties",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["participant"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("kind", "identifier", "sub", "currency"),
    )
    op.create_table(
        "fspiop_transfers",
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("payee", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fulfilment", sa.String(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("completed_at", LONG, nullable=True),
        sa.CheckConstraint("nano > 0", name="ck_fspiop_transfers_positive"),
        sa.CheckConstraint(
            "state IN ('RECEIVED', 'RESERVED', 'COMMITTED', 'ABORTED')", name="ck_fspiop_transfers_state"
        ),
        sa.ForeignKeyConstraint(["payer"], [PARTICIPANT]),
        sa.ForeignKeyConstraint(["payee"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("transfer"),
    )
    op.create_index("ix_fspiop_transfers_state", "fspiop_transfers", ["state", "expires_at"])
    op.create_table(
        "fspiop_outbox",
        sa.Column("seq", LONG, nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", LONG, nullable=False),
        sa.Column("ends_at", LONG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'refused', 'lost')", name="ck_fspiop_outbox_state"
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_fspiop_outbox_waiting", "fspiop_outbox", ["state", "participant", "topic", "seq"])
