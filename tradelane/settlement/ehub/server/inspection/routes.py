"""Inspection's routes. Who asks is the operator by its token, or a member by its signature."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends

from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.inspection import (
    certificate_routes,
    dispute_routes,
    document_routes,
    order_routes,
)
from tradelane.settlement.ehub.server.signatures import Callers, Keys
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.transact import Transact


def router(
    transact: Transact, read: Transact, now: Callable[[], int], token: str, keys: Keys, watch: Supervision
) -> APIRouter:
    """All of it; ``now`` is market time in ms, ``token`` the operator's, ``keys`` the members', ``watch`` who
    looks after the hub."""
    callers = Callers(token, keys, transact, read, now)
    routes = APIRouter(tags=["inspection"], dependencies=[Depends(callers)])
    commands = Commands(transact, now)
    routes.include_router(certificate_routes.router(commands, read, keys))
    routes.include_router(dispute_routes.router(commands, read, watch))
    routes.include_router(order_routes.router(commands, read))
    routes.include_router(document_routes.router(commands, read))
    return routes
