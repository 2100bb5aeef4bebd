"""The routes of nominations."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.bank.routes import XML_BODY, Xml
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.logistics import acknowledgements, nominations
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_nominations import (
    Acknowledge,
    Nominate,
    NominationLine,
    NominationState,
)
from tradelane.settlement.nomination import MOST_REVISIONS, document

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
Text = Annotated[str | None, Query(max_length=200)]
Revision = Annotated[int | None, Query(ge=1, le=MOST_REVISIONS)]


def router(commands: Commands, read: Transact) -> APIRouter:
    """What zones tell operators, and what operators answer."""
    routes = APIRouter(prefix="/nominations")

    @routes.post("", status_code=201, response_model=NominationState)
    async def nominate(request: Request, key: Key, question: Nominate) -> Response:
        return await commands.run(request, key, question, nominations.nominate)

    @routes.post("/{nomination}/acknowledgement", response_model=NominationState)
    async def acknowledge(request: Request, key: Key, nomination: str, question: Acknowledge) -> Response:
        effect = partial(nominations.acknowledge, nomination=nomination)
        return await commands.run(request, key, question, effect)

    @routes.post(
        "/{nomination}/acknowledgement/document", response_model=NominationState, openapi_extra=XML_BODY
    )
    async def read_answer(request: Request, key: Key, nomination: str) -> Response:
        """The same as IEC 62325-451-1 XML."""
        body = await request.body()
        question = await asyncio.to_thread(acknowledgements.read, body, nomination)
        effect = partial(nominations.acknowledge, nomination=nomination)
        return await commands.run(request, key, question, effect)

    @routes.get("")
    async def listed(
        domain: Text = None, receiver: Text = None, after: Text = None, limit: Limit = 100
    ) -> Page[NominationLine]:
        return await read(lambda conn: nominations.listed(conn, after, limit, domain, receiver))

    @routes.get("/{nomination}")
    async def shown(nomination: str, revision: Revision = None) -> NominationState:
        return await read(lambda conn: nominations.show(conn, nomination, revision))

    @routes.get("/{nomination}/document", response_class=Xml)
    async def written(nomination: str, revision: Revision = None) -> Response:
        found = await read(lambda conn: nominations.required(conn, nomination, revision))
        return Xml(document(found))

    return routes
