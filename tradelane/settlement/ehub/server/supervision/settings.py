"""Who supervises a hub, and what it signs with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Supervision:
    """``key`` signs the roots of the audit log; without it nobody can ask for them."""

    key: Ed25519PrivateKey | None = None
