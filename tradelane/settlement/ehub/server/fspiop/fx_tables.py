"""Conversions between currencies. Money in nano-units, time in Unix ms."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

conversions = Table(
    "fspiop_conversions",
    metadata,
    Column("conversion", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("determining", String),
    Column("initiator", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("fxp", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("source_currency", String, nullable=False),
    Column("source_nano", Long, nullable=False),
    Column("target_currency", String, nullable=False),
    Column("target_nano", Long, nullable=False),
    Column("condition", String, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("version", String, nullable=False),
    Column("state", String, nullable=False),
    Column("fulfilment", String),
    Column("error", Text),
    Column("completed_at", Long),
    Column("settlement_window", Long),
    CheckConstraint("source_nano > 0 AND target_nano > 0", name="ck_fspiop_conversions_positive"),
    CheckConstraint("source_currency <> target_currency", name="ck_fspiop_conversions_currencies"),
    CheckConstraint(
        "state IN ('RECEIVED', 'RESERVED', 'COMMITTED', 'ABORTED')", name="ck_fspiop_conversions_state"
    ),
    Index("ix_fspiop_conversions_state", "state", "expires_at"),
    Index("ix_fspiop_conversions_window", "settlement_window", "state"),
    Index("ix_fspiop_conversions_determining", "determining"),
)
"""The initiator owes the FXP ``source``, the FXP the initiator ``target``. ``determining`` is the transfer it
is for; a RESERVED one with a ``fulfilment`` is promised, and waits for that transfer's end."""
