"""What the switch keeps of bulk transfers; the transfers in them stand among the others."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

bulks = Table(
    "fspiop_bulks",
    metadata,
    Column("bulk", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("payer", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("payee", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("version", String, nullable=False),
    Column("state", String, nullable=False),
    Column("completed_at", Long),
    CheckConstraint(
        "state IN ('RECEIVED', 'PENDING', 'ACCEPTED', 'PROCESSING', 'COMPLETED', 'REJECTED')",
        name="ck_fspiop_bulks_state",
    ),
    CheckConstraint(
        "(completed_at IS NOT NULL) = (state IN ('COMPLETED', 'REJECTED'))", name="ck_fspiop_bulks_completed"
    ),
    Index("ix_fspiop_bulks_under_way", "completed_at", "expires_at"),
)
"""``request`` is the SHA-256 of the body by meaning."""

bulk_items = Table(
    "fspiop_bulk_items",
    metadata,
    Column("bulk", String, ForeignKey("fspiop_bulks.bulk"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("transfer", String, nullable=False),
    Column("refused", Text),
    Index("ix_fspiop_bulk_items_transfer", "transfer"),
)
"""``refused`` is why the item did not go on, as JSON; a transfer of its id, if any, may then be another's."""
