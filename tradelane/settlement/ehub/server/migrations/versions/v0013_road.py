"""The e-road: peers, their channels, quotes, payments, copies, windows."""

import sqlalchemy as sa
from alembic import op

revision = "v0013"
down_revision = "v0012"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "road_peers",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("road", sa.String(), nullable=True),
        sa.Column("currencies", sa.Text(), nullable=False),
        sa.Column("sent", LONG, nullable=False),
        sa.Column("acknowledged", LONG, nullable=False),
        sa.Column("received", LONG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", LONG, nullable=False),
        sa.Column("closed", LONG, nullable=True),
        sa.Column("peer_closed", LONG, nullable=True),
        sa.Column("compared", LONG, nullable=True),
        sa.Column("committed", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.CheckConstraint(
            "state = 'expected' OR state = 'known' OR state = 'refused' OR state = 'broken'",
            name="ck_road_peers_state",
        ),
        sa.CheckConstraint("acknowledged <= sent", name="ck_road_peers_acknowledged"),
        sa.PrimaryKeyConstraint("peer"),
    )
    op.create_table(
        "road_positions",
        sa.Column("window_number", LONG, autoincrement=False, nullable=False),
        sa.Column("hub", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.PrimaryKeyConstraint("window_number", "hub"),
    )
    op.create_table(
        "road_copies",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "kind", "id"),
    )
    op.create_table(
        "road_inbox",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("number", LONG, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "number"),
    )
    op.create_table(
        "road_outbox",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("number", LONG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "number"),
    )
    op.create_table(
        "road_payments",
        sa.Column("transfer", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("send_currency", sa.String(), nullable=False),
        sa.Column("send_nano", LONG, nullable=False),
        sa.Column("fee_nano", LONG, nullable=False),
        sa.Column("receive_currency", sa.String(), nullable=False),
        sa.Column("receive_nano", LONG, nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("fulfilment", sa.String(), nullable=True),
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=False),
        sa.Column("asked_at", LONG, nullable=True),
        sa.Column("window_number", LONG, nullable=True),
        sa.Column("number", LONG, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("completed_at", LONG, nullable=True),
        sa.CheckConstraint(
            "(state = 'COMMITTED') = (fulfilment IS NOT NULL)", name="ck_road_payments_fulfilled"
        ),
        sa.CheckConstraint("(state = 'COMMITTED') = (number IS NOT NULL)", name="ck_road_payments_number"),
        sa.CheckConstraint(
            "state = 'RECEIVED' OR state = 'RESERVED' OR state = 'COMMITTED' OR state = 'ABORTED'",
            name="ck_road_payments_state",
        ),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("transfer"),
        sa.UniqueConstraint("peer", "outgoing", "number", name="uq_road_payments_entry"),
        sa.UniqueConstraint("peer", "outgoing", "quote", name="uq_road_payments_quote"),
    )
    op.create_index("ix_road_payments_open", "road_payments", ["state", "expires_at"], unique=False)
    op.create_index("ix_road_payments_window", "road_payments", ["peer", "window_number"], unique=False)
    op.create_table(
        "road_quotes",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("payee", sa.String(), nullable=False),
        sa.Column("send_currency", sa.String(), nullable=False),
        sa.Column("send_nano", LONG, nullable=True),
        sa.Column("fee_nano", LONG, nullable=True),
        sa.Column("receive_currency", sa.String(), nullable=False),
        sa.Column("receive_nano", LONG, nullable=True),
        sa.Column("spread_ppm", LONG, nullable=True),
        sa.Column("condition", sa.String(), nullable=True),
        sa.Column("expires_at", LONG, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "outgoing", "quote"),
    )
    op.create_table(
        "road_sent_copies",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "kind", "id"),
    )
    op.create_table(
        "road_settled",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("window_number", LONG, autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("owed_nano", LONG, nullable=False),
        sa.Column("paid_nano", LONG, nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "window_number", "currency"),
    )
    op.create_table(
        "road_windows",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("window_number", LONG, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("mine", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=True),
        sa.Column("difference", sa.Text(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.CheckConstraint(
            "state = 'reported' OR state = 'disputed' OR state = 'agreed' OR state = 'settled'",
            name="ck_road_windows_state",
        ),
        sa.ForeignKeyConstraint(["peer"], ["road_peers.peer"]),
        sa.PrimaryKeyConstraint("peer", "window_number"),
    )
    op.create_index("ix_road_windows_state", "road_windows", ["state", "window_number"], unique=False)
