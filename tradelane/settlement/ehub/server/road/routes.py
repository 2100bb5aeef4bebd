"""The road's routes: the operator's and the zones' with the others of the API, and two for everyone: who this
hub is, and the box other hubs put their signed envelopes in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError
from sqlalchemy import Connection

from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.data import MOST_ITEMS
from tradelane.settlement.ehub.server.road import (
    channel,
    comparing,
    copies,
    payments,
    peers,
    quotes,
    signing,
    windows,
)
from tradelane.settlement.ehub.server.road.kinds import HANDLERS
from tradelane.settlement.ehub.server.road.rounds import MESSAGES
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_road import (
    AddPeer,
    AskQuote,
    Copy,
    EndPayment,
    HubDocument,
    PaymentState,
    PeerState,
    QuoteAnswer,
    Recheck,
    SendPayment,
    WindowAnswer,
)
from tradelane.settlement.ehub.wire_road_messages import Envelope, Receipt
from tradelane.settlement.problem import Problem
from tradelane.settlement.road_window import WindowState

Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS)]
After = Annotated[str | None, Query(max_length=400)]
Before = Annotated[int, Query(ge=0, le=2**62)]
_SIGNED_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}


def router(transact: Transact, read: Transact, now: Callable[[], int], road: Road) -> APIRouter:
    """What the operator and zones ask; ``now`` is market time in ms."""
    routes = APIRouter(prefix="/road")
    _add_commands(routes, Commands(transact, now), road)
    _add_reads(routes, read, road)
    return routes


def open_router(transact: Transact, read: Transact, now: Callable[[], int], road: Road) -> APIRouter:
    """What needs no token: the document, and the messages, which are signed."""
    routes = APIRouter(tags=["e-road"])

    @routes.get(peers.WELL_KNOWN)
    async def document() -> HubDocument:
        return peers.document(road)

    @routes.post(MESSAGES, response_model=Receipt, openapi_extra=_SIGNED_BODY)
    async def messages(request: Request) -> Receipt:
        envelope = await _proven(request, read, road)
        at = now()
        return await transact(lambda conn: channel.receive(conn, road, HANDLERS, envelope, at))

    return routes


async def _proven(request: Request, read: Transact, road: Road) -> Envelope:
    """The envelope, from the known peer that signed it and for this hub; Problem 401, 403 or 422."""
    raw = await request.body()
    try:
        envelope = Envelope.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise Problem.field(422, "validation", field, first["msg"]) from None
    peer = await read(lambda conn: peers.find(conn, envelope.sender))
    if peer is None or peer.state not in ("known", "broken"):
        raise Problem.field(403, "peer-not-known", "sender", "this hub does not know that one")
    reason = signing.fault(peer.key, request.headers, road.url + MESSAGES, raw)
    if reason is not None:
        raise Problem.field(401, "signature-invalid", "Signature", reason)
    if envelope.to != road.name:
        raise Problem.field(422, "wrong-hub", "to", f"this is {road.name}")
    return envelope


def _add_commands(routes: APIRouter, commands: Commands, road: Road) -> None:
    @routes.post("/peers", status_code=201, response_model=PeerState)
    async def add_peer(request: Request, key: Key, question: AddPeer) -> Response:
        return await commands.run(request, key, question, partial(peers.add, road=road))

    @routes.post("/quotes", status_code=202, response_model=QuoteAnswer)
    async def ask_quote(request: Request, key: Key, question: AskQuote) -> Response:
        return await commands.run(request, key, question, quotes.ask)

    @routes.post("/transfers", status_code=202, response_model=PaymentState)
    async def send_payment(request: Request, key: Key, question: SendPayment) -> Response:
        return await commands.run(request, key, question, partial(payments.send, road=road))

    @routes.post("/transfers/{transfer:path}/fulfil", response_model=PaymentState)
    async def fulfil(request: Request, key: Key, transfer: str, question: EndPayment) -> Response:
        effect = partial(payments.fulfil, road=road, transfer=transfer)
        return await commands.run(request, key, question, effect)

    @routes.post("/transfers/{transfer:path}/reject", response_model=PaymentState)
    async def reject(request: Request, key: Key, transfer: str, question: EndPayment) -> Response:
        return await commands.run(request, key, question, partial(payments.reject, transfer=transfer))

    @routes.post("/windows/recheck", response_model=WindowAnswer)
    async def recheck(request: Request, key: Key, question: Recheck) -> Response:
        return await commands.run(request, key, question, partial(comparing.recheck, road=road))


def _add_reads(routes: APIRouter, read: Transact, road: Road) -> None:
    @routes.get("/peers")
    async def all_peers() -> list[PeerState]:
        return await read(peers.listed)

    @routes.get("/quotes/{quote:path}")
    async def quote(quote: str) -> QuoteAnswer:
        return await read(lambda conn: _quote(conn, quote))

    @routes.get("/transfers")
    async def all_payments(after: After = None, limit: Limit = 100) -> Page[PaymentState]:
        return await read(lambda conn: payments.listed(conn, after, limit))

    @routes.get("/transfers/{transfer:path}")
    async def payment(transfer: str) -> PaymentState:
        return await read(lambda conn: _payment(conn, transfer))

    @routes.get("/declarations")
    async def declarations(after: After = None, limit: Limit = 100) -> Page[Copy]:
        return await read(lambda conn: copies.listed(conn, copies.DECLARATION, after, limit))

    @routes.get("/shipments")
    async def shipments(after: After = None, limit: Limit = 100) -> Page[Copy]:
        return await read(lambda conn: copies.listed(conn, copies.SHIPMENT, after, limit))

    @routes.get("/windows")
    async def all_windows(
        peer: After = None, state: WindowState | None = None, before: Before = 0, limit: Limit = 100
    ) -> list[WindowAnswer]:
        return await read(lambda conn: windows.listed(conn, road, peer, state, before, limit))


def _quote(conn: Connection, quote: str) -> QuoteAnswer:
    row = quotes.by_id(conn, quote)
    if row is None:
        raise Problem.field(404, "unknown-quote", "quote", "no such quote")
    return quotes.answer(row)


def _payment(conn: Connection, transfer: str) -> PaymentState:
    row = payments.find(conn, transfer)
    if row is None:
        raise Problem.field(404, "unknown-transfer", "transfer", "no such payment")
    return payments.state(row)
