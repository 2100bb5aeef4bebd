"""Signatures of participants are checked, keys change without a pause, and the hub signs what it says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.settlement.fspiop_scheme import PAYEE, PAYER, Scheme, prepare, running_scheme
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.fspiop import outbox, signature
from tradelane.settlement.ehub.server.fspiop.errors import Fault, Refused
from tradelane.settlement.ehub.server.fspiop.registry import set_keys

HEAD = {"date": "Tue, 15 Nov 1994 08:12:31 GMT", "fspiop-source": PAYER, "fspiop-destination": PAYEE}
BODY = b'{"a":1}'


@cache
def rsa_key(_which: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> str:
    raw: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode()


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(algorithm: str, sign: Any, **changes: str) -> dict[str, str]:
    """A signature of the request POST /quotes, made without the code under test."""
    protected = {
        "alg": algorithm,
        "FSPIOP-URI": "/quotes",
        "FSPIOP-HTTP-Method": "POST",
        "FSPIOP-Source": PAYER,
        "FSPIOP-Destination": PAYEE,
    } | changes
    first = coded(json.dumps(protected).encode())
    value = coded(sign(f"{first}.{coded(BODY)}".encode()))
    return HEAD | {"fspiop-signature": json.dumps({"signature": value, "protectedHeader": first})}


def rs256(text: bytes) -> bytes:
    return rsa_key().sign(text, padding.PKCS1v15(), hashes.SHA256())


def ps256(text: bytes) -> bytes:
    return rsa_key().sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


EC = ec.generate_private_key(ec.SECP256R1())


def es256(text: bytes) -> bytes:
    r, s = utils.decode_dss_signature(EC.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


@pytest.mark.parametrize(("algorithm", "sign"), [("RS256", rs256), ("PS256", ps256), ("ES256", es256)])
def test_what_others_sign_is_verified(algorithm: str, sign: Any) -> None:
    keys = pem(rsa_key()) + pem(EC)
    head = made(algorithm, sign)
    signature.check(keys, head, "POST", "/quotes", BODY)
    for wrong in [
        ("PUT", "/quotes", BODY, head),
        ("POST", "/transfers", BODY, head),
        ("POST", "/quotes", b'{"a":2}', head),
        ("POST", "/quotes", BODY, head | {"fspiop-source": PAYEE}),
        ("POST", "/quotes", BODY, head | {"fspiop-destination": "another"}),
        ("POST", "/quotes", BODY, HEAD),
    ]:
        method, path, body, said = wrong
        with pytest.raises(Refused) as refused:
            signature.check(keys, said, method, path, body)
        assert refused.value.fault is Fault.SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "PS256", "RS512", ""])
def test_an_algorithm_that_is_not_the_key_s_does_not_count(algorithm: str) -> None:
    with pytest.raises(Refused):
        signature.check(pem(rsa_key()), made(algorithm, rs256), "POST", "/quotes", BODY)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"signature": 1, "protectedHeader": 2}', "[" * 9999])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        signature.check(pem(rsa_key()), HEAD | {"fspiop-signature": text}, "POST", "/quotes", BODY)


@pytest.fixture
def scheme(store: Store) -> Iterator[Scheme]:
    with running_scheme(store) as scheme:
        yield scheme


def test_a_participant_with_a_key_must_sign_and_may_change_it(scheme: Scheme) -> None:
    old, new = rsa_key(1), rsa_key(2)

    def keep(keys: str) -> None:
        async def main() -> None:
            await scheme.store(lambda conn: set_keys(conn, PAYER, keys))

        asyncio.run(main())

    def sent(key: rsa.RSAPrivateKey | None) -> int:
        body = json.dumps(prepare()).encode()
        head = {"fspiop-source": PAYER, "fspiop-destination": PAYEE}
        more = {} if key is None else signature.signed(key, head, "POST", "/transfers", body)
        return scheme.send(PAYER, "POST", "/transfers", prepare(), **head | more).status_code

    keep(pem(old))
    assert [sent(None), sent(new), sent(old)] == [400, 400, 202]
    keep(pem(old) + pem(new))
    assert [sent(old), sent(new)] == [202, 202]
    keep(pem(new))
    assert [sent(old), sent(new)] == [400, 202]
    assert scheme.send(PAYER, "GET", "/transfers/" + prepare()["transferId"]).status_code == 202
    assert scheme.send(PAYER, "DELETE", "/participants/MSISDN/1").status_code == 400


def test_the_hub_signs_its_own_callbacks(scheme: Scheme) -> None:
    scheme.send(PAYER, "POST", "/transfers", prepare(payeeFsp="nobody"))

    async def main() -> None:
        async with httpx2.AsyncClient() as client:
            store = scheme.store
            await outbox.Postman(
                store, store.read, lambda: scheme.at, client, private=True, key=rsa_key()
            ).round()

    asyncio.run(main())
    (got,) = scheme.payer.got
    raw = json.dumps(got.body, separators=(",", ":")).encode()
    signature.check(pem(rsa_key()), got.headers, got.method, got.path, raw)
