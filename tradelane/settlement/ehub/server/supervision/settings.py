"""Who supervises a hub, and what it signs with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tradelane.settlement.problem import Problem
from tradelane.settlement.screening import Screening

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Supervision:
    """``key`` signs the roots of the audit log; without it nobody can ask for them. ``operators`` are the
    raw public keys of those who are named; without them whoever has the hub's token acts alone. Members
    whose names are on the list of ``screening`` are held."""

    key: Ed25519PrivateKey | None = None
    operators: Mapping[str, bytes] = field(default_factory=dict)
    screening: Screening | None = None

    def key_of(self, _conn: Connection, name: str, /) -> bytes | None:
        """The named operator's."""
        return self.operators.get(name)

    @property
    def alone(self) -> bool:
        """Whether one may do what else needs two."""
        return not self.operators

    def needs_two(self, field: str) -> None:
        """Problem 403 where operators are named: two of them approve what ``field`` asks for."""
        if not self.alone:
            reason = "two operators do this: one proposes it under /api/v1/approvals, another approves"
            raise Problem.field(403, "two-operators-needed", field, reason)
