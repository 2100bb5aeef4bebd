"""The facade's tables: rates, quotes, payments, events. Money is nano-units, instants Unix ms."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

rates = Table(
    "op_rates",
    metadata,
    Column("seq", Long, primary_key=True),
    Column("sell", String, nullable=False),
    Column("buy", String, nullable=False),
    Column("mid_nano", Long, nullable=False),
    Column("spread_ppm", Long, nullable=False),
    Column("valid_until", Long, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_op_rates_pair", "sell", "buy", "seq"),
)
"""Of a pair the newest counts, while it is valid."""

incoming = Table(
    "op_incoming",
    metadata,
    Column("seq", Long, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("wallet", String, ForeignKey("accounts.account"), nullable=False),
    Column("member", String),
    Column("currency", String, nullable=False),
    Column("wanted_nano", Long),
    Column("received_nano", Long, nullable=False),
    Column("completed", Boolean, nullable=False),
    Column("completed_at", Long),
    Column("expires_at", Long),
    Column("metadata", Text, nullable=False),
    Column("at", Long, nullable=False),
    CheckConstraint("wanted_nano IS NULL OR received_nano <= wanted_nano", name="ck_op_incoming_wanted"),
    Index("ix_op_incoming_member", "member", "seq"),
)
"""What a member expects; the database itself lets no more in than is wanted."""

quotes = Table(
    "op_quotes",
    metadata,
    Column("id", String, primary_key=True),
    Column("wallet", String, ForeignKey("accounts.account"), nullable=False),
    Column("receiver", String, ForeignKey("accounts.account"), nullable=False),
    Column("incoming", String, ForeignKey("op_incoming.id")),
    Column("sell", String, nullable=False),
    Column("buy", String, nullable=False),
    Column("mid_nano", Long, nullable=False),
    Column("spread_ppm", Long, nullable=False),
    Column("debit_nano", Long, nullable=False),
    Column("fee_nano", Long, nullable=False),
    Column("receive_nano", Long, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("at", Long, nullable=False),
)
"""A promise: these amounts, until ``expires_at``, once."""

outgoing = Table(
    "op_outgoing",
    metadata,
    Column("seq", Long, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("quote", String, ForeignKey("op_quotes.id"), nullable=False, unique=True),
    Column("member", String),
    Column("metadata", Text, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_op_outgoing_member", "member", "seq"),
)
"""A quote that was paid."""

events = Table(
    "op_events",
    metadata,
    Column("seq", Long, primary_key=True),
    Column("member", String),
    Column("type", String, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_op_events_member", "member", "seq"),
)
"""Only ever appended to; ``data`` is what the event is about, as JSON."""

webhooks = Table(
    "op_webhooks",
    metadata,
    Column("id", String, primary_key=True),
    Column("member", String),
    Column("url", String, nullable=False),
    Column("secret", String, nullable=False),
    Column("delivered", Long, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Long, nullable=False),
    Column("failing_since", Long),
    Column("disabled_at", Long),
    Column("reason", String),
    Column("at", Long, nullable=False),
    Index("ix_op_webhooks_member", "member"),
)
"""``delivered`` is the number of the last event it took; ``member`` null: it is told of everyone."""
