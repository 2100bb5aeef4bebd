"""The switch's tables: participants and their positions, parties, transfers, and the outbox.

Money is nano-units, instants Unix ms. The database itself holds the net debit cap.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from tradelane.settlement.ehub.server.tables import Long, metadata

__all__ = ["metadata", "outbox", "participants", "parties", "positions", "transfers"]

participants = Table(
    "fspiop_participants",
    metadata,
    Column("participant", String, primary_key=True),
    Column("endpoint", String),
    Column("key", Text),
    Column("at", Long, nullable=False),
)
"""``endpoint`` is the base of its callbacks' URLs, ``key`` the PEM its signatures are checked with."""

positions = Table(
    "fspiop_positions",
    metadata,
    Column("participant", String, ForeignKey("fspiop_participants.participant"), primary_key=True),
    Column("currency", String, primary_key=True),
    Column("position_nano", Long, nullable=False),
    Column("reserved_nano", Long, nullable=False),
    Column("cap_nano", Long, nullable=False),
    CheckConstraint("position_nano + reserved_nano <= cap_nano", name="ck_fspiop_positions_cap"),
    CheckConstraint("reserved_nano >= 0", name="ck_fspiop_positions_reserved"),
)
"""What a participant owes the others (``position_nano``, negative when it is owed) and what its transfers
under way reserve. A currency's positions always sum to zero."""

parties = Table(
    "fspiop_parties",
    metadata,
    Column("kind", String, primary_key=True),
    Column("identifier", String, primary_key=True),
    Column("sub", String, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("participant", String, ForeignKey("fspiop_participants.participant"), nullable=False),
)
"""``sub`` and ``currency`` are empty where the registration named none."""

transfers = Table(
    "fspiop_transfers",
    metadata,
    Column("transfer", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("payer", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("payee", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("currency", String, nullable=False),
    Column("nano", Long, nullable=False),
    Column("condition", String, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("version", String, nullable=False),
    Column("state", String, nullable=False),
    Column("fulfilment", String),
    Column("error", Text),
    Column("completed_at", Long),
    Column("settlement_window", Long),
    CheckConstraint("nano > 0", name="ck_fspiop_transfers_positive"),
    CheckConstraint(
        "state IN ('RECEIVED', 'RESERVED', 'COMMITTED', 'ABORTED')", name="ck_fspiop_transfers_state"
    ),
    Index("ix_fspiop_transfers_state", "state", "expires_at"),
    Index("ix_fspiop_transfers_window", "settlement_window", "state"),
)
"""``request`` is the SHA-256 of the prepare's body by meaning; ``error`` why it was aborted, as JSON;
``settlement_window`` the window it was committed in, once that is closed."""

outbox = Table(
    "fspiop_outbox",
    metadata,
    Column("seq", Long, primary_key=True),
    Column("participant", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Long, nullable=False),
    Column("ends_at", Long, nullable=False),
    Column("state", String, nullable=False),
    CheckConstraint("state IN ('waiting', 'delivered', 'refused', 'lost')", name="ck_fspiop_outbox_state"),
    Index("ix_fspiop_outbox_waiting", "state", "participant", "topic", "seq"),
)
"""What goes out, written with its cause. Of one participant and topic only the oldest waiting is sent."""
