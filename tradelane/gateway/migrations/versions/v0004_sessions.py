"""Who is signed in at the pages, and the codes by which one comes in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("opened_at", Long, nullable=False),
        sa.Column("expires_at", Long, nullable=False),
    )
    op.create_table(
        "pairing_codes",
        sa.Column("code_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("expires_at", Long, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("pairing_codes")
    op.drop_table("sessions")
