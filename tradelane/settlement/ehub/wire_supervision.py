"""Messages about the hub's supervision: its audit log, as a Merkle tree after RFC 6962, and approvals.

Hashes are 64 hexadecimal digits; a path is a list of them, from the leaf up.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from tradelane.settlement.approval import State
from tradelane.settlement.ehub.fields import Name, Sha256
from tradelane.settlement.ehub.wire import Question

KeyText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""A raw Ed25519 public key in base64url without padding."""
Path = list[Sha256]
MOST_FIELDS = 20
ADDED = ("subject", "by")
"""Fields that an approval adds to an act's own."""


def _own(name: str) -> str:
    if name in ADDED:
        raise ValueError("is not a field of the act's own")
    return name


FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_own)]


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


class Propose(Question):
    """What is to be done by two: its kind, what it is about, and the kind's own fields."""

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
    subject: Annotated[Name, Field(max_length=200)]
    fields: dict[FieldName, JsonValue] = Field(default_factory=dict, max_length=MOST_FIELDS)


class Approve(Question):
    """The body of an approval: empty."""


class Reject(Question):
    reason: Annotated[Name, Field(max_length=200)]


class ApprovalState(BaseModel):
    """``decided_by`` is null while it is open, where nobody decided in time, and where one acts alone."""

    approval: int
    kind: str
    subject: str
    fields: dict[str, JsonValue]
    state: State
    proposed_by: str
    proposed_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    reason: str | None
