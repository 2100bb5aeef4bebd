"""The routes of inspections: the operator's."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.inspection import orders, results
from tradelane.settlement.ehub.server.inspection.disputes import OPERATOR
from tradelane.settlement.ehub.server.signatures import OwnKey, operator_only
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_inspection import InspectionResult, InspectionState, OrderInspection
from tradelane.settlement.inspection import State

Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
Text = Annotated[str | None, Query(max_length=200)]


def router(commands: Commands, read: Transact) -> APIRouter:
    """Mounted where Callers lets members and the operator through."""
    routes = APIRouter(prefix="/inspections", dependencies=[Depends(operator_only)])

    @routes.post("", status_code=201, response_model=InspectionState)
    async def order(request: Request, key: OwnKey, question: OrderInspection) -> Response:
        return await commands.run(request, key, question, partial(results.order, actor=OPERATOR))

    @routes.post("/{inspection:path}/result", response_model=InspectionState)
    async def result(request: Request, key: OwnKey, inspection: str, question: InspectionResult) -> Response:
        effect = partial(results.result, inspection=inspection, actor=OPERATOR)
        return await commands.run(request, key, question, effect)

    @routes.get("")
    async def all_inspections(
        state: State | None = None, declaration: Text = None, after: Text = None, limit: Limit = 100
    ) -> Page[InspectionState]:
        return await read(lambda conn: orders.listed(conn, state, declaration, after, limit))

    @routes.get("/{inspection:path}")
    async def one_inspection(inspection: str) -> InspectionState:
        return await read(lambda conn: orders.state(orders.required(conn, inspection)))

    return routes
