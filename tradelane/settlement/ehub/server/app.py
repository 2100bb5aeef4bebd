"""The e-hub's HTTP face, ``/api/v1``: routes only; what they do stands in the rooms beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.routing import Mount, Route

from tradelane.settlement import problem
from tradelane.settlement.bearer import Bearer
from tradelane.settlement.ehub import wire, wire_ledger
from tradelane.settlement.ehub.server import customs_rules, data, payments, reserving, transfers
from tradelane.settlement.ehub.server.bank import routes as bank
from tradelane.settlement.ehub.server.commands import Commands, idempotency_key
from tradelane.settlement.ehub.server.customs import routes as customs
from tradelane.settlement.ehub.server.fspiop import admin as fspiop_admin
from tradelane.settlement.ehub.server.fspiop import routes as fspiop
from tradelane.settlement.ehub.server.fspiop import settlement_routes as fspiop_settlement
from tradelane.settlement.ehub.server.inspection import routes as inspection
from tradelane.settlement.ehub.server.logistics import routes as logistics
from tradelane.settlement.ehub.server.openpayments import routes as openpayments
from tradelane.settlement.ehub.server.openpayments.bell import Bell
from tradelane.settlement.ehub.server.road import routes as road_routes
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.server.supervision import audit_routes
from tradelane.settlement.ehub.server.supervision import routes as supervision
from tradelane.settlement.ehub.server.supervision.settings import Supervision
from tradelane.settlement.ehub.server.together import Together
from tradelane.settlement.ehub.server.transact import Transact

PREFIX = "/api/v1"
M = TypeVar("M", bound=BaseModel)
Key = Annotated[str, Depends(idempotency_key)]
Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
AfterName = Annotated[str | None, Query(max_length=200)]
AfterSeq = Annotated[int, Query(ge=0, le=2**63 - 1)]


def create_router(
    transact: Transact,
    now: Callable[[], int],
    token: str,
    read: Transact | None = None,
    *,
    proof_secret: str | None = None,
    road: Road | None = None,
    bell: Bell | None = None,
    facade: openpayments.Settings | None = None,
    switch: bool = False,
    supervised: Supervision | None = None,
) -> APIRouter:
    """Every route of an e-hub over one store. ``now`` is market time in ms; ``token`` the bearer token of
    the operator; reads go through ``read``, or ``transact`` when there is none. The buyers' codes are made
    from ``proof_secret``, or the token when there is none; ``road`` is who this hub is on the e-road,
    ``facade`` what members may do, ``switch`` whether payment systems find FSPIOP under ``/fspiop``,
    ``supervised`` who looks after it."""
    look = read or transact
    routes = APIRouter(prefix=PREFIX, tags=["e-hub"], dependencies=[Depends(Bearer(token))])
    _add_commands(routes, Commands(transact, now), transact)
    routes.include_router(bank.router(transact, look, now))
    routes.include_router(logistics.router(transact, look, now, (proof_secret or token).encode()))
    routes.include_router(customs.router(transact, look, now))
    if road is not None:
        routes.include_router(road_routes.router(transact, look, now, road))
    if switch:
        routes.include_router(fspiop_admin.router(transact, look, now))
        routes.include_router(fspiop_settlement.router(transact, look, now))
    _add_reads(routes, look)
    routes.include_router(customs_rules.router(now, look))
    routes.routes.append(_health(look))
    whole = APIRouter()
    whole.include_router(routes)
    watch = supervised or Supervision()
    watching = supervision.router(transact, look, now, token, watch)
    whole.include_router(watching, prefix=PREFIX, tags=["e-hub"])
    if watch.key is not None:
        log = audit_routes.router(look, now, token, watch.key)
        whole.include_router(log, prefix=PREFIX, tags=["e-hub"])
    ears, settings = bell or Bell(look), facade or openpayments.Settings()
    whole.include_router(openpayments.router(transact, look, now, token, ears, settings))
    whole.include_router(inspection.router(transact, look, now, token, settings.keys, watch), prefix=PREFIX)
    if road is not None:
        whole.include_router(road_routes.open_router(transact, look, now, road))
    if switch:
        whole.routes.append(Mount("/fspiop", fspiop.create_app(transact, now)))
    return whole


def create_app(
    transact: Transact,
    now: Callable[[], int],
    token: str,
    read: Transact | None = None,
    unavailable: tuple[type[Exception], ...] = (),
    *,
    road: Road | None = None,
    bell: Bell | None = None,
    facade: openpayments.Settings | None = None,
    supervised: Supervision | None = None,
) -> FastAPI:
    """An application that is only an e-hub. Errors of ``unavailable`` kinds answer 503."""
    app = FastAPI(title="Tradelane e-hub", version="1", responses=problem.RESPONSES)
    problem.install(app, unavailable)
    whole = create_router(
        transact, now, token, read, road=road, bell=bell, facade=facade, supervised=supervised
    )
    app.include_router(whole)
    return app


def _health(read: Transact) -> Route:
    """The one route that needs no token."""

    async def healthz(_request: Request) -> Response:
        await read(lambda conn: conn.exec_driver_sql("SELECT 1").scalar_one())
        return JSONResponse({"status": "ok"})

    return Route(f"{PREFIX}/healthz", healthz)


def _add_commands(router: APIRouter, commands: Commands, transact: Transact) -> None:
    reservations = Together(commands, transact, reserving.reserve)

    @router.post("/accounts", status_code=201, response_model=wire.AccountState)
    async def open_account(request: Request, key: Key, question: wire.OpenAccount) -> Response:
        return await commands.run(request, key, question, payments.open_account)

    @router.post("/deposits", status_code=201, response_model=wire.DepositState)
    async def deposit(request: Request, key: Key, question: wire.Deposit) -> Response:
        return await commands.run(request, key, question, payments.deposit)

    @router.post("/reservations", status_code=201, response_model=wire.ReservationState)
    async def reserve(request: Request, key: Key, question: wire.Reserve) -> Response:
        return await reservations.run(request, key, question)

    @router.post("/reservations/{reservation:path}/release", response_model=wire.ReservationState)
    async def release(
        request: Request, key: Key, reservation: str, question: wire.Release | None = None
    ) -> Response:
        effect = partial(payments.release, reservation=reservation)
        return await commands.run(request, key, question or wire.Release(), effect)

    @router.post("/settlements", status_code=201, response_model=wire.SettlementState)
    async def settle(request: Request, key: Key, question: wire.Settle) -> Response:
        return await commands.run(request, key, question, payments.settle)

    @router.post("/ledger/transfers", response_model=wire_ledger.TransfersAnswer)
    async def order(request: Request, key: Key, question: wire_ledger.OrderTransfers) -> Response:
        return await commands.run(request, key, question, transfers.order)


def _add_reads(router: APIRouter, read: Transact) -> None:
    @router.get("/accounts")
    async def accounts(after: AfterName = None, limit: Limit = 100) -> wire.Page[wire.AccountState]:
        return await read(lambda conn: data.list_accounts(conn, after, limit))

    @router.get("/accounts/{account:path}")
    async def account(account: str) -> wire.AccountState:
        return _found("account", await read(lambda conn: data.account(conn, account)))

    @router.get("/reservations/{reservation:path}")
    async def reservation(reservation: str) -> wire.ReservationState:
        return _found("reservation", await read(lambda conn: data.reservation(conn, reservation)))

    @router.get("/transfers")
    async def moved(after: AfterSeq = 0, limit: Limit = 100) -> wire.Page[wire.TransferState]:
        return await read(lambda conn: data.list_transfers(conn, after, limit))

    @router.get("/ledger/transfers")
    async def lines(after: AfterSeq = 0, limit: Limit = 100) -> wire.Page[wire_ledger.LedgerLine]:
        return await read(lambda conn: data.list_lines(conn, after, limit))

    @router.get("/ledger/transfers/{id:path}")
    async def line(id: str) -> wire_ledger.LedgerLine:
        return await read(lambda conn: transfers.find(conn, id))

    @router.get("/receipts")
    async def receipts(
        account: str | None = None, contract: str | None = None, after: AfterSeq = 0, limit: Limit = 100
    ) -> wire.Page[wire.Receipt]:
        return await read(lambda conn: data.list_receipts(conn, after, limit, account, contract))

    @router.get("/trial-balance")
    async def trial_balance() -> wire.TrialBalance:
        return await read(data.trial_balance)

    @router.get("/chain")
    async def chain() -> wire.ChainCheck:
        return await read(data.check_chain)


def _found(kind: str, item: M | None) -> M:
    if item is None:
        raise problem.Problem.field(404, f"unknown-{kind}", kind, f"no such {kind}")
    return item
