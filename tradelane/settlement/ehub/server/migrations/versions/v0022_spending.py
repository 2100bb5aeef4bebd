"""What left each account on a day, and reservations found by their contract."""

import sqlalchemy as sa
from alembic import op

revision = "v0022"
down_revision = "v0021"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.CheckConstraint("nano >= 0", name="ck_spending_not_negative"),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("account", "day"),
    )
    op.create_index("ix_reservation_holds_contract", "reservation_holds", ["contract"])
