"""Asking for an e-hub's audit log: for anybody; with the operator's token, for what it says too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tradelane.settlement.ehub.asking import Asking, Backoff
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_supervision import AuditEntry, AuditRoot, ConsistencyProof

if TYPE_CHECKING:
    import httpx2

MOST_ENTRIES = 1_000
"""In one answer."""


class AuditClient(Asking):
    """Asks one e-hub, over HTTP or in-process through an ASGI ``transport``."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        backoff: Backoff | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        import httpx2

        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        http = httpx2.AsyncClient(base_url=base_url, transport=transport, timeout=timeout_s, headers=headers)
        super().__init__(http, backoff or Backoff(), asyncio.sleep)

    async def root(self) -> AuditRoot:
        return await self._ask("/audit/root", AuditRoot)

    async def entries(self, *, after: int, size: int) -> Page[AuditEntry]:
        """Of the first ``size``, each with its path in the tree of that size."""
        query = {"after": after, "size": size, "limit": MOST_ENTRIES}
        return await self._ask("/audit/entries", Page[AuditEntry], query)

    async def consistency(self, first: int, second: int) -> ConsistencyProof:
        return await self._ask(
            "/audit/proofs/consistency", ConsistencyProof, {"first": first, "second": second}
        )
