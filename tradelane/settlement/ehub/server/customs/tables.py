"""Customs' tables: landed prices that were shown, declarations with their steps, and papers."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

assessments = Table(
    "assessments",
    metadata,
    Column("assessment", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("at", Long, nullable=False),
)
"""``body`` is what was asked, ``answer`` what was shown, both as JSON."""

declarations = Table(
    "declarations",
    metadata,
    Column("declaration", String, primary_key=True),
    Column("contract", String, nullable=False),
    Column("hs_code", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("destination", String, nullable=False),
    Column("quantity", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("value_nano", Long, nullable=False),
    Column("duty_ppm", Long, nullable=False),
    Column("duty_nano", Long, nullable=False),
    Column("channel", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("body", Text, nullable=False, server_default=""),
    Column("figures", Text, nullable=False, server_default=""),
    Column("risk_rule", String, nullable=False, server_default=""),
    Column("charged_duty_nano", Long, nullable=False, server_default="0"),
    Column("charged_tax_nano", Long, nullable=False, server_default="0"),
    Index("ix_declarations_contract", "contract"),
)
"""``body`` is what is declared now and ``figures`` what is assessed for it, both as JSON; the columns beside
say the same for whoever looks with SQL. Duty and charges are in the currency of ``figures``."""

declaration_steps = Table(
    "declaration_steps",
    metadata,
    Column("declaration", String, ForeignKey("declarations.declaration"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("event", String),
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("body", Text),
    Column("at", Long, nullable=False),
)
"""Everything that has happened; ``body`` is what was declared anew by it, null when nothing was."""

hs_codes = Table(
    "hs_codes",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", Text, nullable=False),
)
"""A full official list, where one was loaded: codes of six digits or more."""

declaration_documents = Table(
    "declaration_documents",
    metadata,
    Column("declaration", String, ForeignKey("declarations.declaration"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("sha256", String),
    Column("reference", String),
    Column("at", Long),
)
"""Papers asked for; those without ``sha256`` are missing."""
