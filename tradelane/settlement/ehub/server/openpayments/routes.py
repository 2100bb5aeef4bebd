"""The facade's routes, ``/api/v1/open-payments``: for gateways and phones behind a home router, which ask and
wait but cannot be called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from sqlalchemy import Connection

from tradelane.settlement.ehub import wire, wire_payments
from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Answer, Command, Commands
from tradelane.settlement.ehub.server.openpayments import (
    incoming,
    outgoing,
    quotes,
    rates,
    wallets,
    webhooks,
)
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.server.openpayments.places import PATH, Places
from tradelane.settlement.ehub.server.signatures import (
    Asker,
    Callers,
    Keys,
    OwnKey,
    members_only,
    nobody,
    operator_only,
)
from tradelane.settlement.ehub.server.transact import Transact

Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
After = Annotated[int, Query(ge=0, le=2**63 - 1)]
Wait = Annotated[int, Query(ge=0, le=wire_payments.LONGEST_WAIT_S)]
Q = TypeVar("Q", bound=BaseModel)
Here = Annotated[Places, Depends(Places.of)]


@dataclass(frozen=True, slots=True)
class Settings:
    """``keys`` are the members'; ``fee`` what a payment costs; ``private_webhooks`` allows http and addresses
    that are not of the open Internet."""

    keys: Keys = nobody
    fee: quotes.FeePpm = quotes.free
    private_webhooks: bool = False


def router(
    transact: Transact, read: Transact, now: Callable[[], int], token: str, bell: Bell, settings: Settings
) -> APIRouter:
    """All of it; ``now`` is market time in ms, ``token`` the operator's."""
    callers = Callers(token, settings.keys, transact, read, now)
    signed = APIRouter(dependencies=[Depends(callers)])
    commands = _Ringing(Commands(transact, now), bell)
    _add_payments(signed, commands, settings.fee)
    _add_rates(signed, commands, read, now)
    _add_reads(signed, read, bell)
    _add_webhooks(signed, commands, transact, read, settings.private_webhooks)
    _add_events(signed, bell)
    routes = APIRouter(prefix=PATH, tags=["open payments"])
    routes.include_router(signed)
    _add_wallet(routes, read)
    return routes


class _Ringing:
    """Commands that wake whoever waits for what they did."""

    def __init__(self, commands: Commands, bell: Bell) -> None:
        self._commands, self._bell = commands, bell

    async def run(
        self, request: Request, key: str, question: Q, effect: Callable[[Connection, Command, Q], Answer]
    ) -> Response:
        answer = await self._commands.run(request, key, question, effect)
        await self._bell.ring()
        return answer


def _add_payments(routes: APIRouter, commands: _Ringing, fee: quotes.FeePpm) -> None:
    @routes.post("/quotes", status_code=201, response_model=wire_payments.Quote)
    async def quote(
        request: Request, key: OwnKey, asker: Asker, here: Here, question: wire_payments.AskQuote
    ) -> Response:
        effect = partial(quotes.ask, asker=asker, places=here, fee=fee)
        return await commands.run(request, key, question, effect)

    @routes.post("/incoming-payments", status_code=201, response_model=wire_payments.Incoming)
    async def expect(
        request: Request, key: OwnKey, asker: Asker, here: Here, question: wire_payments.AskIncoming
    ) -> Response:
        effect = partial(incoming.ask, asker=asker, places=here)
        return await commands.run(request, key, question, effect)

    @routes.post("/incoming-payments/{id}/complete", response_model=wire_payments.Incoming)
    async def complete(
        request: Request,
        key: OwnKey,
        asker: Asker,
        here: Here,
        id: str,
        question: wire_payments.Complete | None = None,
    ) -> Response:
        effect = partial(incoming.complete, id=id, asker=asker, places=here)
        return await commands.run(request, key, question or wire_payments.Complete(), effect)

    @routes.post("/outgoing-payments", status_code=201, response_model=wire_payments.Outgoing)
    async def pay(
        request: Request, key: OwnKey, asker: Asker, here: Here, question: wire_payments.AskOutgoing
    ) -> Response:
        effect = partial(outgoing.pay, asker=asker, places=here)
        return await commands.run(request, key, question, effect)


