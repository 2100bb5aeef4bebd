"""Approvals: what one operator proposes and another carries out."""

import sqlalchemy as sa
from alembic import op

revision = "v0021"
down_revision = "v0020"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("approval", LONG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", LONG, nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", LONG, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state = 'PROPOSED' OR state = 'CARRIED_OUT' OR state = 'REJECTED' OR state = 'EXPIRED'",
            name="ck_approvals_state",
        ),
        sa.CheckConstraint("(decided_at IS NULL) = (state = 'PROPOSED')", name="ck_approvals_decided"),
        sa.CheckConstraint(
            "state <> 'CARRIED_OUT' OR decided_by <> proposed_by", name="ck_approvals_four_eyes"
        ),
        sa.PrimaryKeyConstraint("approval"),
    )
    op.create_index("ix_approvals_open", "approvals", ["state", "expires_at"])
