"""The e-hub's tables. Money is nano-units of the row's currency, instants Unix milliseconds UTC.

The database itself holds the limits: an account's available balance (posted − held) never goes below its
limit, whatever a program does. ``entries`` and ``receipts`` are only ever appended to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
    case,
    exists,
    select,
)

from tradelane.settlement.ledger import GREATEST, Phase, State

LIMIT_CHECK = "ck_accounts_limit"
RANGE_CHECK = "ck_accounts_range"

metadata = MetaData()
# SQLite only gives a rowid, and so a fast append, to a key of type INTEGER.
Long = BigInteger().with_variant(Integer, "sqlite")


def _one_of(column: str, words: Iterable[str]) -> str:
    """For IN with more than two words SQLite builds a table at every row it checks."""
    return " OR ".join(f"{column} = '{word}'" for word in words)


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
"""``limit_nano`` null: no limit. ``held_nano`` is the sum of the account's open pendings."""

entries = Table(
    "entries",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("phase", String, nullable=False),
    Column("pending", Long, ForeignKey("entries.seq")),
    Column("source", String, ForeignKey("accounts.account"), nullable=False),
    Column("target", String, ForeignKey("accounts.account")),
    Column("currency", String, nullable=False),
    Column("nano", Long, nullable=False),
    Column("held_nano", Long, nullable=False),
    Column("kind", String, nullable=False),
    Column("memo", String, nullable=False),
    Column("expires_at", Long),
    Column("settlement", String),
    Column("contract", String),
    Column("at", Long, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("nano > 0", name="ck_entries_positive"),
    CheckConstraint("source <> target", name="ck_entries_two_accounts"),
    CheckConstraint(_one_of("phase", Phase), name="ck_entries_phase"),
    CheckConstraint("phase NOT IN ('single', 'post') OR target IS NOT NULL", name="ck_entries_target"),
)
"""The journal: single and post move ``nano``; ``held_nano`` is what the line adds to what the source holds.
``pending`` is the number of the line that a post, void or expiry ends."""

pendings = Table(
    "pendings",
    metadata,
    Column("seq", Long, ForeignKey("entries.seq"), primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("expires_at", Long),
    Column("closed_at", Long),
    CheckConstraint(_one_of("state", State), name="ck_pendings_state"),
)
"""What has become of each pending line of the journal; ``closed_at`` is when."""
Index(
    "ix_pendings_expiry",
    pendings.c.expires_at,
    sqlite_where=pendings.c.state == "pending",
    postgresql_where=pendings.c.state == "pending",
)

reservation_holds = Table(
    "reservation_holds",
    metadata,
    Column("reservation", String, primary_key=True),
    Column("seq", Long, ForeignKey("pendings.seq"), nullable=False, unique=True),
    Column("contract", String, nullable=False),
    Index("ix_reservation_holds_contract", "contract"),
)
"""Which pending line each reservation is."""

spending = Table(
    "spending",
    metadata,
    Column("account", String, ForeignKey("accounts.account"), primary_key=True),
    Column("day", String, primary_key=True),
    Column("nano", Long, nullable=False),
    CheckConstraint("nano >= 0", name="ck_spending_not_negative"),
)
"""What was reserved and paid out of members' accounts on a day (UTC, ISO 8601), less what was given back."""

settlements = Table(
    "settlements",
    metadata,
    Column("settlement", String, primary_key=True),
    Column("reservation", String, ForeignKey("reservation_holds.reservation"), unique=True),
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

signature_nonces = Table(
    "signature_nonces",
    metadata,
    Column("keyid", String, primary_key=True),
    Column("nonce", String, primary_key=True),
    Column("until", Long, nullable=False),
    Index("ix_signature_nonces_until", "until"),
)
"""What was signed once, until it is too old to be shown again."""

shipments = Table(
    "shipments",
    metadata,
    Column("shipment", String, primary_key=True),
    Column("contract", String, nullable=False),
    Column("declaration", String, ForeignKey("declarations.declaration"), nullable=False),
    Column("lane", String, nullable=False),
    Column("quantity", String, nullable=False),
    Column("delivered", String, nullable=False),
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
    Column("quantity", String),
    Column("at", Long, nullable=False),
    Column("recorded_at", Long, nullable=False),
)
"""``quantity`` is what a delivery handed over, of the shipment's ``delivered``; decimal text."""

transfers: Any = (
    select(
        entries.c.seq,
        entries.c.id.label("transfer"),
        *(entries.c[name] for name in ("settlement", "contract", "source", "target", "currency", "nano")),
        *(entries.c[name] for name in ("kind", "memo", "at", "hash")),
    )
    .where(entries.c.phase.in_(("single", "post")))
    .subquery("transfers")
)
"""The lines of the journal that moved money."""

reservations = (
    select(
        reservation_holds.c.reservation,
        reservation_holds.c.contract,
        entries.c.id.label("entry"),
        entries.c.source.label("account"),
        entries.c.currency,
        entries.c.nano,
        case(
            (pendings.c.state == "pending", "reserved"),
            (exists().where(settlements.c.reservation == reservation_holds.c.reservation), "settled"),
            else_="released",
        ).label("state"),
        entries.c.at,
        entries.c.expires_at,
        pendings.c.closed_at,
    )
    .join_from(reservation_holds, pendings)
    .join(entries, entries.c.seq == pendings.c.seq)
    .subquery("reservations")
)
"""Reservations as their pending lines tell: reserved → settled, or reserved → released, also by time."""
