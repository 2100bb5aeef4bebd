"""Two real hubs over HTTP, with a database file and a currency each: found by key, paid, told, settled."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.settlement.hubs import NOW, TOKEN, assert_problem, declaration, serving, shipment
from tests.settlement.road_pair import WINDOW_MS, furnish, member_of, peer_of, road
from tradelane.gateway.store import Store, StoreError, opened
from tradelane.market.units import MINUTE, iso
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.delivering import FIRST_WAIT_MS
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE
from tradelane.settlement.ehub.server.road.peers import WELL_KNOWN
from tradelane.settlement.ehub.server.road.rounds import MESSAGES, RoadRounds
from tradelane.settlement.ehub.server.road.settings import Road
from tradelane.settlement.ehub.signing import Signer
from tradelane.settlement.ehub.wire_road_messages import Envelope, Hello, Message

HUBS = (("ams", "EUR"), ("lon", "GBP"))


class Later:
    """An application that is put in place once its address is known."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass
class LiveHub:
    road: Road
    store: Store
    http: httpx2.Client
    at: int = NOW

    @property
    def member(self) -> str:
        return member_of(self.road)

    def post(self, path: str, body: Any) -> httpx2.Response:
        headers = {"Idempotency-Key": hashlib.sha256(f"{path} {body}".encode()).hexdigest()}
        return self.http.post("/api/v1" + path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.http.get("/api/v1" + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def expect(self, other: LiveHub, **changes: Any) -> httpx2.Response:
        asked = peer_of(other.road, places=("ES",)).model_dump(mode="json") | changes
        return self.post("/road/peers", asked)

    async def round(self, client: httpx2.AsyncClient) -> int:
        rounds = RoadRounds(self.road, self.store, self.store.read, lambda: self.at, client)
        return await rounds.round()


def rounds(*hubs: LiveHub, most: int = 40) -> None:
    """Until nothing is due any more, also after the first wait; time goes on by that wait."""

    async def go() -> None:
        quiet = 0
        async with httpx2.AsyncClient() as client:
            for _ in range(most):
                done = sum([await hub.round(client) for hub in hubs])
                quiet = 0 if done else quiet + 1
                if quiet == 2:
                    return
                for hub in hubs:
                    hub.at += 0 if done else FIRST_WAIT_MS

    asyncio.run(go())


@pytest.fixture(scope="session")
def furnished_hubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the hubs' database files, to be copied."""
    folder = tmp_path_factory.mktemp("road")
    for name, currency in HUBS:
        with opened(folder / f"{name}.sqlite", PLACE, HEAD) as store:
            asyncio.run(_furnish(store, road(name, currency)))
    return folder


@pytest.fixture
def live(furnished_hubs: Path, tmp_path: Path) -> Iterator[Sequence[LiveHub]]:
    """ams in euro and lon in pounds, who have not met."""
    with ExitStack() as stack:
        hubs = []
        for name, currency in HUBS:
            shutil.copy(furnished_hubs / f"{name}.sqlite", tmp_path)
            later = Later()
            url = stack.enter_context(serving(later))
            settings = replace(road(name, currency), url=url, private=True)
            store = stack.enter_context(opened(tmp_path / f"{name}.sqlite", PLACE, HEAD))
            http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
            hub = LiveHub(settings, store, stack.enter_context(http))
            later.app = application(hub)
            hubs.append(hub)
        yield hubs


def application(hub: LiveHub) -> FastAPI:
    now = lambda: hub.at  # noqa: E731  # the hub's own clock
    return create_app(hub.store, now, TOKEN, hub.store.read, (StoreError,), road=hub.road)


async def _furnish(store: Store, settings: Road) -> None:
    await store(partial(furnish, road=settings))


def met(live: Sequence[LiveHub]) -> tuple[LiveHub, LiveHub]:
    ams, lon = live
    assert ams.expect(lon).status_code == 201
    assert lon.expect(ams).status_code == 201
    rounds(ams, lon)
    return ams, lon


def test_found_by_key_paid_told_compared_and_settled(live: Sequence[LiveHub]) -> None:
    ams, lon = met(live)
    for hub in live:
        (peer,) = hub.get("/road/peers")
        assert (peer["state"], peer["sent"], peer["received"]) == ("known", 1, 1)

    amount = {"currency": "GBP", "value": "10"}
    quote = {"quote": "q1", "peer": "lon", "account": ams.member, "payee": lon.member, "amount": amount}
    assert ams.post("/road/quotes", quote).status_code == 202
    rounds(ams, lon)
    assert ams.get("/road/quotes/q1")["state"] == "quoted"
    payment = {"transfer": "t1", "quote": "q1", "expires_at": iso(NOW + 5 * MINUTE), "release": "on_order"}
    held = ams.post("/road/transfers", payment)
    assert (held.status_code, held.json()["state"]) == (202, "RESERVED")
    rounds(ams, lon)
    assert lon.post("/road/transfers/ams/t1/fulfil", {}).json()["state"] == "COMMITTED"
    rounds(ams, lon)
    assert ams.get("/road/transfers/t1")["state"] == "COMMITTED"
    (listed,) = ams.get("/road/transfers")["items"]
    assert (listed["send"]["value"], listed["outgoing"]) == ("12.07206", True)
    assert lon.get(f"/accounts/{lon.member}")["posted"] == "1010"

    assert ams.post("/declarations", declaration()).status_code == 201
    assert ams.post("/shipments", shipment()).status_code == 201
    rounds(ams, lon)
    (copy,) = lon.get("/road/shipments")["items"]
    assert (copy["peer"], copy["id"], copy["body"]["events"]) == ("ams", "p1", [])
    step = {"event": "picked_up", "at": iso(NOW)}
    assert ams.post("/shipments/p1/events", step).status_code == 200
    rounds(ams, lon)
    (copy,) = lon.get("/road/shipments")["items"]
    assert [(one["event"], one["at"]) for one in copy["body"]["events"]] == [("picked_up", iso(NOW))]
    assert "proof" not in json.dumps(copy)
    (copy,) = lon.get("/road/declarations")["items"]
    assert (copy["body"]["hs_code"], copy["body"]["state"]) == (
        declaration()["hs_code"],
        ams.get("/declarations/d1")["state"],
    )
    assert ams.get("/road/declarations")["items"] == []

    for hub in live:
        hub.at += WINDOW_MS
    rounds(ams, lon)
    for hub, other in ((ams, "lon"), (lon, "ams")):
        (window,) = [one for one in hub.get("/road/windows") if one["mine"]["entries"]]
        assert (window["state"], window["difference"]) == ("settled", None)
        assert hub.get(f"/accounts/road:{other}:EUR")["posted"] == "0"
        assert hub.get("/trial-balance")["balanced"] and hub.get("/chain")["ok"]
    assert ams.get("/accounts/nostro:lon:EUR")["posted"] == "12.07206"
    assert lon.get("/accounts/nostro:ams:EUR")["posted"] == "-12.07206"


def test_whom_to_believe_and_where_to_look(live: Sequence[LiveHub]) -> None:
    ams, lon = live
    stranger = road("eve", "GBP")
    ams.expect(lon, fingerprint=stranger.fingerprint)
    rounds(ams, lon)
    (peer,) = ams.get("/road/peers")
    assert (peer["state"], "another key" in peer["reason"]) == ("refused", True)
    ams.expect(lon)
    rounds(ams, lon)
    (peer,) = ams.get("/road/peers")
    assert (peer["state"], peer["reason"]) == ("known", None)


def test_a_peer_away_is_asked_again_and_a_private_one_only_where_allowed(
    live: Sequence[LiveHub],
) -> None:
    ams, lon = live
    ams.expect(lon, url="http://127.0.0.1:9")
    rounds(ams, most=3)
    assert ams.get("/road/peers")[0]["state"] == "expected"
    ams.road = replace(ams.road, private=False)
    ams.expect(lon)
    rounds(ams, most=3)
    assert ams.get("/road/peers")[0]["state"] == "expected"
    ams.road = replace(ams.road, private=True)
    ams.at += MINUTE
    rounds(ams)
    assert ams.get("/road/peers")[0]["state"] == "known"
    assert_problem(lon.expect(lon), 422, "own-name", "name")


def envelope(sender: str, to: str, number: int, closed: int = 7) -> bytes:
    message = Message(number=number, kind="hello", body=Hello(closed=closed).model_dump())
    return Envelope(sender=sender, to=to, messages=[message]).model_dump_json().encode()


def put(hub: LiveHub, body: bytes, signer: Road | None, url: str = "") -> httpx2.Response:
    headers = {"content-type": "application/json"}
    if signer is not None:
        made = Signer(signer.fingerprint, signer.key, lambda: NOW)
        headers |= made.headers("POST", (url or hub.road.url) + MESSAGES, body)
    return httpx2.post(hub.road.url + MESSAGES, content=body, headers=headers)


def test_who_may_do_what_and_what_is_not_there(live: Sequence[LiveHub]) -> None:
    ams, lon = met(live)
    good = envelope("ams", "lon", 9)
    assert put(lon, good, ams.road).json() == {"received": 1, "refused": []}
    assert_problem(put(lon, good, None), 401, "signature-invalid", "Signature")
    assert_problem(put(lon, good, lon.road), 401, "signature-invalid", "Signature")
    assert_problem(put(lon, good, ams.road, ams.road.url), 401, "signature-invalid", "Signature")
    assert_problem(put(lon, envelope("ams", "osl", 2), ams.road), 422, "wrong-hub", "to")
    assert_problem(put(lon, envelope("eve", "lon", 1), ams.road), 403, "peer-not-known", "sender")
    assert_problem(put(lon, b'{"sender": "ams"}', ams.road), 422, "validation", "to")
    assert_problem(put(lon, envelope("ams", "lon", 1, 8), ams.road), 409, "number-reused", "number")
    assert lon.get("/road/peers")[0]["received"] == 1

    for path, code in (("/road/quotes/none", "unknown-quote"), ("/road/transfers/none", "unknown-transfer")):
        answer = ams.http.get("/api/v1" + path)
        assert_problem(answer, 404, code, code.removeprefix("unknown-"))
    nothing = {"peer": "lon", "window": 1}
    assert_problem(ams.post("/road/windows/recheck", nothing), 404, "unknown-window", "window")
    assert_problem(ams.post("/road/transfers/x/reject", {}), 404, "unknown-transfer", "transfer")
    assert httpx2.get(ams.road.url + WELL_KNOWN).status_code == 200
    assert httpx2.get(ams.road.url + "/api/v1/road/peers").status_code == 401


def test_a_peer_that_reuses_a_number_is_noted_as_broken_by_itself(live: Sequence[LiveHub]) -> None:
    ams, lon = met(live)
    assert put(lon, envelope("ams", "lon", 2), ams.road).json()["received"] == 2
    amount = {"currency": "GBP", "value": "10"}
    quote = {"quote": "q1", "peer": "lon", "account": ams.member, "payee": lon.member, "amount": amount}
    ams.post("/road/quotes", quote)
    rounds(ams, lon)
    (peer,) = ams.get("/road/peers")
    assert (peer["state"], "number" in peer["reason"]) == ("broken", True)
    assert_problem(ams.post("/road/quotes", quote | {"quote": "q2"}), 409, "peer-not-known", "peer")