def _add_rates(routes: APIRouter, commands: _Ringing, read: Transact, now: Callable[[], int]) -> None:
    @routes.post("/rates", status_code=201, response_model=wire_payments.RateState)
    async def post_rate(
        request: Request, key: OwnKey, asker: Asker, question: wire_payments.PostRate
    ) -> Response:
        operator_only(asker)
        return await commands.run(request, key, question, rates.post)

    @routes.get("/rates")
    async def all_rates() -> wire_payments.Rates:
        return await read(lambda conn: rates.listed(conn, now()))


def _add_reads(routes: APIRouter, read: Transact, bell: Bell) -> None:
    @routes.get("/wallets")
    async def own_wallets(asker: Asker, here: Here) -> wire_payments.Wallets:
        return await read(lambda conn: wallets.owned(conn, members_only(asker), here))

    @routes.get("/quotes/{id}")
    async def one_quote(id: str, asker: Asker, here: Here) -> wire_payments.Quote:
        return await read(lambda conn: quotes.shown(quotes.mine(conn, id, asker), here))

    @routes.get("/incoming-payments")
    async def all_incoming(
        asker: Asker, here: Here, after: After = 0, limit: Limit = 100
    ) -> wire_payments.Incomings:
        return await read(lambda conn: incoming.listed(conn, asker, after, limit, here))

    @routes.get("/incoming-payments/{id}")
    async def one_incoming(id: str, asker: Asker, here: Here, wait: Wait = 0) -> wire_payments.Incoming:
        """Once it is completed, or after ``wait`` seconds."""

        async def look() -> wire_payments.Incoming:
            return await read(lambda conn: incoming.shown(incoming.mine(conn, id, asker), here))

        return await bell.until(look, lambda seen: seen.completed, asker.member, wait)

    @routes.get("/outgoing-payments")
    async def all_outgoing(
        asker: Asker, here: Here, after: After = 0, limit: Limit = 100
    ) -> wire_payments.Outgoings:
        return await read(lambda conn: outgoing.listed(conn, asker, after, limit, here))

    @routes.get("/outgoing-payments/{id}")
    async def one_outgoing(id: str, asker: Asker, here: Here) -> wire_payments.Outgoing:
        return await read(lambda conn: outgoing.mine(conn, id, asker, here))

    @routes.get("/receipts")
    async def receipts(asker: Asker, after: After = 0, limit: Limit = 100) -> wire.Page[wire.Receipt]:
        return await read(lambda conn: wallets.receipts(conn, members_only(asker), after, limit))


def _add_wallet(routes: APIRouter, read: Transact) -> None:
    @routes.get("/wallets/{wallet:path}")
    async def wallet(wallet: str, here: Here) -> wire_payments.WalletAddress:
        """For anyone: needs no signature."""
        return await read(lambda conn: wallets.public(conn, wallet, here))


def _add_webhooks(
    routes: APIRouter, commands: _Ringing, transact: Transact, read: Transact, private: bool
) -> None:
    @routes.post("/webhooks", status_code=201, response_model=wire_payments.NewWebhook)
    async def register(
        request: Request, key: OwnKey, asker: Asker, here: Here, question: wire_payments.AskWebhook
    ) -> Response:
        effect = partial(webhooks.register, asker=asker, places=here, private=private)
        return await commands.run(request, key, question, effect)

    @routes.get("/webhooks")
    async def all_webhooks(asker: Asker, here: Here) -> wire_payments.Webhooks:
        return await read(lambda conn: webhooks.listed(conn, asker, here))

    @routes.delete("/webhooks/{id}", status_code=204)
    async def remove(id: str, asker: Asker) -> None:
        await transact(lambda conn: webhooks.remove(conn, id, asker))


def _add_events(routes: APIRouter, bell: Bell) -> None:
    @routes.get("/events", response_class=EventSourceResponse)
    async def stream(
        asker: Asker, last_event_id: Annotated[str | None, Header()] = None
    ) -> AsyncIterator[ServerSentEvent]:
        """What happens to the asker, to everyone for the operator; from ``Last-Event-ID`` on, or from now."""
        async for event in bell.stream(asker.member, _number(last_event_id)):
            yield event


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
