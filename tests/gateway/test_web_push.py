"""Web Push by its RFCs: the example of RFC 8291, a browser's own way back, and VAPID's signature."""

from __future__ import annotations

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from tradelane.gateway.web.web_push import (
    LONGEST,
    RECORD,
    VAPID_MS,
    BadSubscription,
    Subscription,
    from_base64,
    plain_base64,
    public_point,
    seal,
    vapid,
)

ENDPOINT = "https://push.example.net:8443/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
# RFC 8291, section 5 and appendix A
MESSAGE = b"When I grow up, I want to be a watermelon"
SERVER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH, SALT = "BTBZMqHH6r4Tts7J_aSIgg", "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl"
    "95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
TO = Subscription(ENDPOINT, from_base64(POINT), from_base64(AUTH))


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(from_base64(text), "big"), ec.SECP256R1())


def test_the_example_of_rfc_8291_is_sealed_to_the_byte() -> None:
    assert public_point(private(BROWSER)) == TO.p256dh
    assert plain_base64(seal(MESSAGE, TO, private(SERVER), from_base64(SALT))) == BODY


@settings(max_examples=20)
@given(st.binary(max_size=LONGEST), st.binary(min_size=16, max_size=16), st.integers(1, 2**250))
def test_a_browser_reads_what_was_sealed(message: bytes, salt: bytes, number: int) -> None:
    body = seal(message, TO, ec.derive_private_key(number, ec.SECP256R1()), salt)
    assert len(body) <= RECORD
    assert opened(body, private(BROWSER), TO.auth) == message


def opened(body: bytes, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291 the other way round, as a browser does it."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender = body[21 : 21 + length]
    assert (size, length) == (RECORD, 65)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    info = b"WebPush: info\0" + public_point(key) + sender
    secret = HKDF(hashes.SHA256(), 32, auth, info).derive(key.exchange(ec.ECDH(), theirs))
    content = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    text = AESGCM(content).decrypt(nonce, body[21 + length :], None)
    assert text[-1:] == b"\x02"
    return text[:-1]


def test_vapid_is_signed_for_the_push_service_alone_and_for_half_a_day() -> None:
    key, wall = private(SERVER), 1_780_000_000_123
    scheme, _, rest = vapid(ENDPOINT, key, "mailto:gateway@example.net", wall).partition(" ")
    token, _, shown = rest.removeprefix("t=").partition(", k=")
    signed, _, signature = token.rpartition(".")
    header, claims = (json.loads(from_base64(part)) for part in signed.split("."))
    assert (scheme, header["alg"], from_base64(shown)) == ("vapid", "ES256", public_point(key))
    assert claims["aud"] == "https://push.example.net:8443"
    assert claims["exp"] == (wall + VAPID_MS) // 1000
    raw = from_base64(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(der, signed.encode() + b"x", ec.ECDSA(hashes.SHA256()))


def test_what_is_no_subscription_is_refused_by_its_field() -> None:
    with pytest.raises(BadSubscription, match="p256dh"):
        Subscription(ENDPOINT, TO.p256dh[:-1], TO.auth)
    with pytest.raises(BadSubscription, match="auth"):
        Subscription(ENDPOINT, TO.p256dh, b"short")
    with pytest.raises(BadSubscription, match="not a point"):
        seal(b"", Subscription(ENDPOINT, b"\x04" + bytes(64), TO.auth), private(SERVER), bytes(16))
    with pytest.raises(ValueError, match="at most"):
        seal(bytes(LONGEST + 1), TO, private(SERVER), bytes(16))
    with pytest.raises(ValueError, match=r"(?i)base64|ascii|alphabet|character"):
        from_base64("*")
