"""Who is signed in: sessions, and the pairing codes by which they begin.

Always true: a token or a code is only known to who holds it, the database keeps its hash; a code opens one
session; what has expired opens nothing. Instants are of the machine's clock, Unix ms.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select

from tradelane.gateway.tables import pairing_codes, sessions
from tradelane.market.units import MINUTE

SESSION_MS = 90 * 24 * 60 * MINUTE
CODE_MS = 15 * MINUTE
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No two of them look alike; letters of a code are read in either case."""
CODE_LENGTH = 8


class Role(StrEnum):
    OWNER = "owner"
    """Sells and buys as a member of this gateway."""
    OPERATOR = "operator"
    """Looks after a market."""


@dataclass(frozen=True, slots=True)
class Session:
    """``subject``: the member's id, or the operator's name. ``form_token`` is what its forms must bring."""

    role: Role
    subject: str
    form_token: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a code was made for; no subject: to become a member."""

    role: Role
    subject: str | None


def open_session(conn: Connection, role: Role, subject: str, wall: int) -> str:
    """The new session's token, which only its browser keeps."""
    token = secrets.token_urlsafe(32)
    conn.execute(delete(sessions).where(sessions.c.expires_at <= wall))
    row = {
        "token_hash": _hash(token),
        "role": role.value,
        "subject": subject,
        "opened_at": wall,
        "expires_at": wall + SESSION_MS,
    }
    conn.execute(insert(sessions), row)
    return token


def find_session(conn: Connection, role: Role, token: str, wall: int) -> Session | None:
    s = sessions.c
    query = select(s.subject).where(s.token_hash == _hash(token), s.role == role.value, s.expires_at > wall)
    subject = conn.execute(query).scalar()
    return None if subject is None else Session(role, subject, form_token(token))


def anyone(conn: Connection, role: Role, wall: int) -> bool:
    """Whether somebody is signed in with ``role``."""
    s = sessions.c
    query = select(s.subject).where(s.role == role.value, s.expires_at > wall).limit(1)
    return conn.execute(query).first() is not None


def close_session(conn: Connection, token: str) -> None:
    conn.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))


def close_all(conn: Connection, role: Role, subject: str) -> None:
    """A lost phone: every session of one subject ends."""
    s = sessions.c
    conn.execute(delete(sessions).where(s.role == role.value, s.subject == subject))


def form_token(token: str) -> str:
    """Bound to the session, so that no other page can make it."""
    return hashlib.sha256(b"form:" + token.encode()).hexdigest()


def make_code(conn: Connection, pairing: Pairing, wall: int, lasts_ms: int = CODE_MS) -> str:
    """A code of eight letters and digits, ``K7QD-3MZX``; good once, for ``lasts_ms``."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    conn.execute(delete(pairing_codes).where(pairing_codes.c.expires_at <= wall))
    row = {
        "code_hash": _hash(code),
        "role": pairing.role.value,
        "subject": pairing.subject,
        "expires_at": wall + lasts_ms,
    }
    conn.execute(insert(pairing_codes), row)
    return f"{code[:4]}-{code[4:]}"


def find_code(conn: Connection, role: Role, code: str, wall: int) -> Pairing | None:
    """What a code is for; None for one that is wrong, was used or has expired."""
    p = pairing_codes.c
    query = select(p.subject).where(
        p.code_hash == _hash(plain_code(code)), p.role == role.value, p.expires_at > wall
    )
    row = conn.execute(query).first()
    return None if row is None else Pairing(role, row.subject)


def use_code(conn: Connection, code: str) -> bool:
    """Whether the code was still there; it is not any more."""
    where = pairing_codes.c.code_hash == _hash(plain_code(code))
    return bool(conn.execute(delete(pairing_codes).where(where)).rowcount)


def plain_code(text: str) -> str:
    """As people write it, in small letters and with dashes, → as it was made."""
    return "".join(letter for letter in text.upper() if letter in ALPHABET)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
