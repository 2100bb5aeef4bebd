"""Whom of the members screening found on a list, and whom an operator has cleared of it."""

import sqlalchemy as sa
from alembic import op

revision = "v0023"
down_revision = "v0022"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "screening_hits",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("found_at", LONG, nullable=False),
        sa.Column("cleared_at", LONG, nullable=True),
        sa.ForeignKeyConstraint(["member"], ["members.member"]),
        sa.PrimaryKeyConstraint("member", "entry"),
    )
