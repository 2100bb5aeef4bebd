"""The routes of certificates of origin; a member sees and moves its own."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from tradelane.settlement.certificate import Status
from tradelane.settlement.ehub.server import data
from tradelane.settlement.ehub.server.commands import Commands
from tradelane.settlement.ehub.server.inspection import devices, giving, holdings, production
from tradelane.settlement.ehub.server.signatures import (
    Asker,
    Caller,
    Keys,
    OwnKey,
    members_only,
    operator_only,
)
from tradelane.settlement.ehub.server.transact import Transact
from tradelane.settlement.ehub.wire import Page
from tradelane.settlement.ehub.wire_certificates import (
    CancelCertificates,
    CertificateAction,
    CertificateBundle,
    DeviceState,
    Issuance,
    RegisterDevice,
    ReportProduction,
    TransferCertificates,
)
from tradelane.settlement.problem import Problem

Limit = Annotated[int, Query(ge=1, le=data.MOST_ITEMS)]
Text = Annotated[str | None, Query(max_length=200)]
AfterSeq = Annotated[int, Query(ge=0, le=2**63 - 1)]


def router(commands: Commands, read: Transact, keys: Keys) -> APIRouter:
    """Mounted where Callers lets members and the operator through."""
    routes = APIRouter()
    _add_commands(routes, commands, keys)
    _add_reads(routes, read)
    return routes


def _add_commands(routes: APIRouter, commands: Commands, keys: Keys) -> None:
    @routes.post("/certificates/devices", status_code=201, response_model=DeviceState)
    async def register(request: Request, key: OwnKey, asker: Asker, question: RegisterDevice) -> Response:
        operator_only(asker)
        return await commands.run(request, key, question, devices.register)

    @routes.post("/production", status_code=201, response_model=Issuance)
    async def report(request: Request, key: OwnKey, asker: Asker, question: ReportProduction) -> Response:
        effect = partial(production.report, member=members_only(asker), keys=keys)
        return await commands.run(request, key, question, effect)

    @routes.post("/certificates/transfer", status_code=201, response_model=CertificateAction)
    async def transfer(
        request: Request, key: OwnKey, asker: Asker, question: TransferCertificates
    ) -> Response:
        effect = partial(giving.transfer, member=members_only(asker), keys=keys)
        return await commands.run(request, key, question, effect)

    @routes.post("/certificates/cancel", status_code=201, response_model=CertificateAction)
    async def cancel(request: Request, key: OwnKey, asker: Asker, question: CancelCertificates) -> Response:
        effect = partial(giving.cancel, member=members_only(asker))
        return await commands.run(request, key, question, effect)


def _add_reads(routes: APIRouter, read: Transact) -> None:
    @routes.get("/certificates")
    async def certificates(
        asker: Asker,
        account_id: Text = None,
        device_id: Text = None,
        issuance_id: Text = None,
        certificate_status: Status | None = None,
        after: Text = None,
        limit: Limit = 100,
    ) -> Page[CertificateBundle]:
        account = _account(asker, account_id)
        wanted = {"device": device_id, "issuance": issuance_id, "status": certificate_status}
        return await read(lambda conn: holdings.listed(conn, account, wanted, after, limit))

    @routes.get("/certificates/actions")
    async def actions(
        asker: Asker, account_id: Text = None, after: AfterSeq = 0, limit: Limit = 100
    ) -> Page[CertificateAction]:
        account = _account(asker, account_id)
        return await read(lambda conn: holdings.history(conn, account, after, limit))

    @routes.get("/certificates/devices")
    async def known_devices(asker: Asker, after: Text = None, limit: Limit = 100) -> Page[DeviceState]:
        return await read(lambda conn: devices.listed(conn, asker, after, limit))


def _account(asker: Caller, asked: str | None) -> str | None:
    """Whose certificates are shown; None for all, to the operator."""
    if asker.member is not None and asked not in (None, asker.member):
        raise Problem.field(403, "not-your-account", "account_id", "another member's")
    return asked or asker.member
