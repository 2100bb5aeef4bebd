"""Logistics' own tables; shipments stand with the e-hub's first ones. Instants are Unix ms."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

epcis_events = Table(
    "epcis_events",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("event_id", String, nullable=False, unique=True),
    Column("shipment", String, ForeignKey("shipments.shipment"), nullable=False),
    Column("biz_step", String, nullable=False),
    Column("event_time", Long, nullable=False),
    Column("recorded_at", Long, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_epcis_events_shipment", "shipment", "seq"),
    Index("ix_epcis_events_time", "event_time"),
)
"""Every event of a shipment as EPCIS; ``body`` is its JSON."""

epcis_names = Table(
    "epcis_names",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("seq", Long, ForeignKey("epcis_events.seq"), primary_key=True, autoincrement=False),
)
"""Which events name an object (``epc``) or a class (``epcClass``)."""

captures = Table(
    "epcis_captures",
    metadata,
    Column("capture", String, primary_key=True),
    Column("success", Boolean, nullable=False),
    Column("errors", Text, nullable=False),
    Column("at", Long, nullable=False),
)
"""``errors`` is a JSON list of problems."""
