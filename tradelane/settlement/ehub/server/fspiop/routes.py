"""FSPIOP's face: an ASGI application for a root of its own. It answers 202 (200 to a callback) only once the
message, its effect and the messages that follow from it are durable.

What is wrong with a request's form is answered at once; what is wrong with what it asks comes as a callback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from tradelane.settlement.ehub.server.fspiop import (
    bulk_messages,
    bulk_transfers,
    fx_messages,
    fx_transfers,
    headers,
    linked,
    messages,
    outbox,
    registry,
    signature,
    transfers,
)
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.inbound import Inbound
from tradelane.settlement.ehub.server.transact import Transact

LARGEST_BODY = 5 * 1024 * 1024
Effect = Callable[[Connection, Inbound[Any]], bool | None]
"""True: there is more of it, in works to come; it is asked again with the same."""
_PARTY = ("/{Type}/{ID}", "/{Type}/{ID}/{SubId}")
Route = tuple[str, str, type[BaseModel] | None, Effect]


def _routes() -> list[Route]:
    found: list[Route] = [("POST", "/participants", messages.Registrations, registry.register_all)]
    for tail in _PARTY:
        found += [
            ("POST", f"/participants{tail}", messages.Registration, registry.register),
            ("GET", f"/participants{tail}", None, registry.look_up),
            ("DELETE", f"/participants{tail}", None, registry.forget),
            ("GET", f"/parties{tail}", None, registry.find_party),
            ("PUT", f"/parties{tail}", messages.PartyFound, registry.forward),
            ("PUT", f"/parties{tail}/error", messages.Failure, registry.forward),
        ]
    return [
        *found,
        ("POST", "/quotes", messages.Quote, registry.forward),
        ("GET", "/quotes/{ID}", None, registry.forward),
        ("PUT", "/quotes/{ID}", messages.Quoted, registry.forward),
        ("PUT", "/quotes/{ID}/error", messages.Failure, registry.forward),
        ("POST", "/transfers", messages.Prepare, linked.prepare),
        ("GET", "/transfers/{ID}", None, transfers.show),
        ("PUT", "/transfers/{ID}", messages.Fulfil, bulk_transfers.alone(linked.fulfil)),
        ("PUT", "/transfers/{ID}/error", messages.Failure, bulk_transfers.alone(linked.reject)),
        ("POST", "/bulkQuotes", bulk_messages.BulkQuote, registry.forward),
        ("GET", "/bulkQuotes/{ID}", None, registry.forward),
        ("PUT", "/bulkQuotes/{ID}", bulk_messages.BulkQuoted, registry.forward),
        ("PUT", "/bulkQuotes/{ID}/error", messages.Failure, registry.forward),
        ("POST", "/bulkTransfers", bulk_messages.BulkTransfer, bulk_transfers.prepare),
        ("GET", "/bulkTransfers/{ID}", None, bulk_transfers.show),
        ("PUT", "/bulkTransfers/{ID}", bulk_messages.BulkTransferred, bulk_transfers.fulfil),
        ("PUT", "/bulkTransfers/{ID}/error", messages.Failure, bulk_transfers.reject),
        ("POST", "/fxQuotes", fx_messages.FxQuote, registry.forward),
        ("GET", "/fxQuotes/{ID}", None, registry.forward),
        ("PUT", "/fxQuotes/{ID}", fx_messages.FxQuoted, registry.forward),
        ("PUT", "/fxQuotes/{ID}/error", messages.Failure, registry.forward),
        ("POST", "/fxTransfers", fx_messages.FxTransfer, fx_transfers.prepare),
        ("GET", "/fxTransfers/{ID}", None, fx_transfers.show),
        ("PUT", "/fxTransfers/{ID}", fx_messages.FxFulfil, fx_transfers.fulfil),
        ("PUT", "/fxTransfers/{ID}/error", messages.Failure, fx_transfers.reject),
    ]


ROUTES = sorted(_routes(), key=lambda route: not route[1].endswith("/error"))
"""Method, path, body, effect. An error callback's path is tried before that of a sub-id called "error"."""


def create_app(transact: Transact, now: Callable[[], int]) -> FastAPI:
    """The switch over one store; ``now`` is market time in ms."""
    app = FastAPI(title="Tradelane e-hub, FSPIOP", version="2.0", docs_url=None, redoc_url=None)
    for method, path, kind, effect in ROUTES:
        handler = _handler(transact, now, kind, effect)
        name = f"{method.lower()} {path}"
        app.add_api_route(
            path,
            handler,
            methods=[method],
            name=name,
            operation_id=name,
            status_code=200 if method == "PUT" else 202,
            response_class=Response,
            openapi_extra=_described(path, kind),
        )
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    return app


def _handler(
    transact: Transact, now: Callable[[], int], kind: type[BaseModel] | None, effect: Effect
) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        asked = await _read(request, kind, now())
        while await transact(lambda conn: _settle(conn, asked, effect)):
            pass
        return Response(status_code=200 if request.method == "PUT" else 202)

    return handle


async def _read(request: Request, kind: type[BaseModel] | None, at: int) -> Inbound[Any]:
    path = request.scope["raw_path"].decode("latin-1").removeprefix(request.scope.get("root_path", ""))
    resource = path.split("/")[1]
    callback = request.method == "PUT"
    envelope = headers.read(resource, dict(request.headers), callback=callback)
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST_BODY:
            raise Refused(Fault.TOO_LARGE)
    body = None if kind is None else messages.parse(kind, bytes(raw))
    ids = dict(request.path_params) | {k: v for k, v in request.query_params.items() if k == "currency"}
    query = f"?{request.url.query}" if request.url.query else ""
    return Inbound(envelope, request.method, path + query, ids, body, bytes(raw) if kind else b"", at)


def _settle(conn: Connection, asked: Inbound[Any], effect: Effect) -> bool:
    """The effect, or the error callback that stands for it; whether there is more of it."""
    source = asked.envelope.source
    if registry.endpoint_of(conn, source) is None:
        raise Refused(Fault.UNKNOWN_ID, f"FSPIOP-Source: {source}")
    keys = registry.keys_of(conn, source)
    unsigned_question = asked.method == "GET" and headers.SIGNATURE not in asked.envelope.headers
    if keys is not None and not unsigned_question:
        signature.check(keys, asked.envelope.headers, asked.method, asked.path, asked.raw)
    try:
        with conn.begin_nested():
            return bool(effect(conn, asked))
    except Refused as why:
        path = asked.path.partition("?")[0].removesuffix("/error")
        if asked.method == "POST" and path.count("/") == 1:
            path = f"{path}/{asked.topic}"
        content = (asked.envelope.resource, asked.envelope.version)
        letter = outbox.own(source, asked.topic, f"{path}/error", content, why.body(), asked.at)
        outbox.post(conn, letter, asked.at)
        return False


def _described(path: str, kind: type[BaseModel] | None) -> dict[str, Any]:
    names = [name for name in ("Type", "ID", "SubId") if f"{{{name}}}" in path]
    text = {"type": "string"}
    where = [{"name": name, "in": "path", "required": True, "schema": text} for name in names]
    extra: dict[str, Any] = {"parameters": where}
    if kind is not None:
        schema = kind.model_json_schema(ref_template="#/$defs/{model}")
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return extra


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body(), error.status)


async def _unknown(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    fault = Fault.UNKNOWN_URI if error.status_code == 404 else Fault.CLIENT
    return JSONResponse(Refused(fault).body(), error.status_code)
