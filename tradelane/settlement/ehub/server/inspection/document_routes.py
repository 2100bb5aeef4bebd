"""The routes of papers on file: the operator's."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.inspection import documents
from tradelane.settlement.ehub.server.inspection.disputes import OPERATOR
from tradelane.settlement.ehub.server.signatures import OwnKey, operator_only
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_inspection import DocumentState, FileDocument

Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
Text = Annotated[str | None, Query(max_length=200)]


def router(commands: Commands, read: Transact) -> APIRouter:
    """Mounted where Callers lets members and the operator through."""
    routes = APIRouter(prefix="/documents", dependencies=[Depends(operator_only)])

    @routes.post("", status_code=201, response_model=DocumentState)
    async def file(request: Request, key: OwnKey, question: FileDocument) -> Response:
        return await commands.run(request, key, question, partial(documents.file, actor=OPERATOR))

    @routes.get("")
    async def all_documents(
        subject: Text = None, kind: Text = None, after: Text = None, limit: Limit = 100
    ) -> Page[DocumentState]:
        return await read(lambda conn: documents.listed(conn, subject, kind, after, limit))

    @routes.get("/{document:path}")
    async def one_document(document: str) -> DocumentState:
        return await read(lambda conn: documents.state(documents.required(conn, document)))

    return routes
