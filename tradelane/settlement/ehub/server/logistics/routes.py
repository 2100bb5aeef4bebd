"""The routes of logistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.market.units import instant
from tradelane.settlement.ehub.fields import Instant
from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.logistics import epcis_routes, lanes, nomination_routes, shipments
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_logistics import (
    BookShipment,
    LaneOffer,
    OfferLane,
    ProofCode,
    RecordEvent,
    ShipmentAnswer,
    WaiveProof,
)
from tradelane.settlement.logistics import ShipmentState
from tradelane.settlement.problem import Problem

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
After = Annotated[str | None, Query(max_length=200)]


def router(transact: Transact, read: Transact, now: Callable[[], int], secret: bytes) -> APIRouter:
    """Everything of logistics; ``now`` is market time in ms, the buyers' codes are made from ``secret``."""
    routes = APIRouter()
    commands = Commands(transact, now)
    _add_lanes(routes, commands, read, now)
    _add_shipments(routes, commands, read, secret)
    routes.include_router(epcis_routes.router(commands, read, now, secret))
    routes.include_router(nomination_routes.router(commands, read))
    return routes


def _add_lanes(routes: APIRouter, commands: Commands, read: Transact, now: Callable[[], int]) -> None:
    @routes.post("/freight-lanes", status_code=201, response_model=LaneOffer)
    async def offer(request: Request, key: Key, question: OfferLane) -> Response:
        return await commands.run(request, key, question, lanes.offer)

    @routes.get("/freight-lanes")
    async def offered(
        source: str | None = None,
        target: str | None = None,
        at: Instant | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Page[LaneOffer]:
        """What is offered at an instant, now by default."""
        asked = now() if at is None else instant(at)
        return await read(lambda conn: lanes.listed(conn, after, limit, asked, source, target))


def _add_shipments(routes: APIRouter, commands: Commands, read: Transact, secret: bytes) -> None:
    @routes.post("/shipments", status_code=201, response_model=ShipmentAnswer)
    async def book(request: Request, key: Key, question: BookShipment) -> Response:
        return await commands.run(request, key, question, partial(shipments.book, secret=secret))

    @routes.post("/shipments/{shipment:path}/events", response_model=ShipmentAnswer)
    async def record(request: Request, key: Key, shipment: str, question: RecordEvent) -> Response:
        effect = partial(shipments.record, shipment=shipment, secret=secret)
        return await commands.run(request, key, question, effect)

    @routes.post("/shipments/{shipment:path}/proof-waiver", response_model=ShipmentAnswer)
    async def waive(request: Request, key: Key, shipment: str, question: WaiveProof) -> Response:
        effect = partial(shipments.waive_proof, shipment=shipment)
        return await commands.run(request, key, question, effect)

    @routes.get("/shipments")
    async def listed(
        state: ShipmentState | None = None,
        contract: str | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Page[ShipmentAnswer]:
        return await read(lambda conn: data.list_shipments(conn, after, limit, state, contract))

    @routes.get("/shipments/{shipment:path}/proof-code")
    async def code(shipment: str) -> ProofCode:
        """For the buyer alone: whoever asks for it hands it on to nobody else."""
        return await read(lambda conn: shipments.show_code(conn, shipment, secret))

    @routes.get("/shipments/{shipment:path}")
    async def shipment(shipment: str) -> ShipmentAnswer:
        found = await read(lambda conn: shipments.find(conn, shipment))
        if found is None:
            raise Problem.field(404, "unknown-shipment", "shipment", "no such shipment")
        return found
