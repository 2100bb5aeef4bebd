"""First schema: journal, market and meters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite only gives a rowid, and so a fast append, to a key of type INTEGER.
Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    common()
    market()
    meters()


def common() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("seq", Long, primary_key=True, autoincrement=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )


def market() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("registered_at", Long, nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("price", Long, nullable=False),
        sa.Column("quantity", Long, nullable=False),
        sa.Column("filled", Long, nullable=False, server_default="0"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("received_wall", Long, nullable=False),
        sa.Column("read_wall", Long, nullable=True),
    )
    op.create_index("orders_product", "orders", ["product", "seq"])
    op.create_index("orders_member", "orders", ["member", "seq"])
    op.create_table(
        "prices",
        sa.Column("product", sa.String(), primary_key=True),
        sa.Column("zone", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, nullable=False),
        sa.Column("interval_end", Long, nullable=False),
        sa.Column("price", Long, nullable=True),
        sa.Column("low", Long, nullable=True),
        sa.Column("high", Long, nullable=True),
        sa.Column("net", Long, nullable=False),
        sa.Column("seq", Long, nullable=False),
    )
    op.create_index("prices_interval", "prices", ["interval_start"])
    op.create_table(
        "flows",
        sa.Column("product", sa.String(), primary_key=True),
        sa.Column("lane", sa.String(), primary_key=True),
        sa.Column("capacity", Long, nullable=False),
        sa.Column("sent", Long, nullable=False),
        sa.Column("received", Long, nullable=False),
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("seq", Long, nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("commodity", sa.String(), nullable=False),
        sa.Column("interval_start", Long, nullable=False),
        sa.Column("interval_end", Long, nullable=False),
        sa.Column("seller_order", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("seller_zone", sa.String(), nullable=False),
        sa.Column("buyer_order", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("buyer_zone", sa.String(), nullable=False),
        sa.Column("path", sa.JSON(), nullable=False),
        sa.Column("sent", Long, nullable=False),
        sa.Column("received", Long, nullable=False),
        sa.Column("delivered", Long, nullable=True),
        sa.Column("imbalance", Long, nullable=True),
        sa.Column("seller_price", Long, nullable=False),
        sa.Column("buyer_price", Long, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("agreed_at", Long, nullable=False),
        sa.Column("settled_at", Long, nullable=True),
        sa.Column("offered_wall", Long, nullable=True),
        sa.Column("agreed_wall", Long, nullable=True),
        sa.Column("funded_wall", Long, nullable=True),
        sa.Column("settled_wall", Long, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    op.create_index("contracts_state", "contracts", ["state", "interval_end"])
    op.create_index("contracts_product", "contracts", ["product"])
    op.create_index("contracts_seller", "contracts", ["seller", "interval_start"])
    op.create_index("contracts_buyer", "contracts", ["buyer", "interval_start"])
    op.create_table(
        "statements",
        sa.Column("member", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, primary_key=True),
        sa.Column("interval_end", Long, nullable=False),
        sa.Column("import_wh", Long, nullable=False),
        sa.Column("export_wh", Long, nullable=False),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("read_wall", Long, nullable=True),
        sa.Column("seq", Long, nullable=False),
    )


def meters() -> None:
    op.create_table(
        "readings",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("seq", Long, primary_key=True, autoincrement=False),
        sa.Column("at", Long, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
    )
    op.create_index("readings_at", "readings", ["meter", "at"])
    op.create_table(
        "metered",
        sa.Column("meter", sa.String(), primary_key=True),
        sa.Column("interval_start", Long, primary_key=True),
        sa.Column("interval_end", Long, nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("import_wh", Long, nullable=False),
        sa.Column("export_wh", Long, nullable=False),
        sa.Column("production_wh", Long, nullable=True),
        sa.Column("quality", sa.String(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
    )
    op.create_index("metered_sent", "metered", ["sent", "interval_start"])


def downgrade() -> None:
    """There is nothing before the first schema but an empty file."""
    for table in TABLES:
        op.drop_table(table)


TABLES = (
    "meta",
    "journal",
    "members",
    "orders",
    "prices",
    "flows",
    "contracts",
    "statements",
    "readings",
    "metered",
)
