"""Messages about the hub's supervision: its audit log, as a Merkle tree after RFC 6962.

Hashes are 64 hexadecimal digits; a path is a list of them, from the leaf up.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tradelane.settlement.ehub.fields import Sha256

KeyText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""A raw Ed25519 public key in base64url without padding."""
Path = list[Sha256]


class AuditRoot(BaseModel):
    """The log at ``at``: the hash over its ``size`` entries. ``signature`` is Ed25519's, base64url, over the
    canonical JSON (sorted keys, no spaces) of :meth:`document`."""

    size: Annotated[int, Field(ge=0)]
    root: Sha256
    at: str
    public_key: KeyText
    signature: str

    def document(self) -> dict[str, Any]:
        return {"kind": "audit-root", "size": self.size, "root": self.root, "at": self.at}


class AuditEntry(BaseModel):
    """``leaf`` is the text that was hashed, JSON of the entry's fields: for the operator, null for others.
    ``path`` proves the entry in the tree of the ``size`` asked for; null without one."""

    seq: int
    leaf_hash: Sha256
    leaf: str | None
    path: Path | None


class InclusionProof(BaseModel):
    """That the leaf stands at ``index``, counted from 0, of the first ``size``."""

    index: int
    size: int
    leaf_hash: Sha256
    path: Path


class ConsistencyProof(BaseModel):
    """That the first ``first`` entries are the beginning of the first ``second``."""

    first: int
    second: int
    path: Path
