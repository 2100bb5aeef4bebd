"""How much of a shipment was delivered, and by which event; until now it was all or nothing."""

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"


def upgrade() -> None:
    op.add_column("shipments", sa.Column("delivered", sa.String(), nullable=False, server_default="0"))
    op.add_column("shipment_events", sa.Column("quantity", sa.String(), nullable=True))
    op.execute("UPDATE shipments SET delivered = quantity WHERE state = 'delivered'")
    op.execute(
        "UPDATE shipment_events SET quantity = (SELECT quantity FROM shipments"
        " WHERE shipments.shipment = shipment_events.shipment) WHERE event = 'delivered'"
    )
