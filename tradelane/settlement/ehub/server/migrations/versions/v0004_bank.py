"""The bank side: payouts, their batches, credits."""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "payout_batches",
        sa.Column("batch", LONG, autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("debtor", sa.String(), nullable=False),
        sa.Column("iban", sa.String(), nullable=False),
        sa.Column("bic", sa.String(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("batch"),
    )
    op.create_table(
        "payouts",
        sa.Column("payout", LONG, autoincrement=False, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("creditor", sa.String(), nullable=False),
        sa.Column("iban", sa.String(), nullable=False),
        sa.Column("end_to_end", sa.String(), nullable=False),
        sa.Column("batch", LONG, nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["batch"], ["payout_batches.batch"]),
        sa.PrimaryKeyConstraint("payout"),
    )
    op.create_index("ix_payouts_batch", "payouts", ["batch", "currency"])
    op.create_table(
        "bank_credits",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("bank_account", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("bank_account", "entry", name="uq_bank_credits_entry"),
    )
