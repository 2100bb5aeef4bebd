"""The desk: a market as its operator, and anyone else, may look at it. Nothing here names a member."""

from __future__ import annotations

from fastapi import APIRouter

from tradelane.gateway.catalogue import Catalogue
from tradelane.gateway.clock import Clock
from tradelane.gateway.file import RoleFile
from tradelane.gateway.market_data import TABLES
from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.desk.data_pages import data_pages_router
from tradelane.gateway.web.desk.map import map_router
from tradelane.gateway.web.picture import CARD_HEIGHT, CARD_WIDTH, is_full
from tradelane.gateway.web.rendering import Templates


def desk_router(file: RoleFile, catalogue: Catalogue, clock: Clock) -> APIRouter:
    """``/desk`` and all below it."""
    templates = Templates(
        Assets(), is_full=is_full, card_width=CARD_WIDTH, card_height=CARD_HEIGHT, tables=tuple(TABLES)
    )
    router = APIRouter()
    router.include_router(map_router(file, catalogue, clock, templates))
    router.include_router(data_pages_router(file, catalogue, templates))
    return router
