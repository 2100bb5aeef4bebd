"""An e-hub as a switch, run as people run it: participants added by its operator, a transfer from prepare to
both callbacks, one that nobody fulfils, and what the operator may not do."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.gateway.processes import PATIENCE_S, running
from tests.settlement.fspiop_scheme import FULFILMENT, PAYEE, PAYER, Dfsp, Got, prepare
from tests.settlement.hubs import serving
from tradelane.gateway import hub_fspiop
from tradelane.gateway.keys import KeyFileError, load_or_create_key, load_or_create_rsa_key
from tradelane.settlement.ehub.server.fspiop import headers, outbox, signature

CONFIG = 'data_dir = "data"\n[hub]\ncurrencies = ["EUR"]\n[hub.fspiop]\nallow_private = true\n'
ADMIN = "/api/v1/switch/participants"


@dataclass
class Switch:
    http: httpx2.Client
    folder: Path
    payer: Dfsp
    payee: Dfsp

    def send(self, source: str, method: str, path: str, body: Any) -> httpx2.Response:
        kind = headers.media_type("transfers", "1.1")
        now = int(time.time() * 1000)
        head = {"Content-Type": kind, "Accept": kind, "Date": headers.http_date(now), "FSPIOP-Source": source}
        if method == "PUT":
            head["FSPIOP-Destination"] = PAYER
        return self.http.request(method, f"/fspiop{path}", content=json.dumps(body).encode(), headers=head)

    def operator(self, path: str, key: str, body: Any) -> httpx2.Response:
        return self.http.post(ADMIN + path, json=body, headers={"Idempotency-Key": key})

    def positions(self, name: str) -> dict[str, str]:
        (found,) = self.http.get(f"{ADMIN}/{name}").json()["positions"]
        return {field: amount["value"] for field, amount in found.items()}


def heard(one: Dfsp) -> Got:
    """The next message that a participant gets."""
    until = time.monotonic() + PATIENCE_S
    while not one.got:
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.01)
    return one.got.pop(0)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    folder = tmp_path_factory.mktemp("switch")
    (folder / "hub.toml").write_text(CONFIG)
    payer, payee = Dfsp(), Dfsp()
    both = Starlette(routes=[Mount(f"/{PAYER}", payer.app()), Mount(f"/{PAYEE}", payee.app())])
    with serving(both) as place, running(folder / "hub.toml") as gateway:
        url = gateway.event("listening")["url"]
        token = (folder / "data/hub.token").read_text().strip()
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
            made = Switch(http, folder / "data", payer, payee)
            for name in (PAYER, PAYEE):
                caps = [{"currency": "EUR", "value": "1000"}]
                asked = {"participant": name, "endpoint": f"{place}/{name}", "caps": caps}
                assert made.operator("", name, asked).status_code == 201
            yield made


def soon(seconds: float) -> str:
    return outbox.timestamp(int((time.time() + seconds) * 1000))


def test_a_transfer_is_reserved_fulfilled_and_told_to_both(switch: Switch) -> None:
    asked = prepare(transferId="11111111-ee48-4575-b6a9-ead2955b8069", expiration=soon(60))
    assert switch.send(PAYER, "POST", "/transfers", asked).status_code == 202
    came = heard(switch.payee)
    assert (came.method, came.path, came.body) == ("POST", "/transfers", asked)
    assert switch.positions(PAYER) == {"position": "0", "reserved": "123.45", "cap": "1000"}
    low = switch.operator(f"/{PAYER}", "low", {"caps": [{"currency": "EUR", "value": "123"}]})
    assert (low.status_code, low.json()["errors"][0]["field"]) == (409, "caps.0.value")

    done = {"transferState": "COMMITTED", "fulfilment": FULFILMENT, "completedTimestamp": soon(0)}
    assert switch.send(PAYEE, "PUT", f"/transfers/{asked['transferId']}", done).status_code == 200
    came = heard(switch.payer)
    assert (came.method, came.path) == ("PUT", f"/transfers/{asked['transferId']}")
    assert came.body["fulfilment"] == FULFILMENT
    assert switch.positions(PAYER) == {"position": "123.45", "reserved": "0", "cap": "1000"}
    assert switch.positions(PAYEE)["position"] == "-123.45"


def test_what_nobody_fulfils_ends_by_itself_and_the_hub_signs_what_it_says(switch: Switch) -> None:
    before = switch.positions(PAYER)
    asked = prepare(transferId="22222222-ee48-4575-b6a9-ead2955b8069", expiration=soon(1.5))
    assert switch.send(PAYER, "POST", "/transfers", asked).status_code == 202
    assert heard(switch.payee).path == "/transfers"
    came = heard(switch.payer)
    assert (came.method, came.path) == ("PUT", f"/transfers/{asked['transferId']}/error")
    assert came.body["errorInformation"]["errorCode"] == "3303"
    assert heard(switch.payee).path == came.path
    assert switch.positions(PAYER) == before
    key = load_or_create_rsa_key(switch.folder / "hub-switch.pem")
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()
    raw = json.dumps(came.body, separators=(",", ":")).encode()
    signature.check(public, came.headers, "PUT", came.headers["fspiop-uri"], raw)


def test_what_an_operator_asks_is_checked(switch: Switch) -> None:
    caps = [{"currency": "EUR", "value": "1"}]
    taken = switch.operator("", "again", {"participant": PAYER, "endpoint": "http://x.example", "caps": caps})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (409, "participant")
    for name, change, field in (
        ("hub", {"participant": "hub"}, "participant"),
        ("twice", {"caps": caps * 2}, "caps"),
        ("nowhere", {"endpoint": "ftp://x.example"}, "endpoint"),
    ):
        asked = {"participant": "third", "endpoint": "http://x.example", "caps": caps, **change}
        refused = switch.operator("", name, asked)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    bad = switch.operator(f"/{PAYER}", "bad", {"keys": base64.b64encode(b"no key").decode()})
    assert (bad.status_code, bad.json()["type"]) == (422, "urn:tradelane:problem:wrong-key")
    assert switch.operator("/nobody", "nobody", {"caps": caps}).status_code == 404
    more = switch.operator(f"/{PAYEE}", "more", {"caps": [{"currency": "NOK", "value": "5"}]})
    assert [one["cap"]["currency"] for one in more.json()["positions"]] == ["EUR", "NOK"]
    assert [one["participant"] for one in switch.http.get(ADMIN).json()] == [PAYEE, PAYER]
    assert httpx2.get(f"{switch.http.base_url}{ADMIN}").status_code == 401


def test_a_key_of_another_kind_is_named(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "hub-switch.pem")
    with pytest.raises(KeyFileError, match="not an RSA key"):
        load_or_create_rsa_key(tmp_path / "hub-switch.pem")
    assert hub_fspiop.EVERY_WALL_S < 1
