"""Freight lanes, what is booked of their weeks, and what an offer said of a shipment."""

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "freight_lanes",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("valid_from", LONG, autoincrement=False, nullable=False),
        sa.Column("valid_to", LONG, nullable=True),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("price_nano", LONG, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("lane", "valid_from"),
    )
    op.create_index("ix_freight_lanes_way", "freight_lanes", ["source", "target"])
    op.create_table(
        "freight_lane_weeks",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("week", LONG, autoincrement=False, nullable=False),
        sa.Column("taken", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "week"),
    )
    op.create_table(
        "freight_lane_bookings",
        sa.Column("shipment", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("freight_nano", LONG, nullable=False),
        sa.Column("eta", LONG, nullable=False),
        sa.ForeignKeyConstraint(["shipment"], ["shipments.shipment"]),
        sa.PrimaryKeyConstraint("shipment"),
    )
