"""A signature counts for one request, for five minutes, once: over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.settlement.hubs import NOW, TOKEN, assert_problem, serving
from tests.settlement.signed import KEYS, PUBLIC, Signed, known, signer
from tradelane.gateway.store import Store
from tradelane.settlement import problem
from tradelane.settlement.ehub import signing
from tradelane.settlement.ehub.server import rfc9421
from tradelane.settlement.ehub.server.signatures import Asker, Callers
from tradelane.settlement.ehub.server.tables import signature_nonces
from tradelane.settlement.ehub.signing import WINDOW_S, Signer

BODY = b'{"a": 1}'


@dataclass
class Door:
    """A server that tells everyone who they are; its clock stands still until it is set."""

    url: str
    at: int = NOW

    def sent(self, headers: dict[str, str], body: bytes = BODY, path: str = "/who") -> httpx2.Response:
        method = "POST" if body else "GET"
        return httpx2.request(method, self.url + path, content=body, headers=headers)

    def signed(self, by: Signer, body: bytes = BODY, path: str = "/who") -> dict[str, str]:
        return by.headers("POST" if body else "GET", self.url + path, body)


@pytest.fixture
def door(store: Store) -> Iterator[Door]:
    door, app = Door(""), FastAPI()
    problem.install(app)
    callers = Callers(TOKEN, known, store, store.read, lambda: door.at)

    @app.api_route("/who", methods=["GET", "POST"], dependencies=[Depends(callers)])
    @app.api_route("/who/{name:path}", methods=["GET", "POST"], dependencies=[Depends(callers)])
    async def who(asker: Asker) -> str:
        return asker.member or "operator"

    with serving(app) as door.url:
        yield door


def ana(at: int = NOW) -> Signer:
    return signer("ana", lambda: at)


def test_a_member_signs_and_the_operator_shows_its_token(door: Door) -> None:
    with httpx2.Client(base_url=door.url, auth=Signed(ana())) as http:
        answers = [http.post("/who", content=BODY), http.get("/who"), http.get("/who/member%3Aana?a=b%20c&d")]
    assert [one.text for one in answers] == ['"ana"'] * 3
    assert door.sent({"Authorization": f"Bearer {TOKEN}"}).text == '"operator"'


def test_nobody_else_comes_in(door: Door) -> None:
    assert_problem(door.sent({}), 401, "unauthorised")
    assert_problem(door.sent({"Authorization": "Bearer guess"}), 401, "unauthorised")
    stranger = Signer("eve", KEYS["ana"], lambda: NOW)
    assert_problem(door.sent(door.signed(stranger)), 401, "signature-invalid", "Signature-Input")
    other = Signer("ben", KEYS["ana"], lambda: NOW)
    assert_problem(door.sent(door.signed(other)), 401, "signature-invalid", "Signature-Input")


def test_a_signature_counts_once(door: Door, store: Store) -> None:
    headers = door.signed(ana())
    assert door.sent(headers).status_code == 200
    assert_problem(door.sent(headers), 401, "signature-replayed", "Signature-Input")
    door.at = NOW + (WINDOW_S + 1) * 1000
    assert door.sent(door.signed(signer("ben", lambda: door.at))).status_code == 200
    kept = select(func.count()).select_from(signature_nonces)
    assert store.read_now(lambda conn: conn.execute(kept).scalar_one()) == 1
    assert_problem(door.sent(headers), 401, "signature-expired", "Signature-Input")


@pytest.mark.parametrize(("late_s", "word"), [(WINDOW_S + 1, "301 s behind"), (-WINDOW_S - 1, "301 s ahead")])
def test_a_clock_that_is_far_off_is_told_how_far(door: Door, late_s: int, word: str) -> None:
    answer = door.sent(door.signed(ana(NOW - late_s * 1000)))
    assert_problem(answer, 401, "signature-expired", "Signature-Input")
    assert word in answer.json()["detail"]
    at_the_edge = late_s - 1 if late_s > 0 else late_s + 1
    assert door.sent(door.signed(ana(NOW - at_the_edge * 1000))).status_code == 200


def test_the_body_must_be_the_one_that_was_signed(door: Door) -> None:
    headers = door.signed(ana())
    assert_problem(door.sent(headers, b'{"a": 2}'), 401, "signature-invalid", "Signature-Input")
    fitting = headers | {"Content-Digest": signing.content_digest(b'{"a": 2}')}
    assert_problem(door.sent(fitting, b'{"a": 2}'), 401, "signature-invalid", "Signature-Input")
    bare = ana().headers("POST", f"{door.url}/who", b"")
    assert_problem(door.sent(bare), 401, "signature-invalid", "Signature-Input")


def test_another_place_is_another_request(door: Door) -> None:
    headers = door.signed(ana())
    assert_problem(door.sent(headers, path="/who?a=1"), 401, "signature-invalid", "Signature-Input")
    assert_problem(door.sent(headers, path="/who/x"), 401, "signature-invalid", "Signature-Input")
    get = httpx2.get(f"{door.url}/who", headers=headers)
    assert_problem(get, 401, "signature-invalid", "Signature-Input")


FAULTS: list[tuple[str, str]] = [
    (';nonce="ana-00000000"', ""),
    (';nonce="ana-00000000"', ';nonce="short"'),
    (';nonce="ana-00000000"', ';nonce=5'),
    (';keyid="ana"', ""),
    (f";created={NOW // 1000}", ""),
    (f";created={NOW // 1000}", ";created=soon"),
    (';alg="ed25519"', ';alg="hmac-sha256"'),
    (';alg="ed25519"', ';alg="ed25519";expires=1'),
    ('"@method" ', ""),
    ('"@target-uri" ', ""),
    (' "content-digest"', ""),
    ('"@method"', '"@method" "@method"'),
    ('"@method"', '"@status"'),
    ("sig=", "sig=();x, more="),
    ("sig=", "other="),
    ("sig=(", "sig=["),
]  # fmt: skip


def test_what_a_signature_must_say(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fault is signed, so that it is the fault that is refused and not the signature."""
    whole = signing.parameters
    for there, instead in FAULTS:

        def spoilt(*args: Any, there: str = there, instead: str = instead, **named: Any) -> str:
            return whole(*args, **named).replace(there, instead)

        monkeypatch.setattr(signing, "parameters", spoilt)
        headers = door.signed(ana())
        headers["Signature-Input"] = headers["Signature-Input"].replace(there, instead)
        answer = door.sent(headers)
        assert answer.status_code == 401, (there, instead, answer.text)
        assert answer.json()["type"].startswith("urn:tradelane:problem:signature-")
    monkeypatch.setattr(signing, "parameters", whole)
    assert door.sent(door.signed(ana())).status_code == 200


def test_a_key_id_may_be_any_text() -> None:
    by = replace(ana(), keyid='an"a\\b', nonce=lambda: "nonce nonce")
    message = rfc9421.Message("GET", "http://hub/x", by.headers("GET", "http://hub/x", b""))
    said = rfc9421.verified(message, b"", {'an"a\\b': PUBLIC["ana"]}.get)
    assert (said["keyid"], said["nonce"]) == ('an"a\\b', "nonce nonce")


@given(
    st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]),
    st.integers(0, 300),
    st.characters(max_codepoint=255),
)
def test_no_changed_character_passes(name: str, place: int, char: str) -> None:
    """Nor does it raise anything else: but for what means the same, it is refused."""
    by, url = replace(ana(), nonce=lambda: "a nonce"), "http://hub/x?y=1"
    headers = by.headers("POST", url, BODY)
    text = headers[name]
    place %= len(text)
    spoilt = headers | {name: text[:place] + char + text[place + 1 :]}
    whole = rfc9421.verified(rfc9421.Message("POST", url, headers), BODY, PUBLIC.get)
    try:
        said = rfc9421.verified(rfc9421.Message("POST", url, spoilt), BODY, PUBLIC.get)
    except rfc9421.Unproven:
        return
    assert said == whole
