"""The transfers as an append-only, SHA-256 hash-chained list, and its proof.

The chain alone cannot show that its newest transfers were cut off: compare the head with one kept
elsewhere. The proof also recomputes every account's balance from the transfers.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from tradelane.settlement.ehub.server.tables import accounts, transfers
from tradelane.settlement.ledger import Transfer

GENESIS = bytes(32)
PAGE = 1_000
_HASHED = (
    "seq",
    "transfer",
    "settlement",
    "contract",
    "source",
    "target",
    "currency",
    "nano",
    "kind",
    "memo",
    "at",
)


class Head(NamedTuple):
    """The newest transfer's number and hash; ``(0, GENESIS)`` when there is none."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first transfer (or, with ``seq`` 0, account) that does not fit, and why."""

    seq: int
    reason: str


def canonical(body: dict[str, Any]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(prev: bytes, row: dict[str, Any]) -> bytes:
    """SHA-256 over the hash before and the transfer's own fields."""
    return hashlib.sha256(prev + canonical({name: row[name] for name in _HASHED})).digest()


def head(conn: Connection) -> Head:
    row = conn.execute(_HEAD).one_or_none()
    return Head(row.seq, row.hash) if row else Head(0, GENESIS)


def append(
    conn: Connection,
    moved: Sequence[Transfer],
    at: int,
    *,
    settlement: str | None = None,
    contract: str | None = None,
) -> None:
    """Add transfers already posted to their accounts, in the caller's transaction; ``at`` in ms."""
    if not moved:
        return
    last, prev = head(conn)
    rows = []
    for seq, transfer in enumerate(moved, last + 1):
        row = {
            "seq": seq,
            "transfer": transfer.id,
            "settlement": settlement,
            "contract": contract,
            "source": transfer.source,
            "target": transfer.target,
            "currency": transfer.amount.currency,
            "nano": transfer.amount.nano,
            "kind": transfer.kind,
            "memo": transfer.memo,
            "at": at,
        }
        prev = row["hash"] = chained(prev, row)
        rows.append(row)
    conn.execute(insert(transfers), rows)


def verify_chain(conn: Connection) -> Broken | None:
    """Recompute every hash and every balance; the first thing that does not fit, or None."""
    prev = GENESIS
    balances: defaultdict[str, int] = defaultdict(int)
    query = select(transfers).order_by(transfers.c.seq).execution_options(yield_per=PAGE)
    for seq, row in enumerate(conn.execute(query), 1):
        reason = _fault(row, seq, prev)
        if reason is not None:
            return Broken(seq, reason)
        balances[row.source] -= row.nano
        balances[row.target] += row.nano
        prev = row.hash
    return _unbalanced(conn, balances)


def _fault(row: Row[Any], seq: int, prev: bytes) -> str | None:
    if row.seq != seq:
        return f"transfer {seq} is missing (found {row.seq})"
    if chained(prev, dict(row._mapping)) != row.hash:
        return "its fields do not match its hash"
    return None


def _unbalanced(conn: Connection, balances: dict[str, int]) -> Broken | None:
    for account, posted in conn.execute(select(accounts.c.account, accounts.c.posted_nano)):
        if posted != balances.get(account, 0):
            return Broken(0, f"the balance of {account} is not the sum of its transfers")
    return None


_HEAD = select(transfers.c.seq, transfers.c.hash).order_by(transfers.c.seq.desc()).limit(1)
