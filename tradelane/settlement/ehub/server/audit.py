"""What supervision did, when, and on whose word: written in the transaction of the act itself, never changed.

An entry's leaf is the canonical JSON of its fields but ``leaf_hash``; its hash is RFC 6962's of a leaf. Leaf
hashes are public, so the detail holds a salt: nobody finds out by trying who was suspended.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tradelane.settlement import merkle
from tradelane.settlement.ehub.server.supervision.tables import audit_entries

FIELDS = ("seq", "at", "actor", "action", "subject", "detail")
"""What a leaf is made of."""
SALT = "salt"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def record(
    conn: Connection,
    at: int,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    salt: Callable[[], str] = secrets.token_urlsafe,
) -> int:
    """Append an entry at ``at`` (ms) and return its number. ``detail`` is JSON without floats."""
    assert SALT not in detail
    seq = (conn.execute(_LAST).scalar() or 0) + 1
    told = _encode({**detail, SALT: salt()})
    row = dict(zip(FIELDS, (seq, at, actor, action, subject, told), strict=True))
    conn.execute(insert(audit_entries), {**row, "leaf_hash": leaf_hash(row)})
    return seq


def leaf(row: Mapping[str, Any]) -> str:
    """The text that is hashed."""
    return _encode({name: row[name] for name in FIELDS})


def leaf_hash(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of the leaf of an entry's fields."""
    return merkle.leaf_hash(leaf(row).encode())


_LAST = select(func.max(audit_entries.c.seq))
