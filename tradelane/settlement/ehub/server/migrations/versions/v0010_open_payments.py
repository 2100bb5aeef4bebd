"""Rates, quotes, payments in and out."""

import sqlalchemy as sa
from alembic import op

revision = "v0010"
down_revision = "v0009"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACCOUNT = "accounts.account"


def upgrade() -> None:
    op.create_table(
        "op_rates",
        sa.Column("seq", LONG, nullable=False),
        sa.Column("sell", sa.String(), nullable=False),
        sa.Column("buy", sa.String(), nullable=False),
        sa.Column("mid_nano", LONG, nullable=False),
        sa.Column("spread_ppm", LONG, nullable=False),
        sa.Column("valid_until", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_op_rates_pair", "op_rates", ["sell", "buy", "seq"])
    op.create_table(
        "op_incoming",
        sa.Column("seq", LONG, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("wanted_nano", LONG, nullable=True),
        sa.Column("received_nano", LONG, nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("completed_at", LONG, nullable=True),
        sa.Column("expires_at", LONG, nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.CheckConstraint(
            "wanted_nano IS NULL OR received_nano <= wanted_nano", name="ck_op_incoming_wanted"
        ),
        sa.ForeignKeyConstraint(["wallet"], [ACCOUNT]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_op_incoming_member", "op_incoming", ["member", "seq"])
    op.create_table(
        "op_quotes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wallet", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("incoming", sa.String(), nullable=True),
        sa.Column("sell", sa.String(), nullable=False),
        sa.Column("buy", sa.String(), nullable=False),
        sa.Column("mid_nano", LONG, nullable=False),
        sa.Column("spread_ppm", LONG, nullable=False),
        sa.Column("debit_nano", LONG, nullable=False),
        sa.Column("fee_nano", LONG, nullable=False),
        sa.Column("receive_nano", LONG, nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["incoming"], ["op_incoming.id"]),
        sa.ForeignKeyConstraint(["receiver"], [ACCOUNT]),
        sa.ForeignKeyConstraint(["wallet"], [ACCOUNT]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "op_outgoing",
        sa.Column("seq", LONG, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["quote"], ["op_quotes.id"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("quote"),
    )
    op.create_index("ix_op_outgoing_member", "op_outgoing", ["member", "seq"])
