"""The tables of supervision. Instants are Unix ms."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from tradelane.settlement.ehub.server.tables import Long, metadata

members = Table(
    "members",
    metadata,
    Column("member", String, primary_key=True),
    Column("public_key", LargeBinary, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("level", String, nullable=False),
    Column("asked", String, nullable=False),
    Column("employees", Integer, nullable=False),
    Column("owner_born", Integer),
    Column("suspended", String),
    Column("registered_at", Long, nullable=False),
)
"""``suspended`` is the reason, null while there is none."""

member_keys = Table(
    "member_keys",
    metadata,
    Column("public_key", LargeBinary, primary_key=True),
    Column("member", String, ForeignKey("members.member"), nullable=False),
    Column("since", Long, nullable=False),
    Column("until", Long),
    CheckConstraint("length(public_key) = 32", name="ck_member_keys_length"),
    Index("ix_member_keys_member", "member", "since"),
)
"""Every key a member ever had: one that was given up never counts again, for anybody."""

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("seq", Long, primary_key=True, autoincrement=False),
    Column("at", Long, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Index("ix_audit_entries_subject", "subject", "seq"),
)
"""Only ever appended to; numbered from 1 without a gap. ``detail`` is canonical JSON."""

screening_hits = Table(
    "screening_hits",
    metadata,
    Column("member", String, ForeignKey("members.member"), primary_key=True),
    Column("entry", String, primary_key=True),
    Column("found_at", Long, nullable=False),
    Column("cleared_at", Long),
)
"""On which entries of lists a member was found; ``cleared_at`` is when an operator let it go."""

approvals = Table(
    "approvals",
    metadata,
    Column("approval", Long, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("fields", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("proposed_at", Long, nullable=False),
    Column("expires_at", Long, nullable=False),
    Column("decided_by", String),
    Column("decided_at", Long),
    Column("reason", String),
    CheckConstraint(
        "state = 'PROPOSED' OR state = 'CARRIED_OUT' OR state = 'REJECTED' OR state = 'EXPIRED'",
        name="ck_approvals_state",
    ),
    CheckConstraint("(decided_at IS NULL) = (state = 'PROPOSED')", name="ck_approvals_decided"),
    CheckConstraint("state <> 'CARRIED_OUT' OR decided_by <> proposed_by", name="ck_approvals_four_eyes"),
    Index("ix_approvals_open", "state", "expires_at"),
)
"""``decided_by`` is null where one alone may decide, and where nobody did in time. ``fields`` is JSON."""
