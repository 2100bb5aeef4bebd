"""Inspection's tables. Energy is Wh, instants are Unix ms."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from tradelane.settlement.ehub.server.tables import Long, metadata

gc_devices = Table(
    "gc_devices",
    metadata,
    Column("device", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("energy_source", String, nullable=False),
    Column("capacity_w", Long, nullable=False),
    Column("country", String, nullable=False),
    Column("last_number", Long, nullable=False),
    Column("head_seq", Long, nullable=False),
    Column("head", LargeBinary),
    Column("at", Long, nullable=False),
    Index("ix_gc_devices_account", "account", "device"),
)
"""``last_number`` is that of the newest certificate, also of one withdrawn since; ``head`` where the meter's
sealed chain stood at the last report."""

gc_issuances = Table(
    "gc_issuances",
    metadata,
    Column("issuance", String, primary_key=True),
    Column("device", String, ForeignKey("gc_devices.device"), nullable=False),
    Column("starts_at", Long, nullable=False),
    Column("ends_at", Long, nullable=False),
    Column("wh", Long, nullable=False),
    Column("range_start", Long, nullable=False),
    Column("head_seq", Long, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("head_signature", LargeBinary, nullable=False),
    Column("at", Long, nullable=False),
    Column("corrected_at", Long),
    CheckConstraint("wh >= 0", name="ck_gc_issuances_wh"),
    CheckConstraint("ends_at > starts_at", name="ck_gc_issuances_interval"),
    UniqueConstraint("device", "starts_at"),
)
"""What was metered, and issued, for an interval of a device: the numbers from ``range_start`` on."""

gc_bundles = Table(
    "gc_bundles",
    metadata,
    Column("device", String, ForeignKey("gc_devices.device"), primary_key=True),
    Column("range_start", Long, primary_key=True, autoincrement=False),
    Column("range_end", Long, nullable=False),
    Column("issuance", String, ForeignKey("gc_issuances.issuance"), nullable=False),
    Column("account", String, nullable=False),
    Column("status", String, nullable=False),
    Column("beneficiary", String),
    Column("purpose", Text),
    Column("cancelled_at", Long),
    CheckConstraint("range_end >= range_start", name="ck_gc_bundles_range"),
    CheckConstraint("status = 'Active' OR status = 'Cancelled'", name="ck_gc_bundles_status"),
    Index("ix_gc_bundles_issuance", "issuance", "range_start"),
    Index("ix_gc_bundles_account", "account", "device", "range_start"),
)
"""Who has which numbers of a device; ``beneficiary`` and ``purpose`` of those cancelled."""

gc_actions = Table(
    "gc_actions",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("action", String, nullable=False),
    Column("issuance", String, ForeignKey("gc_issuances.issuance"), nullable=False),
    Column("range_start", Long, nullable=False),
    Column("range_end", Long, nullable=False),
    Column("source", String),
    Column("target", String),
    Column("beneficiary", String),
    Column("purpose", Text),
    Column("at", Long, nullable=False),
    Index("ix_gc_actions_source", "source", "seq"),
    Index("ix_gc_actions_target", "target", "seq"),
)
"""Everything that happened to certificates; only ever appended to."""

disputes = Table(
    "disputes",
    metadata,
    Column("contract", String, primary_key=True),
    Column("reservation", String, nullable=False),
    Column("buyer", String),
    Column("reason", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("opened_at", Long, nullable=False),
    Column("outcome", String),
    Column("share_ppm", Long),
    Column("note", Text),
    Column("resolved_by", String),
    Column("resolved_at", Long),
    Index("ix_disputes_state", "state", "contract"),
)
"""``state`` is the contract's: disputed, then released or refunded."""

inspections = Table(
    "inspections",
    metadata,
    Column("inspection", String, primary_key=True),
    Column("declaration", String, nullable=False),
    Column("shipment", String),
    Column("contract", String, nullable=False),
    Column("ordered_by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("inspector", String),
    Column("remarks", Text),
    Column("at", Long, nullable=False),
    Column("ended_at", Long),
    Column("ended_number", Long, unique=True),
    Index("ix_inspections_declaration", "declaration", "ended_number"),
    Index("ix_inspections_state", "state", "inspection"),
)
"""``ended_number`` counts results: two may come at one instant."""

documents = Table(
    "documents",
    metadata,
    Column("document", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("number", String, nullable=False),
    Column("issuer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("valid_from", String, nullable=False),
    Column("valid_until", String, nullable=False),
    Column("sha256", String),
    Column("at", Long, nullable=False),
    UniqueConstraint("kind", "issuer", "number"),
    Index("ix_documents_subject", "subject", "kind"),
)
"""Papers on file; their days as ISO 8601, both included."""
