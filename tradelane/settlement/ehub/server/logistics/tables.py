"""Logistics' own tables; shipments stand with the e-hub's first ones. Instants are Unix ms."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

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

lanes = Table(
    "freight_lanes",
    metadata,
    Column("lane", String, primary_key=True),
    Column("valid_from", Long, primary_key=True, autoincrement=False),
    Column("valid_to", Long),
    Column("carrier", String, nullable=False),
    Column("source", String, nullable=False),
    Column("target", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("price_nano", Long, nullable=False),
    Column("days", Integer, nullable=False),
    Column("capacity", String, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_freight_lanes_way", "source", "target"),
)
"""Offers of a lane never overlap; ``capacity`` is decimal text in ``unit`` a week."""

lane_weeks = Table(
    "freight_lane_weeks",
    metadata,
    Column("lane", String, primary_key=True),
    Column("week", Long, primary_key=True, autoincrement=False),
    Column("taken", String, nullable=False),
)
"""How much is booked of each week that begins at ``week``; decimal text."""

lane_bookings = Table(
    "freight_lane_bookings",
    metadata,
    Column("shipment", String, ForeignKey("shipments.shipment"), primary_key=True),
    Column("carrier", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("freight_nano", Long, nullable=False),
    Column("eta", Long, nullable=False),
)
"""What the lane's offer said of a shipment when it was booked."""

proofs = Table(
    "shipment_proofs",
    metadata,
    Column("shipment", String, ForeignKey("shipments.shipment"), primary_key=True),
    Column("wrong_tries", Integer, nullable=False),
    Column("waived", Text),
    Column("waived_at", Long),
)
"""Wrong codes shown for a shipment, and why the operator asks for none; no row while there is neither."""

nominations = Table(
    "nominations",
    metadata,
    Column("nomination", String, primary_key=True),
    Column("sender", String, nullable=False),
    Column("receiver", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("day_start", Long, nullable=False),
    Column("day_end", Long, nullable=False),
    Column("resolution", Long, nullable=False),
)
"""One for each zone and day; ``resolution`` in ms. What it says stands in its revisions."""

nomination_revisions = Table(
    "nomination_revisions",
    metadata,
    Column("nomination", String, ForeignKey("nominations.nomination"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("code", String),
    Column("text", Text),
    Column("answered_at", Long),
)
"""``code`` and ``text`` are the operator's answer, null before one came."""

nomination_lanes = Table(
    "nomination_lanes",
    metadata,
    Column("nomination", String, ForeignKey("nominations.nomination"), primary_key=True),
    Column("lane", String, primary_key=True),
    Column("in_domain", String, nullable=False),
    Column("out_domain", String, nullable=False),
    Column("revision", Integer, nullable=False),
)
"""``revision``: the first that has the lane."""

nomination_points = Table(
    "nomination_points",
    metadata,
    Column("nomination", String, ForeignKey("nominations.nomination"), primary_key=True),
    Column("lane", String, primary_key=True),
    Column("start", Long, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("wh", Long, nullable=False),
)
"""What a revision changed; an interval is what the newest revision up to the one asked for said of it."""
