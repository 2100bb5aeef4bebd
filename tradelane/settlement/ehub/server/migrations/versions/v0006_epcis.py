"""Shipment events as EPCIS, what they name, and what became of captured documents."""

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "epcis_events",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("shipment", sa.String(), nullable=False),
        sa.Column("biz_step", sa.String(), nullable=False),
        sa.Column("event_time", LONG, nullable=False),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shipment"], ["shipments.shipment"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("ix_epcis_events_shipment", "epcis_events", ["shipment", "seq"])
    op.create_index("ix_epcis_events_time", "epcis_events", ["event_time"])
    op.create_table(
        "epcis_names",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["epcis_events.seq"]),
        sa.PrimaryKeyConstraint("name", "kind", "seq"),
    )
    op.create_table(
        "epcis_captures",
        sa.Column("capture", sa.String(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("capture"),
    )
