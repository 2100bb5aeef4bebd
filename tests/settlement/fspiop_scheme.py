"""A scheme for tests: a switch on a real file, and participants that are real HTTP servers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2
from fastapi import FastAPI, Request, Response
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.settlement.hubs import NOW, serving
from tradelane.gateway.store import Store
from tradelane.market.units import Money
from tradelane.settlement import ilp
from tradelane.settlement.ehub.server.fspiop import expiry, headers, outbox
from tradelane.settlement.ehub.server.fspiop.registry import add_participant
from tradelane.settlement.ehub.server.fspiop.routes import create_app
from tradelane.settlement.ehub.server.fspiop.tables import positions
from tradelane.settlement.ehub.server.fspiop.tables import transfers as rows

PAYER, PAYEE = "payerfsp", "payeefsp"
CAPS = {"EUR": Money.parse("1000", "EUR")}
FULFILMENT = base64.urlsafe_b64encode(hashlib.sha256(b"secret").digest()).rstrip(b"=").decode()
WRONG = base64.urlsafe_b64encode(hashlib.sha256(b"other").digest()).rstrip(b"=").decode()
CONDITION = ilp.condition_of(FULFILMENT)
TRANSFER = "b51ec534-ee48-4575-b6a9-ead2955b8069"


@dataclass(frozen=True)
class Got:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Dfsp:
    """What a participant's server received; ``answers`` are the statuses to give first."""

    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH"])
        async def receive(request: Request) -> Response:
            raw = await request.body()
            path = request.url.path.removeprefix(request.scope["root_path"])
            body = json.loads(raw) if raw else None
            self.got.append(Got(request.method, path, dict(request.headers), body))
            return Response(status_code=self.answers.pop(0) if self.answers else 200)

        return app

    def take(self) -> list[tuple[str, str, Any]]:
        """What has come since it was last asked."""
        taken, self.got = self.got, []
        return [(got.method, got.path, got.body) for got in taken]


@dataclass
class Scheme:
    url: str
    store: Store
    http: httpx2.Client
    payer: Dfsp
    payee: Dfsp
    at: int = NOW

    def send(self, source: str, method: str, path: str, body: Any = None, **other: str) -> httpx2.Response:
        """One request of ``source``, with the headers it must have; ``other`` are more, or others."""
        kind = headers.media_type(path.split("/")[1], "1.1")
        head = {"Content-Type": kind, "Date": headers.http_date(self.at), "FSPIOP-Source": source}
        head["Accept"] = kind
        head |= {name.replace("_", "-"): value for name, value in other.items()}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.request(method, self.url + path, content=raw, headers=head)

    def ok(self, source: str, method: str, path: str, body: Any = None, **other: str) -> None:
        """The same, accepted; then everything that is due is delivered."""
        answer = self.send(source, method, path, body, **other)
        assert answer.status_code == (200 if method == "PUT" else 202), answer.text
        self.deliver()

    def deliver(self) -> None:
        """Rounds until nothing more is due."""

        async def rounds() -> None:
            async with httpx2.AsyncClient() as client:
                store, read = self.store, self.store.read
                postman = outbox.Postman(store, read, lambda: self.at, client, private=True)
                while await postman.round():
                    pass

        asyncio.run(rounds())

    def expire(self) -> int:
        count = asyncio.run(self._expire())
        self.deliver()
        return count

    async def _expire(self) -> int:
        return await self.store(lambda conn: expiry.expire(conn, self.at))

    def state(self, transfer: str = TRANSFER) -> str | None:
        query = select(rows.c.state).where(rows.c.transfer == transfer)
        return self.store.read_now(lambda conn: conn.execute(query).scalar_one_or_none())

    def positions(self) -> dict[str, tuple[str, str]]:
        """Position and reserved amount of each participant."""
        found = self.store.read_now(lambda conn: conn.execute(select(positions)).all())
        return {
            row.participant: (
                str(Money(row.position_nano, row.currency)),
                str(Money(row.reserved_nano, row.currency)),
            )
            for row in found
        }


@contextmanager
def running_scheme(store: Store) -> Iterator[Scheme]:
    """A switch with a payer and a payee, each with a cap of 1,000 EUR."""
    scheme = Scheme("", store, httpx2.Client(), Dfsp(), Dfsp())
    places = [
        Mount(f"/{PAYER}", scheme.payer.app()),
        Mount(f"/{PAYEE}", scheme.payee.app()),
        Mount("/fspiop", create_app(store, lambda: scheme.at)),
    ]

    async def furnish(url: str) -> None:
        for name in (PAYER, PAYEE):
            await store(partial(add_participant, name=name, endpoint=f"{url}/{name}", caps=CAPS, at=NOW))

    with serving(Starlette(routes=places)) as url, scheme.http:
        asyncio.run(furnish(url))
        scheme.url = f"{url}/fspiop"
        yield scheme


def prepare(**changes: Any) -> dict[str, Any]:
    return {
        "transferId": TRANSFER,
        "payerFsp": PAYER,
        "payeeFsp": PAYEE,
        "amount": {"currency": "EUR", "amount": "123.45"},
        "ilpPacket": "AYIBgQAAAAAAAASwNGxldmVsb25lLmRmc3AxLm1lci45T2RTOF81MDdq",
        "condition": CONDITION,
        "expiration": outbox.timestamp(NOW + 30_000),
        **changes,
    }


def fulfil(state: str = "COMMITTED", fulfilment: str | None = FULFILMENT) -> dict[str, Any]:
    body = {"transferState": state, "completedTimestamp": outbox.timestamp(NOW)}
    return body if fulfilment is None else body | {"fulfilment": fulfilment}
