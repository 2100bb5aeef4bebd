"""The routes of customs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.customs import answers, assessing, declarations
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_declarations import (
    Amend,
    Assess,
    AssessmentAnswer,
    Decide,
    DeclarationAnswer,
    Declare,
    GiveDocument,
)
from tradelane.settlement.problem import Problem

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
After = Annotated[str | None, Query(max_length=200)]


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """Assessments and declarations; ``now`` is market time in ms."""
    routes = APIRouter()
    commands = Commands(transact, now)
    _add_assessments(routes, commands, read)
    _add_office(routes, commands)
    _add_declarations(routes, commands, read)
    return routes


def _add_assessments(routes: APIRouter, commands: Commands, read: Transact) -> None:
    @routes.post("/assessments", status_code=201, response_model=AssessmentAnswer)
    async def assess(request: Request, key: Key, question: Assess) -> Response:
        return await commands.run(request, key, question, assessing.assess)

    @routes.get("/assessments/{assessment:path}")
    async def assessment(assessment: str) -> AssessmentAnswer:
        found = await read(lambda conn: assessing.find(conn, assessment))
        if found is None:
            raise Problem.field(404, "unknown-assessment", "assessment", "no such assessment")
        return found


def _add_declarations(routes: APIRouter, commands: Commands, read: Transact) -> None:
    @routes.post("/declarations", status_code=201, response_model=DeclarationAnswer)
    async def declare(request: Request, key: Key, question: Declare) -> Response:
        return await commands.run(request, key, question, declarations.declare)

    @routes.get("/declarations")
    async def listed(
        contract: str | None = None, after: After = None, limit: Limit = 100
    ) -> Page[DeclarationAnswer]:
        return await read(lambda conn: data.list_declarations(conn, after, limit, contract))

    @routes.get("/declarations/{declaration:path}")
    async def declaration(declaration: str) -> DeclarationAnswer:
        found = await read(lambda conn: answers.find(conn, declaration))
        if found is None:
            raise Problem.field(404, "unknown-declaration", "declaration", "no such declaration")
        return found


def _add_office(routes: APIRouter, commands: Commands) -> None:
    @routes.post("/declarations/{declaration:path}/amendments", response_model=DeclarationAnswer)
    async def amend(request: Request, key: Key, declaration: str, question: Amend) -> Response:
        effect = partial(declarations.amend, declaration=declaration)
        return await commands.run(request, key, question, effect)

    @routes.post("/declarations/{declaration:path}/documents", response_model=DeclarationAnswer)
    async def give(request: Request, key: Key, declaration: str, question: GiveDocument) -> Response:
        effect = partial(declarations.give_document, declaration=declaration)
        return await commands.run(request, key, question, effect)

    @routes.post("/declarations/{declaration:path}/release", response_model=DeclarationAnswer)
    async def release(
        request: Request, key: Key, declaration: str, question: Decide | None = None
    ) -> Response:
        effect = partial(declarations.release, declaration=declaration)
        return await commands.run(request, key, question or Decide(), effect)

    @routes.post("/declarations/{declaration:path}/hold", response_model=DeclarationAnswer)
    async def hold(request: Request, key: Key, declaration: str, question: Decide | None = None) -> Response:
        effect = partial(declarations.hold, declaration=declaration)
        return await commands.run(request, key, question or Decide(), effect)

    @routes.post("/declarations/{declaration:path}/invalidate", response_model=DeclarationAnswer)
    async def invalidate(
        request: Request, key: Key, declaration: str, question: Decide | None = None
    ) -> Response:
        effect = partial(declarations.invalidate, declaration=declaration)
        return await commands.run(request, key, question or Decide(), effect)
