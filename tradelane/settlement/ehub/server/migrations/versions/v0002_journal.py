"""One journal of all phases in place of transfers and reservations, so that it proves what is held too.

The chain is made anew over the journal's lines, so its head changes once, here.
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Row = dict[str, Any]
OLD = ("transfers", "receipts", "settlements", "reservations")
HASHED = (
    "seq", "id", "phase", "pending", "source", "target", "currency", "nano", "held_nano", "kind", "memo",
    "expires_at", "settlement", "contract", "at",
)  # fmt: skip


def upgrade() -> None:
    conn = op.get_bind()
    kept = {name: _rows(conn, f"SELECT * FROM {name}") for name in OLD}
    currency = {row["account"]: row["currency"] for row in _rows(conn, "SELECT * FROM accounts")}
    for name in OLD:
        op.drop_table(name)
    made = _create()
    lines, pendings, holds = _journal(kept, currency)
    for table, rows in zip(
        made, (lines, pendings, holds, kept["settlements"], kept["receipts"]), strict=True
    ):
        if rows:
            conn.execute(sa.insert(table), rows)


def _rows(conn: sa.Connection, query: str) -> list[Row]:
    return [dict(row._mapping) for row in conn.execute(sa.text(query))]


def _journal(kept: dict[str, list[Row]], currency: Row) -> tuple[list[Row], list[Row], list[Row]]:
    """The lines in the order of time, and what has become of each reservation's."""
    reserved = {row["reservation"]: row for row in kept["reservations"]}
    drawn = {row["settlement"]: reserved.get(row["reservation"]) for row in kept["settlements"]}
    events: list[tuple[Any, ...]] = [
        (row["at"], 0, row["reservation"], "pending", row, row) for row in reserved.values()
    ]
    posted = set()
    for row in sorted(kept["transfers"], key=lambda row: row["seq"]):
        held = drawn.get(row["settlement"])
        held = held if held is not None and held["account"] == row["source"] else None
        if held is not None:
            posted.add(held["reservation"])
        events.append((row["at"], 1, row["seq"], "single" if held is None else "post", row, held))
    for own, row in reserved.items():
        if row["state"] != "reserved" and own not in posted:
            events.append((row["closed_at"], 2, own, "void", row, row))
    lines: list[Row] = []
    places: dict[Any, int] = {}
    ended: set[str | None] = set()
    prev = bytes(32)
    for seq, (at, _, _, phase, row, held) in enumerate(sorted(events, key=_order), 1):
        name = None if held is None else held["reservation"]
        line = {
            "seq": seq,
            "id": row.get("transfer") or f"{'reservation' if phase == 'pending' else 'release'}/{name}",
            "phase": phase,
            "pending": places.get(name),
            "source": row["source"] if "source" in row else row["account"],
            "target": row.get("target"),
            "currency": row["currency"] if "currency" in row else currency[row["account"]],
            "nano": row["nano"],
            "held_nano": 0,
            "kind": row.get("kind") or ("reservation" if phase == "pending" else "release"),
            "memo": row["memo"] if "memo" in row else row["contract"] if phase == "pending" else "",
            "expires_at": row["expires_at"] if phase == "pending" else None,
            "settlement": row.get("settlement"),
            "contract": row["contract"],
            "at": at,
        }
        if phase == "pending":
            places[name], line["held_nano"] = seq, row["nano"]
        elif held is not None and name not in ended:
            ended.add(name)
            line["held_nano"] = -held["nano"]
        body = json.dumps([line[column] for column in HASHED], separators=(",", ":"), ensure_ascii=False)
        prev = line["hash"] = hashlib.sha256(prev + body.encode()).digest()
        lines.append(line)
    pendings = [
        {
            "seq": seq,
            "state": "pending" if name not in ended else "posted" if name in posted else "voided",
            "expires_at": reserved[name]["expires_at"],
            "closed_at": reserved[name]["closed_at"],
        }
        for name, seq in places.items()
    ]
    holds = [
        {"reservation": name, "seq": seq, "contract": reserved[name]["contract"]}
        for name, seq in places.items()
    ]
    return lines, pendings, holds


def _order(event: tuple[Any, ...]) -> tuple[Any, ...]:
    at, rank, place = event[:3]
    return at, rank, place if rank == 1 else 0, str(place)


def _create() -> list[sa.Table]:
    entries = op.create_table(
        "entries",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("pending", LONG, nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("nano", LONG, nullable=False),
        sa.Column("held_nano", LONG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=True),
        sa.Column("settlement", sa.String(), nullable=True),
        sa.Column("contract", sa.String(), nullable=True),
        sa.Column("at", LONG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("nano > 0", name="ck_entries_positive"),
        sa.CheckConstraint("source <> target", name="ck_entries_two_accounts"),
        sa.CheckConstraint(
            "phase = 'single' OR phase = 'pending' OR phase = 'post' OR phase = 'void' OR phase = 'expire'",
            name="ck_entries_phase",
        ),
        sa.CheckConstraint("phase NOT IN ('single', 'post') OR target IS NOT NULL", name="ck_entries_target"),
        sa.ForeignKeyConstraint(["pending"], ["entries.seq"]),
        sa.ForeignKeyConstraint(["source"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["target"], ["accounts.account"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    pendings = op.create_table(
        "pendings",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("expires_at", LONG, nullable=True),
        sa.Column("closed_at", LONG, nullable=True),
        sa.CheckConstraint(
            "state = 'pending' OR state = 'posted' OR state = 'voided' OR state = 'expired'",
            name="ck_pendings_state",
        ),
        sa.ForeignKeyConstraint(["seq"], ["entries.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    open_ones = sa.text("state = 'pending'")
    op.create_index(
        "ix_pendings_expiry", "pendings", ["expires_at"], sqlite_where=open_ones, postgresql_where=open_ones
    )
    holds = op.create_table(
        "reservation_holds",
        sa.Column("reservation", sa.String(), nullable=False),
        sa.Column("seq", LONG, nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["pendings.seq"]),
        sa.PrimaryKeyConstraint("reservation"),
        sa.UniqueConstraint("seq"),
    )
    settlements = op.create_table(
        "settlements",
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("reservation", sa.String(), nullable=True),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.ForeignKeyConstraint(["reservation"], ["reservation_holds.reservation"]),
        sa.PrimaryKeyConstraint("settlement"),
        sa.UniqueConstraint("reservation"),
    )
    op.create_index("ix_settlements_contract", "settlements", ["contract"])
    receipts = op.create_table(
        "receipts",
        sa.Column("seq", LONG, autoincrement=False, nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"]),
        sa.ForeignKeyConstraint(["settlement"], ["settlements.settlement"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("receipt"),
    )
    op.create_index("ix_receipts_account", "receipts", ["account", "seq"])
    op.create_index("ix_receipts_contract", "receipts", ["contract", "seq"])
    return [entries, pendings, holds, settlements, receipts]
