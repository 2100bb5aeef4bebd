"""The bank side's routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tradelane.market.units import instant
from tradelane.settlement.ehub.fields import Instant
from tradelane.settlement.ehub.server.bank import camt054, credits, payouts, statements
from tradelane.settlement.ehub.server.bank.xml import MEDIA_TYPE
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_bank import (
    BatchState,
    CreditState,
    MakeBatch,
    NotificationAnswer,
    OrderPayout,
    PayoutState,
)

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
After = Annotated[int, Query(ge=0, le=2**63 - 1)]
_FILE = {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
XML_BODY = {"requestBody": {"required": True, **_FILE}}


class Xml(Response):
    media_type = MEDIA_TYPE


def router(transact: Transact, read: Transact, now: Callable[[], int]) -> APIRouter:
    """Payouts, statements and notifications; ``now`` is market time in ms."""
    routes = APIRouter()
    _add_commands(routes, Commands(transact, now))
    _add_reads(routes, read, now)
    return routes


def _add_commands(routes: APIRouter, commands: Commands) -> None:
    @routes.post("/payouts", status_code=201, response_model=PayoutState)
    async def order_payout(request: Request, key: Key, question: OrderPayout) -> Response:
        return await commands.run(request, key, question, payouts.order)

    @routes.post("/payouts/batches", status_code=201, response_model=BatchState)
    async def make_batch(request: Request, key: Key, question: MakeBatch) -> Response:
        return await commands.run(request, key, question, payouts.make_batch)

    @routes.post(
        "/bank/notifications", status_code=201, response_model=NotificationAnswer, openapi_extra=XML_BODY
    )
    async def notify(request: Request, key: Key) -> Response:
        question = await asyncio.to_thread(camt054.read, await request.body())
        return await commands.run(request, key, question, credits.take)


def _add_reads(routes: APIRouter, read: Transact, now: Callable[[], int]) -> None:
    @routes.get("/payouts")
    async def all_payouts(after: After = 0, limit: Limit = 100) -> Page[PayoutState]:
        return await read(lambda conn: payouts.listed(conn, after, limit))

    @routes.get("/payouts/batches/{batch}/file", response_class=Xml)
    async def batch_file(batch: Annotated[int, Path(ge=0, le=2**63 - 1)]) -> Response:
        return Xml(await read(lambda conn: payouts.file(conn, batch)))

    @routes.get("/bank/credits")
    async def bank_credits(
        matched: bool | None = None, after: After = 0, limit: Limit = 100
    ) -> Page[CreditState]:
        return await read(lambda conn: credits.listed(conn, after, limit, matched))

    @routes.get("/accounts/{account:path}/statement", response_class=Xml)
    async def statement(
        account: str,
        start: Annotated[Instant, Query(alias="from")],
        end: Annotated[Instant, Query(alias="to")],
    ) -> Response:
        period = (instant(start), instant(end))
        return Xml(await read(lambda conn: statements.statement(conn, account, *period, now())))
