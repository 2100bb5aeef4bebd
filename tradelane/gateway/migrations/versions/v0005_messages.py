"""What the two sides of a contract write to each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", Long, nullable=False),
    )
    op.create_index("messages_contract", "messages", ["contract", "at"])


def downgrade() -> None:
    op.drop_index("messages_contract", "messages")
    op.drop_table("messages")
