"""Supervision's routes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tradelane.settlement.ehub.server import members
from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.signatures import Asker, Callers
from tradelane.settlement.ehub.server.supervision import approval_routes, registering
from tradelane.settlement.ehub.server.supervision.asking import OperatorKey, name_of
from tradelane.settlement.ehub.server.supervision.settings import Supervision
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

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
AfterName = Annotated[str | None, Query(max_length=200)]
Of = Annotated[str, Path(max_length=64)]


def router(
    transact: Transact, read: Transact, now: Callable[[], int], token: str, watch: Supervision
) -> APIRouter:
    """Members and approvals, for operators: who has the ``token``, or is named and signs. ``now`` is market
    time in ms."""
    callers = Callers(token, watch.key_of, transact, read, now)
    commands = Commands(transact, now)
    routes = APIRouter(dependencies=[Depends(callers)])
    members_ = APIRouter(prefix="/supervision")  # a zone in the same process has members of its own
    _add_commands(members_, commands, watch)
    _add_reads(members_, read, now)
    routes.include_router(members_)
    routes.include_router(approval_routes.router(commands, read, now, watch))
    return routes


def _add_commands(routes: APIRouter, commands: Commands, watch: Supervision) -> None:
    @routes.post("/members", status_code=201, response_model=MemberState)
    async def register(
        request: Request, key: OperatorKey, asker: Asker, question: RegisterMember
    ) -> Response:
        return await commands.run(
            request,
            key,
            question,
            partial(registering.register, actor=name_of(asker), listed=watch.screening),
        )

    @routes.post("/members/{member}/level", response_model=MemberState)
    async def change_level(
        request: Request, key: OperatorKey, asker: Asker, member: Of, question: ChangeLevel
    ) -> Response:
        effect = partial(registering.change_level, member=member, actor=name_of(asker), watch=watch)
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/suspension", response_model=MemberState)
    async def suspend(
        request: Request, key: OperatorKey, asker: Asker, member: Of, question: Suspend
    ) -> Response:
        effect = partial(registering.suspend, member=member, actor=name_of(asker))
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/suspension/lift", response_model=MemberState)
    async def lift(
        request: Request, key: OperatorKey, asker: Asker, member: Of, question: LiftSuspension
    ) -> Response:
        effect = partial(registering.lift, member=member, actor=name_of(asker))
        return await commands.run(request, key, question, effect)

    @routes.post("/members/{member}/keys", response_model=MemberState)
    async def rotate(
        request: Request, key: OperatorKey, asker: Asker, member: Of, question: RotateKey
    ) -> Response:
        effect = partial(registering.rotate, member=member, actor=name_of(asker))
        return await commands.run(request, key, question, effect)


def _add_reads(routes: APIRouter, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/members")
    async def all_members(after: AfterName = None, limit: Limit = 100) -> Page[MemberState]:
        return await read(lambda conn: members.listed(conn, after, limit, now()))

    @routes.get("/members/{member}")
    async def one_member(member: Of) -> MemberState:
        return await read(lambda conn: members.state(members.known(conn, member), now()))
