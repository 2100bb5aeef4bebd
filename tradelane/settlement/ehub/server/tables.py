"""The e-hub's tables. Money is nano-units of the row's currency, instants Unix milliseconds UTC.

The database itself holds the limits: an account's available balance (posted − held) never goes below its
limit, whatever a program does. ``transfers`` and ``receipts`` are only ever appended to.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from tradelane.settlement.ledger import GREATEST

LIMIT_CHECK = "ck_accounts_limit"
RANGE_CHECK = "ck_accounts_range"

metadata = MetaData()
# SQLite only gives a rowid, and so a fast append, to a key of type INTEGER.
Long = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("account", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("posted_nano", Long, nullable=False),
    Column("held_nano", Long, nullable=False),
    Column("limit_nano", Long),
    Column("opened_at", Long, nullable=False),
    CheckConstraint("limit_nano IS NULL OR posted_nano - held_nano >= limit_nano", name=LIMIT_CHECK),
    CheckConstraint(
        f"posted_nano BETWEEN -{GREATEST} AND {GREATEST} AND held_nano BETWEEN 0 AND {GREATEST}",
        name=RANGE_CHECK,
    ),
)
"""``limit_nano`` null: no limit. ``held_nano`` is the sum of the account's open reservations."""

reservations = Table(
    "reservations",
    metadata,
    Column("reservation", String, primary_key=True),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("nano", Long, nullable=False),
    Column("contract", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("expires_at", Long),
    Column("closed_at", Long),
    CheckConstraint("nano > 0", name="ck_reservations_positive"),
    CheckConstraint("state IN ('reserved', 'settled', 'released')", name="ck_reservations_state"),
    Index("ix_reservations_account", "account", "state"),
)
"""reserved → settled, or reserved → released; ``closed_at`` is when."""

settlements = Table(
    "settlements",
    metadata,
    Column("settlement", String, primary_key=True),
    Column("reservation", String, ForeignKey("reservations.reservation"), unique=True),
    Column("contract", String, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_settlements_contract", "contract"),
)

deposits = Table(
    "deposits",
    metadata,
    Column("deposit", String, primary_key=True),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("nano", Long, nullable=False),
    Column("at", Long, nullable=False),
)

transfers = Table(
    "transfers",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("transfer", String, nullable=False, unique=True),
    Column("settlement", String, ForeignKey("settlements.settlement")),
    Column("contract", String),
    Column("source", String, ForeignKey("accounts.account"), nullable=False),
    Column("target", String, ForeignKey("accounts.account"), nullable=False),
    Column("currency", String, nullable=False),
    Column("nano", Long, nullable=False),
    Column("kind", String, nullable=False),
    Column("memo", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("nano > 0", name="ck_transfers_positive"),
    CheckConstraint("source <> target", name="ck_transfers_two_accounts"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("receipt", String, nullable=False, unique=True),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("settlement", String, ForeignKey("settlements.settlement"), nullable=False),
    Column("contract", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Long, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_receipts_account", "account", "seq"),
    Index("ix_receipts_contract", "contract", "seq"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", Long, nullable=False),
)
"""The first answer to each command; ``request`` is the SHA-256 of its method, path and body."""

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
    Index("ix_declarations_contract", "contract"),
)

shipments = Table(
    "shipments",
    metadata,
    Column("shipment", String, primary_key=True),
    Column("contract", String, nullable=False),
    Column("declaration", String, ForeignKey("declarations.declaration"), nullable=False),
    Column("lane", String, nullable=False),
    Column("quantity", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Long, nullable=False),
    Index("ix_shipments_state", "state", "shipment"),
    Index("ix_shipments_contract", "contract"),
)

shipment_events = Table(
    "shipment_events",
    metadata,
    Column("shipment", String, ForeignKey("shipments.shipment"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("event", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("recorded_at", Long, nullable=False),
)
