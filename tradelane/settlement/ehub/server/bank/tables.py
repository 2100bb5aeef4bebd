"""The bank side's tables. Money is nano-units, instants Unix ms."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from tradelane.settlement.ehub.server.tables import Long, metadata

batches = Table(
    "payout_batches",
    metadata,
    Column("batch", Long, primary_key=True, autoincrement=False),
    Column("currency", String, nullable=False),
    Column("debtor", String, nullable=False),
    Column("iban", String, nullable=False),
    Column("bic", String),
    Column("at", Long, nullable=False),
)
"""One pain.001 file each; ``debtor`` and ``iban`` are the operator's."""

payouts = Table(
    "payouts",
    metadata,
    Column("payout", Long, primary_key=True, autoincrement=False),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("currency", String, nullable=False),
    Column("nano", Long, nullable=False),
    Column("creditor", String, nullable=False),
    Column("iban", String, nullable=False),
    Column("end_to_end", String, nullable=False),
    Column("batch", Long, ForeignKey("payout_batches.batch")),
    Column("at", Long, nullable=False),
    Index("ix_payouts_batch", "batch", "currency"),
)
"""``batch`` is null until a file carries the payout, and never changes after."""

credits = Table(
    "bank_credits",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("bank_account", String, nullable=False),
    Column("entry", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("nano", Long, nullable=False),
    Column("account", String, ForeignKey("accounts.account"), nullable=False),
    Column("matched", Boolean, nullable=False),
    Column("reference", Text, nullable=False),
    Column("at", Long, nullable=False),
    UniqueConstraint("bank_account", "entry", name="uq_bank_credits_entry"),
)
"""What the bank has told of, once by its own ``entry``."""
