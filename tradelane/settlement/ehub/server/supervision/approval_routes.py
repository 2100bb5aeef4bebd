"""Approvals' routes: named operators sign what they propose and decide."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.signatures import Asker, Caller
from tradelane.settlement.ehub.server.supervision import approvals
from tradelane.settlement.ehub.server.supervision.asking import OperatorKey, name_of
from tradelane.settlement.ehub.server.supervision.kinds import KINDS
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_supervision import ApprovalState, Approve, Propose, Reject
from tradelane.settlement.problem import Problem

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
After = Annotated[int, Query(ge=0, le=2**63 - 1)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


def router(commands: Commands, read: Transact, now: Callable[[], int], watch: Supervision) -> APIRouter:
    """``now`` is market time in ms."""
    routes = APIRouter(prefix="/approvals")

    def operator(asker: Caller) -> str:
        if asker.is_operator and not watch.alone:
            reason = "operators are named at this hub: one of them signs this"
            raise Problem.field(403, "named-operators-only", "Signature-Input", reason)
        return name_of(asker)

    @routes.post("", status_code=201, response_model=ApprovalState)
    async def propose(request: Request, key: OperatorKey, asker: Asker, question: Propose) -> Response:
        effect = partial(approvals.propose, by=operator(asker), alone=watch.alone, kinds=KINDS)
        return await commands.run(request, key, question, effect)

    @routes.post("/{approval}/approve", response_model=ApprovalState)
    async def approve(
        request: Request, key: OperatorKey, asker: Asker, approval: Number, question: Approve | None = None
    ) -> Response:
        effect = partial(approvals.approve, approval=approval, by=operator(asker), kinds=KINDS)
        return await commands.run(request, key, question or Approve(), effect)

    @routes.post("/{approval}/reject", response_model=ApprovalState)
    async def reject(
        request: Request, key: OperatorKey, asker: Asker, approval: Number, question: Reject
    ) -> Response:
        effect = partial(approvals.reject, approval=approval, by=operator(asker))
        return await commands.run(request, key, question, effect)

    @routes.get("")
    async def all_approvals(after: After = 0, limit: Limit = 100) -> Page[ApprovalState]:
        return await read(lambda conn: approvals.listed(conn, after, limit, now()))

    return routes
