"""The hub's process tells webhooks by itself, and ends every stream when it stops."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.settlement.hubs import serving
from tradelane.gateway import hub_telling
from tradelane.gateway.app import bare_app
from tradelane.gateway.clock import Clock
from tradelane.gateway.config import load
from tradelane.gateway.hub import HubRole
from tradelane.settlement.ehub.server.openpayments import events
from tradelane.settlement.ehub.wire_payments import Shown

CONFIG = """
data_dir = "data"
[hub]
currencies = ["EUR"]
allow_private_webhooks = true
"""
AT = 1_782_000_000_000
FACADE = "/api/v1/open-payments"


def test_what_another_route_did_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(CONFIG)
    told = threading.Event()

    async def hear(_request: Request) -> Response:
        told.set()
        return Response(status_code=204)

    with serving(Starlette(routes=[Route("/", hear, methods=["POST"])])) as url:
        asyncio.run(lives(HubRole(load(path), Clock(wall=lambda: AT)), path.parent, url, told))


async def lives(role: HubRole, folder: Path, url: str, told: threading.Event) -> None:
    app = bare_app()
    app.include_router(role.router)
    await role.start()
    working = asyncio.create_task(role.run())
    head = {"Authorization": f"Bearer {(folder / 'data/hub.token').read_text().strip()}"}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub", headers=head) as http:
        made = await http.post(f"{FACADE}/webhooks", json={"url": url}, headers={"Idempotency-Key": "k"})
        assert made.status_code == 201, made.text
        said = [("ana", "test", Shown.of(1, "EUR"))]
        await role._file(lambda conn: events.write(conn, said, AT))
        assert await asyncio.to_thread(told.wait, 60)
        listening = asyncio.create_task(http.get(f"{FACADE}/events"))
        await asyncio.sleep(0)
        role.drain()
        assert "retry:" in (await listening).text
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await role.stop()
    assert hub_telling.EVERY_S <= 1
