"""Wrong codes at the door, and the operator's waivers.

Codes are the hub's own from now on: a shipment that was booked before needs a waiver.
"""

import sqlalchemy as sa
from alembic import op

revision = "v0009"
down_revision = "v0008"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shipment_proofs",
        sa.Column("shipment", sa.String(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("waived", sa.Text(), nullable=True),
        sa.Column("waived_at", LONG, nullable=True),
        sa.ForeignKeyConstraint(["shipment"], ["shipments.shipment"]),
        sa.PrimaryKeyConstraint("shipment"),
    )
