"""One request that has come in whole: its headers, its body, the ids in its path, and when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from tradelane.settlement.ehub.server.fspiop import headers, outbox

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Inbound(Generic[B]):
    """``path`` begins with the service and has the query; ``at`` is market time in ms."""

    envelope: headers.Envelope
    method: str
    path: str
    ids: Mapping[str, str]
    body: B
    raw: bytes
    at: int

    @property
    def topic(self) -> str:
        """What its callbacks are ordered by: the object's id, made by whoever asked first."""
        body_id = next(
            (value for name, value in (vars(self.body) if self.body else {}).items() if name in _IDS), None
        )
        return str(body_id or "/".join(self.ids.values()))

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body by meaning: spacing and the order of elements do not count."""
        return hashlib.sha256(json.dumps(json.loads(self.raw), sort_keys=True).encode()).digest()

    def letter(self, to: str) -> outbox.Letter:
        """The same message on its way to ``to``."""
        head = outbox.passed_on(self.envelope.headers, to)
        if self.method in ("PUT", "PATCH"):
            head.pop("accept", None)
        return outbox.Letter(to, self.topic, self.method, self.path, head, self.raw or None)


_IDS = frozenset(
    {
        "transferId",
        "quoteId",
        "requestId",
        "bulkTransferId",
        "bulkQuoteId",
        "conversionRequestId",
        "commitRequestId",
    }
)
