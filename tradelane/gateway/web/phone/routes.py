"""The owner's pages: each is shown to its member's sessions only, and acts by its own form only."""

from __future__ import annotations

from fastapi import APIRouter

from tradelane.gateway.web.assets import Assets
from tradelane.gateway.web.guard import Guard
from tradelane.gateway.web.phone.buying import buying_router
from tradelane.gateway.web.phone.goods import goods_router
from tradelane.gateway.web.phone.home import home_router
from tradelane.gateway.web.phone.household import Household
from tradelane.gateway.web.phone.installed import installed_router
from tradelane.gateway.web.phone.money import money_router
from tradelane.gateway.web.phone.orders import orders_router
from tradelane.gateway.web.phone.selling import selling_router
from tradelane.gateway.web.rendering import Templates
from tradelane.gateway.web.sessions import Role
from tradelane.gateway.web.sign_in import Door, sign_in_router

ENTRANCE, INSIDE = "/pair", "/me"


def phone_router(household: Household, secret: str) -> APIRouter:
    """Every page of an owner. ``secret``: who shows it may make pairing codes."""
    assets = Assets()
    templates = Templates(assets)
    guard = Guard(household.file, Role.OWNER, household.clock, ENTRANCE)
    door = Door(Role.OWNER, ENTRANCE, INSIDE, household.knows)
    router = APIRouter()
    router.include_router(sign_in_router(door, guard, household.file, household.clock, templates, secret))
    router.include_router(home_router(household, guard, templates))
    router.include_router(selling_router(household, guard, templates))
    router.include_router(buying_router(household, guard, templates))
    router.include_router(goods_router(household, guard, templates))
    router.include_router(orders_router(household, guard, templates))
    router.include_router(installed_router(assets))
    router.include_router(money_router(household, guard, templates))
    return router
