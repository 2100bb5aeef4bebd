"""The only wiring: which roles a configuration asks for, and how they reach each other.

Roles in one process speak to each other through their clients, over a transport that hands requests
straight to this application: there is no second way of doing things for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response

from tradelane.gateway.clock import Clock
from tradelane.gateway.config import Config
from tradelane.gateway.roles import Role, Roles
from tradelane.gateway.store import StoreError
from tradelane.gateway.web.security import add_security_headers
from tradelane.market.units import iso
from tradelane.settlement import problem

if TYPE_CHECKING:
    import httpx2

VERSION = version("tradelane")
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request."""


Build = Callable[[Config, Clock, FastAPI], Mapping[str, Role]]


def build_roles(config: Config, clock: Clock, app: FastAPI) -> dict[str, Role]:
    """Those asked for, in the order in which they need each other."""
    roles: dict[str, Role] = {}
    if config.hub is not None:
        from tradelane.gateway.hub import HubRole

        roles["hub"] = HubRole(config, clock)
    if config.zone is not None:
        from tradelane.gateway.zone import ZoneRole

        inside = config.hub is not None and config.zone.hub_url is None
        roles["zone"] = ZoneRole(config, clock, hub_transport=_transport(app) if inside else None)
    if config.edge is not None:
        from tradelane.gateway.edge import EdgeRole

        inside = config.edge.zone_url is None
        roles["edge"] = EdgeRole(config, clock, zone_transport=_transport(app) if inside else None)
    return roles


def create_app(config: Config, build: Build = build_roles) -> FastAPI:
    """The application of every role that ``config`` has a section for. Raises KeyFileError.

    ``app.state.roles`` are its Roles; they start and stop with the application's lifespan.
    """
    app = bare_app()
    clock = config.make_clock()
    app.state.roles = roles = Roles(build(config, clock, app))
    for router in roles.routers:
        app.include_router(router)
    add_health(app, roles, clock)
    return app


def bare_app() -> FastAPI:
    """No role yet; what holds for every answer: headers, errors as problems, no oversized body."""
    app = FastAPI(
        title="Tradelane",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        max_body_size=LARGEST_BODY,
        responses=problem.RESPONSES,
        lifespan=_lifespan,
    )
    add_security_headers(app)
    problem.install(app, unavailable=(StoreError,))
    return app


def add_health(app: FastAPI, roles: Roles, clock: Clock) -> None:
    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, object]:
        """200 while every role of this process works, 503 otherwise."""
        response.status_code = 200 if roles.healthy else 503
        status = "ok" if roles.healthy else "failing"
        return {"status": status, "roles": roles.names, "version": VERSION, "now": iso(clock.now())}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    roles: Roles = app.state.roles
    await roles.start()
    try:
        yield
    finally:
        await roles.stop()


def _transport(app: FastAPI) -> httpx2.ASGITransport:
    import httpx2

    return httpx2.ASGITransport(app=app)
