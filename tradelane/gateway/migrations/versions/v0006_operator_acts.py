"""What a zone's operator did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator_acts",
        sa.Column("seq", Long, primary_key=True, autoincrement=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("since", Long, nullable=True),
        sa.Column("until", Long, nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
    )
    op.create_index("operator_acts_about", "operator_acts", ["about", "seq"])
    op.create_index("operator_acts_until", "operator_acts", ["kind", "until"])


def downgrade() -> None:
    op.drop_index("operator_acts_until", "operator_acts")
    op.drop_index("operator_acts_about", "operator_acts")
    op.drop_table("operator_acts")
