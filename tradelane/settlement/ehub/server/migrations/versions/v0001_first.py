"""Accounts, reservations, settlements with their transfers and receipts, declarations, shipments."""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GREATEST = 4 * 10**18


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("posted_nano", LONG, nullable=False),
        sa.Column("held_nano", LONG, nullable=False),
        sa.Column("limit_nano", LONG, nullable=True),
        sa.Column("opened_at", LONG, nullable=False),
        sa.CheckConstraint(
            "limit_nano IS NULL OR posted_nano - held_nano >= limit_nano", name="ck_accounts_limit"
        ),
        sa.CheckConstraint(
            f"posted_nano BETWEEN -{GREATEST} AND {GREATEST} AND held_nano BETWEEN 0 AND {GREATEST}",
            name="ck_accounts_range",
        ),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "declarations",
        sa.Column("declaration", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("hs_code", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("value_nano", LONG, nullable=False),
        sa.Column("duty_ppm", LONG, nullable=False),
        sa.Column("duty_nano", LONG, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("declaration"),
    )
    op.create_index("ix_declarations_contract", "declarations", ["contract"])
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "deposits",
        sa.Column("deposit", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("deposit"),
    )
    op.create_table(
        "reservations",
        sa.Column("reservation", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("expires_at", LONG, nullable=True),
        sa.Column("closed_at", LONG, nullable=True),
        sa.CheckConstraint("state IN ('reserved', 'settled', 'released')", name="ck_reservations_state"),
        sa.CheckConstraint("nano > 0", name="ck_reservations_positive"),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("reservation"),
    )
    op.create_index("ix_reservations_account", "reservations", ["account", "state"])
    op.create_table(
        "shipments",
        sa.Column("shipment", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("declaration", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["declaration"], ["declarations.declaration"]),
        sa.PrimaryKeyConstraint("shipment"),
    )
    op.create_index("ix_shipments_contract", "shipments", ["contract"])
    op.create_index("ix_shipments_state", "shipments", ["state", "shipment"])
    op.create_table(
        "settlements",
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("reservation", sa.String(), nullable=True),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["reservation"], ["reservations.reservation"]),
        sa.PrimaryKeyConstraint("settlement"),
        sa.UniqueConstraint("reservation"),
    )
    op.create_index("ix_settlements_contract", "settlements", ["contract"])
    op.create_table(
        "shipment_events",
        sa.Column("shipment", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["shipment"], ["shipments.shipment"]),
        sa.PrimaryKeyConstraint("shipment", "number"),
    )
    op.create_table(
        "receipts",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["settlement"], ["settlements.settlement"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("receipt"),
    )
    op.create_index("ix_receipts_account", "receipts", ["account", "seq"])
    op.create_index("ix_receipts_contract", "receipts", ["contract", "seq"])
    op.create_table(
        "transfers",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("settlement", sa.String(), nullable=True),
        sa.Column("contract", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("nano > 0", name="ck_transfers_positive"),
        sa.CheckConstraint("source <> target", name="ck_transfers_two_accounts"),
        sa.ForeignKeyConstraint(["settlement"], ["settlements.settlement"]),
        sa.ForeignKeyConstraint(["source"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["target"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("transfer"),
    )
