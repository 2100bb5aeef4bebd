"""The routes of disputes: a buyer opens its own, the operator decides."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tradelane.settlement.contract import State
from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.inspection import disputes
from tradelane.settlement.ehub.server.signatures import Asker, OwnKey, operator_only
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_inspection import DisputeState, OpenDispute, ResolveDispute

Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
After = Annotated[str | None, Query(max_length=200)]


def router(commands: Commands, read: Transact, watch: Supervision) -> APIRouter:
    """Mounted where Callers lets members and the operator through."""
    routes = APIRouter()

    @routes.post("/contracts/{contract:path}/dispute", status_code=201, response_model=DisputeState)
    async def open_dispute(
        request: Request, key: OwnKey, asker: Asker, contract: str, question: OpenDispute
    ) -> Response:
        effect = partial(disputes.open, contract=contract, asker=asker)
        return await commands.run(request, key, question, effect)

    @routes.post("/contracts/{contract:path}/resolve", response_model=DisputeState)
    async def resolve(
        request: Request, key: OwnKey, asker: Asker, contract: str, question: ResolveDispute
    ) -> Response:
        operator_only(asker)
        watch.needs_two("outcome")
        effect = partial(disputes.decide, contract=contract, actor=disputes.OPERATOR)
        return await commands.run(request, key, question, effect)

    @routes.get("/contracts/{contract:path}/dispute")
    async def one_dispute(asker: Asker, contract: str) -> DisputeState:
        return await read(lambda conn: disputes.shown(conn, contract, asker))

    @routes.get("/disputes")
    async def all_disputes(
        asker: Asker, state: State | None = None, after: After = None, limit: Limit = 100
    ) -> Page[DisputeState]:
        return await read(lambda conn: disputes.listed(conn, asker, state, after, limit))

    return routes
