"""What happened to members, and the webhooks that are told of it."""

import sqlalchemy as sa
from alembic import op

revision = "v0014"
down_revision = "v0013"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "op_events",
        sa.Column("seq", LONG, nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_op_events_member", "op_events", ["member", "seq"])
    op.create_table(
        "op_webhooks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("delivered", LONG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", LONG, nullable=False),
        sa.Column("failing_since", LONG, nullable=True),
        sa.Column("disabled_at", LONG, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_op_webhooks_member", "op_webhooks", ["member"])
