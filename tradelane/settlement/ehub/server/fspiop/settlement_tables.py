"""Settlement windows and settlements of the switch. Money in nano-units, time in Unix ms."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, UniqueConstraint

from tradelane.settlement.ehub.server.tables import Long, metadata

windows = Table(
    "fspiop_windows",
    metadata,
    Column("window_id", Long, primary_key=True),
    Column("reason", String, nullable=False),
    Column("state", String, nullable=False),
    Column("opened_at", Long, nullable=False),
    Column("closed_at", Long, nullable=False),
    Column("changed_at", Long, nullable=False),
    CheckConstraint(
        "state IN ('CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED')", name="ck_fspiop_windows_state"
    ),
)
"""Those that are closed; the open one is the next, and has what is committed and in none of these."""

window_nets = Table(
    "fspiop_window_nets",
    metadata,
    Column("window_id", Long, ForeignKey("fspiop_windows.window_id"), primary_key=True),
    Column("participant", String, ForeignKey("fspiop_participants.participant"), primary_key=True),
    Column("currency", String, primary_key=True),
    Column("nano", Long, nullable=False),
)
"""What each owed at the end of a window, below zero what it was owed. A window's currency sums to zero."""

settlements = Table(
    "fspiop_settlements",
    metadata,
    Column("settlement", Long, primary_key=True),
    Column("reason", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Long, nullable=False),
    Column("changed_at", Long, nullable=False),
    CheckConstraint(
        "state IN ('PENDING_SETTLEMENT', 'PS_TRANSFERS_RECORDED', 'PS_TRANSFERS_RESERVED',"
        " 'PS_TRANSFERS_COMMITTED', 'SETTLING', 'SETTLED', 'ABORTED')",
        name="ck_fspiop_settlements_state",
    ),
)

settlement_windows = Table(
    "fspiop_settlement_windows",
    metadata,
    Column("settlement", Long, ForeignKey("fspiop_settlements.settlement"), primary_key=True),
    Column("window_id", Long, ForeignKey("fspiop_windows.window_id"), primary_key=True),
)
"""A window is in one settlement that is not aborted, at most."""

account_numbers = Table(
    "fspiop_account_numbers",
    metadata,
    Column("number", Long, primary_key=True),
    Column("participant", String, ForeignKey("fspiop_participants.participant"), nullable=False),
    Column("currency", String, nullable=False),
    UniqueConstraint("participant", "currency"),
)
"""Numbers for those who have names: a participant's where ``currency`` is empty, else its account's."""

settlement_accounts = Table(
    "fspiop_settlement_accounts",
    metadata,
    Column("settlement", Long, ForeignKey("fspiop_settlements.settlement"), primary_key=True),
    Column("number", Long, ForeignKey("fspiop_account_numbers.number"), primary_key=True),
    Column("nano", Long, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("reference", String, nullable=False),
)
