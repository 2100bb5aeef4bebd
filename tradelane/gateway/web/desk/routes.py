"""The desk: a market as anyone may look at it, and behind a door of its own what its operator does there.

Nothing that is open to all names a member.
"""

from __future__ import annotations

from fastapi import APIRouter

from tradelane.gateway.approvals import Approvals
from tradelane.gateway.disputes import Disputes
from tradelane.gateway.market_data import TABLES
from tradelane.gateway.operations import Operations
from tradelane.gateway.reader import Reader
from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.desk.approvals import approvals_router
from tradelane.gateway.web.desk.data_pages import data_pages_router
from tradelane.gateway.web.desk.disputes import disputes_router
from tradelane.gateway.web.desk.lane import lane_router
from tradelane.gateway.web.desk.map import map_router
from tradelane.gateway.web.desk.operate import operate_router
from tradelane.gateway.web.desk.product import product_router
from tradelane.gateway.web.desk.proof import proof_router
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.picture import CARD_HEIGHT, CARD_WIDTH, is_full
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Role
from tradelane.gateway.web.sign_in import Door, sign_in_router

DOOR = Door(Role.OPERATOR, "/desk/sign-in", "/desk/operate", known=bool)
"""An operator comes in by a name, whichever it is: the code was made by who has the zone's secret."""


def desk_router(
    operations: Operations, reader: Reader, disputes: Disputes, approvals: Approvals, secret: str
) -> APIRouter:
    """``/desk`` and all below it. ``secret``: who shows it may make codes for the operator's door."""
    file, catalogue, clock = operations.file, operations.catalogue, operations.clock
    templates = Templates(
        Assets(), is_full=is_full, card_width=CARD_WIDTH, card_height=CARD_HEIGHT, tables=tuple(TABLES)
    )
    router = APIRouter()
    router.include_router(map_router(file, catalogue, clock, templates))
    router.include_router(data_pages_router(file, catalogue, templates))
    router.include_router(product_router(file, catalogue, clock, reader, templates))
    router.include_router(proof_router(file, catalogue, reader, templates))
    router.include_router(lane_router(file, catalogue, clock, templates))
    guard = Guard(file, DOOR.role, clock, DOOR.entrance)
    router.include_router(sign_in_router(DOOR, guard, file, clock, templates, secret))
    router.include_router(disputes_router(disputes, guard, templates))
    router.include_router(approvals_router(approvals, guard, templates))
    router.include_router(operate_router(operations, guard, templates))
    return router
