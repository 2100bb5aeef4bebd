"""Supervision's routes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tradelane.settlement.ehub.server import members
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.supervision import registering
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_members import (
    ChangeLevel,
    LiftSuspension,
    MemberState,
    RegisterMember,
    RotateKey,
    Suspend,
)

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
AfterName = Annotated[str | None, Query(max_length=200)]
Of = Annotated[str, Path(max_length=64)]
OPERATOR = "operator"
"""Who has the hub's one token."""


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """Members; ``now`` is market time in ms."""
    routes = APIRouter(prefix="/supervision")  # a zone in the same process has members of its own
    _add_commands(routes, Commands(transact, now))
    _add_reads(routes, read, now)
    return routes


def _add_commands(routes: APIRouter, commands: Commands) -> None:
    @routes.post("/members", status_code=201, response_model=MemberState)
    async def register(request: Request, key: Key, question: RegisterMember) -> Response:
        return await commands.run(request, key, question, partial(registering.register, actor=OPERATOR))

    @routes.post("/members/{member}/level", response_model=MemberState)
    async def change_level(request: Request, key: Key, member: Of, question: ChangeLevel) -> Response:
        effect = partial(registering.change_level, member=member, actor=OPERATOR)
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/suspension", response_model=MemberState)
    async def suspend(request: Request, key: Key, member: Of, question: Suspend) -> Response:
        effect = partial(registering.suspend, member=member, actor=OPERATOR)
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/suspension/lift", response_model=MemberState)
    async def lift(request: Request, key: Key, member: Of, question: LiftSuspension) -> Response:
        effect = partial(registering.lift, member=member, actor=OPERATOR)
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/keys", response_model=MemberState)
    async def rotate(request: Request, key: Key, member: Of, question: RotateKey) -> Response:
        effect = partial(registering.rotate, member=member, actor=OPERATOR)
        return await commands.run(request, key, question, effect)


def _add_reads(routes: APIRouter, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/members")
    async def all_members(after: AfterName = None, limit: Limit = 100) -> Page[MemberState]:
        return await read(lambda conn: members.listed(conn, after, limit, now()))

    @routes.get("/members/{member}")
    async def one_member(member: Of) -> MemberState:
        return await read(lambda conn: members.state(members.known(conn, member), now()))
