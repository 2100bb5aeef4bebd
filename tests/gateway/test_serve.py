"""A configuration as a real process: it serves, stops when told, and says in one line why it cannot start."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from tests.gateway.processes import PATIENCE_S, running
from tradelane.gateway.app import create_app
from tradelane.gateway.config import Config, load
from tradelane.gateway.serve import serving

HUB = 'data_dir = "data"\n[hub]\ncurrencies = ["EUR", "CHF"]\n'


@pytest.fixture
def hub_file(tmp_path: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(HUB)
    return path


def config_with(path: Path, port: int) -> Config:
    return load(path, {"port": port})


def test_a_hub_serves_with_headers_problems_and_health(hub_file: Path) -> None:
    with running(hub_file) as gateway, httpx2.Client(base_url=gateway.event("listening")["url"]) as http:
        health = http.get("/healthz")
        assert health.status_code == 200
        assert health.json()["roles"] == ["hub"] and health.json()["status"] == "ok"
        assert "default-src 'none'" in health.headers["content-security-policy"]
        assert "server" not in health.headers
        missing = http.get("/nothing")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        assert "default-src 'none'" in missing.headers["content-security-policy"]
        assert http.post("/api/v1/accounts", content=b"x" * (5 << 20)).status_code == 413
        assert http.get("/docs").status_code == 404


def test_the_hub_opens_its_standing_accounts_once(hub_file: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with running(hub_file) as gateway:
            url = gateway.event("listening")["url"]
            token = (tmp_path / "data/hub.token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx2.Client(base_url=url, headers=headers) as http:
                accounts = {a["account"]: a["limit"] for a in http.get("/api/v1/accounts").json()["items"]}
                assert http.get("/api/v1/trial-balance").json()["balanced"] is True
            kinds = {account.partition(":")[0] for account in accounts}
            assert {"issuer", "balancing", "customs", "platform"} <= kinds
            assert set(accounts) == {f"{kind}:{currency}" for kind in kinds for currency in ("CHF", "EUR")}
            assert accounts["issuer:EUR"] is None and accounts["customs:CHF"] == "0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_when_told(hub_file: Path, number: signal.Signals) -> None:
    with running(hub_file) as gateway:
        gateway.event("listening")
        gateway.process.send_signal(number)
        assert gateway.ended() == 0
        assert '"event": "stopped"' in gateway.lines[-1]


def test_it_comes_back_after_being_killed(hub_file: Path) -> None:
    for _ in range(3):
        with running(hub_file) as gateway:
            gateway.event("listening")
            gateway.process.kill()
            assert gateway.ended() == -signal.SIGKILL


def test_a_second_process_on_the_same_data_is_refused(hub_file: Path) -> None:
    with running(hub_file) as first:
        first.event("listening")
        with running(hub_file) as second:
            assert second.ended() == 1
            assert "another process is using" in second.lines[-1]
        url = first.lines[0].partition('"url": "')[2].partition('"')[0]
        assert httpx2.get(f"{url}/healthz").status_code == 200


def test_a_taken_port_is_one_line(hub_file: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        running(hub_file, "--port", str(taken.getsockname()[1])) as gateway,
    ):
        assert gateway.ended() == 1
        assert len(gateway.lines) == 1 and "cannot listen" in gateway.lines[0]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("hub.sqlite", "the hub role could not start: (sqlite3.DatabaseError) file is not a database"),
        ("hub.token", "not a token"),
    ],
)
def test_a_spoilt_file_is_one_line(hub_file: Path, tmp_path: Path, spoil: str, words: str) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / spoil
    path.write_bytes(b"\x00spoilt" * 1000)
    path.chmod(0o600)
    with running(hub_file) as gateway:
        assert gateway.ended() == 1
        assert len(gateway.lines) == 1 and words in gateway.lines[0]


class Endless:
    """A role with a stream that only ends when drained, and work that fails when told to."""

    def __init__(self) -> None:
        self.router = APIRouter()
        self.opened, self.drained, self.fail = asyncio.Event(), asyncio.Event(), asyncio.Event()

        @self.router.get("/stream")
        async def stream() -> StreamingResponse:
            return StreamingResponse(self._lines())

    async def _lines(self) -> AsyncIterator[str]:
        yield "first\n"
        self.opened.set()
        await self.drained.wait()
        yield "last\n"

    async def start(self) -> None:
        return None

    async def run(self) -> None:
        await self.fail.wait()
        raise RuntimeError("the role lost its way")

    async def stop(self) -> None:
        return None

    def drain(self) -> None:
        self.drained.set()


def test_a_failing_role_ends_the_process_with_1_and_its_streams_whole(
    hub_file: Path, free_port: object
) -> None:
    assert callable(free_port)
    config = config_with(hub_file, free_port())

    async def life() -> tuple[int, str]:
        role = Endless()
        server = asyncio.create_task(serving(config, lambda *_: {"endless": role}))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{config.port}", timeout=PATIENCE_S) as http:
            await asyncio.sleep(0)
            request = asyncio.create_task(http.get("/stream"))
            await asyncio.wait_for(role.opened.wait(), PATIENCE_S)
            role.fail.set()
            return await server, (await request).text

    code, text = asyncio.run(life())
    assert code == 1
    assert text == "first\nlast\n"


def test_roles_start_and_stop_with_the_applications_lifespan(hub_file: Path) -> None:
    app = create_app(load(hub_file))

    async def life() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub") as http,
        ):
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/api/v1/healthz")).json() == {"status": "ok"}
            assert (await http.get("/api/v1/accounts")).status_code == 401
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://hub") as http:
            assert (await http.get("/healthz")).status_code == 503

    asyncio.run(life())
