"""The audit log's routes, open to everyone: anybody may check that it is only ever added to. What its entries
say is for the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tradelane.settlement.bearer import Bearer
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.supervision import audit_log
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_supervision import (
    AuditEntry,
    AuditRoot,
    ConsistencyProof,
    InclusionProof,
)
from tradelane.settlement.problem import unauthorised

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Count = Annotated[int, Query(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
Size = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def router(read: Transact, now: Callable[[], int], token: str, key: Ed25519PrivateKey) -> APIRouter:
    """``now`` is market time in ms, ``token`` the operator's, ``key`` the hub's."""
    routes = APIRouter()
    operator = Bearer(token)

    @routes.get("/audit/root")
    async def root() -> AuditRoot:
        """The log's size and hash, signed by the hub."""
        return await read(lambda conn: audit_log.root(conn, key, now()))

    @routes.get("/audit/entries")
    async def entries(
        given: Given, after: Count = 0, limit: Limit = 100, size: Size = None
    ) -> Page[AuditEntry]:
        """With the operator's token, what they say too."""
        if given is not None and not operator.is_shown(given):
            raise unauthorised()
        whole = given is not None
        return await read(lambda conn: audit_log.entries(conn, after, limit, size, whole=whole))

    @routes.get("/audit/proofs/inclusion")
    async def inclusion(index: Count, size: Count) -> InclusionProof:
        """That an entry, counted from 0, is among the first ``size``."""
        return await read(lambda conn: audit_log.inclusion(conn, index, size))

    @routes.get("/audit/proofs/consistency")
    async def consistency(first: Count, second: Count) -> ConsistencyProof:
        """That the first ``first`` entries are the beginning of the first ``second``."""
        return await read(lambda conn: audit_log.consistency(conn, first, second))

    return routes
