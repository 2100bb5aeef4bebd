"""What supervision did, when, and on whose word: written in the transaction of the act itself, never changed.

An entry's leaf is the canonical JSON of its fields but ``leaf_hash``; its hash is RFC 6962's of a leaf.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tradelane.settlement.ehub.server.supervision.tables import audit_entries

LEAF = b"\x00"
"""RFC 6962 section 2.1: what stands before a leaf before it is hashed."""
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def record(
    conn: Connection, at: int, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> int:
    """Append an entry at ``at`` (ms) and return its number. ``detail`` is JSON without floats."""
    seq = (conn.execute(_LAST).scalar() or 0) + 1
    row = {
        "seq": seq,
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": _encode(detail),
    }
    conn.execute(insert(audit_entries), {**row, "leaf_hash": leaf_hash(row)})
    return seq


def leaf_hash(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of the leaf of an entry's fields."""
    leaf = {name: row[name] for name in ("seq", "at", "actor", "action", "subject", "detail")}
    return hashlib.sha256(LEAF + _encode(leaf).encode()).digest()


_LAST = select(func.max(audit_entries.c.seq))
