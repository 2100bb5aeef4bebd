"""The routes of logistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.logistics import epcis_routes, shipments
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_logistics import BookShipment, RecordEvent, ShipmentAnswer
from tradelane.settlement.logistics import ShipmentState
from tradelane.settlement.problem import Problem

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
After = Annotated[str | None, Query(max_length=200)]


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """Everything of logistics; ``now`` is market time in ms."""
    routes = APIRouter()
    commands = Commands(transact, now)
    _add_shipments(routes, commands, read)
    routes.include_router(epcis_routes.router(commands, read, now))
    return routes


def _add_shipments(routes: APIRouter, commands: Commands, read: Transact) -> None:
    @routes.post("/shipments", status_code=201, response_model=ShipmentAnswer)
    async def book(request: Request, key: Key, question: BookShipment) -> Response:
        return await commands.run(request, key, question, shipments.book)

    @routes.post("/shipments/{shipment:path}/events", response_model=ShipmentAnswer)
    async def record(request: Request, key: Key, shipment: str, question: RecordEvent) -> Response:
        return await commands.run(request, key, question, partial(shipments.record, shipment=shipment))

    @routes.get("/shipments")
    async def listed(
        state: ShipmentState | None = None,
        contract: str | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Page[ShipmentAnswer]:
        return await read(lambda conn: data.list_shipments(conn, after, limit, state, contract))

    @routes.get("/shipments/{shipment:path}")
    async def shipment(shipment: str) -> ShipmentAnswer:
        found = await read(lambda conn: shipments.find(conn, shipment))
        if found is None:
            raise Problem.field(404, "unknown-shipment", "shipment", "no such shipment")
        return found
