"""FSPIOP: bulk transfers, and which transfers came in them."""

import sqlalchemy as sa
from alembic import op

revision = "v0017"
down_revision = "v0016"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PARTICIPANT = "fspiop_participants.participant"


def upgrade() -> None:
    op.create_table(
        "fspiop_bulks",
        sa.Column("bulk", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("payee", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("completed_at", LONG, nullable=True),
        sa.CheckConstraint(
            "state IN ('RECEIVED', 'PENDING', 'ACCEPTED', 'PROCESSING', 'COMPLETED', 'REJECTED')",
            name="ck_fspiop_bulks_state",
        ),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (state IN ('COMPLETED', 'REJECTED'))",
            name="ck_fspiop_bulks_completed",
        ),
        sa.ForeignKeyConstraint(["payer"], [PARTICIPANT]),
        sa.ForeignKeyConstraint(["payee"], [PARTICIPANT]),
        sa.PrimaryKeyConstraint("bulk"),
    )
    op.create_index("ix_fspiop_bulks_under_way", "fspiop_bulks", ["completed_at", "expires_at"])
    op.create_table(
        "fspiop_bulk_items",
        sa.Column("bulk", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["bulk"], ["fspiop_bulks.bulk"]),
        sa.PrimaryKeyConstraint("bulk", "place"),
    )
    op.create_index("ix_fspiop_bulk_items_transfer", "fspiop_bulk_items", ["transfer"])
