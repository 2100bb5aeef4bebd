"""Goods markets: where each day begins in the journal, and amendments of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "amendments",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
    )
    op.create_table(
        "goods_days",
        sa.Column("product", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("goods_days")
    op.drop_table("amendments")
