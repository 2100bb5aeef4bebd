"""Single reservations at an e-hub over HTTP, each durable before its answer, many in one commit."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path

import httpx2

from tests.bench.bench_ledger import fsyncs
from tests.bench.harness import Pair, benchmark
from tests.bench.http_load import Answers, ask, post
from tests.gateway.processes import running
from tests.shared import free_port

CONNECTIONS, REQUESTS = 100, 4_000
MOST_MS = 100.0
"""The slowest of a hundred may take so long."""
CONFIG = 'data_dir = "data"\n[hub]\ncurrencies = ["EUR"]\n'
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Request
app = FastAPI()
@app.post("/", status_code=201)
async def answer(request: Request):
    return await request.json()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
"""
"""The least that answers JSON with JSON on the same server; nothing is kept."""


class Hub:
    """A hub as people run it, with an account that holds a million."""

    def __init__(self) -> None:
        held = ExitStack()
        atexit.register(held.close)
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        (folder / "hub.toml").write_text(CONFIG)
        gateway = held.enter_context(running(folder / "hub.toml"))
        url = gateway.event("listening")["url"]
        self.fsyncs = fsyncs(folder)
        self._port = int(url.rpartition(":")[2])
        self._token = f"Bearer {(folder / 'data/hub.token').read_text().strip()}"
        self._numbers = count()
        with httpx2.Client(base_url=url, headers={"Authorization": self._token}) as http:
            account = {"account": "member:a:EUR", "owner": "A", "currency": "EUR", "limit": "0"}
            deposit = {"account": "member:a:EUR", "amount": {"currency": "EUR", "value": "1000000"}}
            for path, body in (("accounts", account), ("deposits", deposit)):
                answer = http.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": path})
                assert answer.status_code == 201, answer.text
        self.bare_port = free_port()
        bare = subprocess.Popen([sys.executable, "-c", BARE, str(self.bare_port)])
        held.callback(bare.kill)
        while bare.poll() is None:
            try:
                httpx2.post(f"http://127.0.0.1:{self.bare_port}/", json={})
                break
            except httpx2.ConnectError:
                continue

    def requests(self, path: str) -> list[bytes]:
        made = []
        for _ in range(REQUESTS):
            id = f"r{next(self._numbers)}"
            amount = {"currency": "EUR", "value": "0.01"}
            body = {"reservation": id, "account": "member:a:EUR", "amount": amount, "contract": id}
            headers = {"Authorization": self._token, "Idempotency-Key": id}
            made.append(post(path, json.dumps(body).encode(), headers))
        return made

    def reserve(self) -> Answers:
        return ask(self._port, self.requests("/api/v1/reservations"), CONNECTIONS, b"201")

    def echo(self) -> Answers:
        return ask(self.bare_port, self.requests("/"), CONNECTIONS, b"201")


@cache
def hub() -> Hub:
    return Hub()


@benchmark("hub-reserves", goal=3)
def reserves() -> Pair:
    there = hub()

    def ours() -> float:
        return there.reserve().seconds * 1e6 / REQUESTS

    def floor() -> float:
        return there.echo().seconds * 1e6 / REQUESTS

    name = f"a server that keeps nothing, {there.fsyncs:,.0f} fsync/s"
    return Pair(ours, floor, name, unit="µs each", repetitions=5, warm_up=1)


@benchmark("hub-reserves-p99", goal=1)
def slowest_reserve() -> Pair:
    there = hub()
    return Pair(
        lambda: there.reserve().slowest(0.01) * 1e3, lambda: MOST_MS, "what it may take",
        repetitions=5, warm_up=1,
    )  # fmt: skip
