"""Web Push: a message sealed for one browser (RFC 8291 on aes128gcm of RFC 8188), and the word by which its
push service knows us (VAPID, RFC 8292).

Pure: keys, salt and instants are arguments. One record holds the whole message.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

RECORD = 4096
"""Bytes of a record, header and tag included, which every push service takes (RFC 8030, 7.2)."""
LONGEST = RECORD - 86 - 17
"""Bytes of a message: what the header, the tag and the padding's delimiter leave."""
SALT = 16
POINT = 65
"""Bytes of an uncompressed point of P-256."""
VAPID_MS = 12 * 3_600_000
"""How long a signed word holds; RFC 8292 allows a day."""


class BadSubscription(ValueError):
    """A browser's keys are not what RFC 8291 says; the text names the field."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """As a browser gives it: ``p256dh`` is its public key, ``auth`` 16 secret bytes."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    def __post_init__(self) -> None:
        if len(self.p256dh) != POINT or self.p256dh[0] != 4:
            raise BadSubscription("p256dh: not an uncompressed point of P-256")
        if len(self.auth) != SALT:
            raise BadSubscription("auth: not 16 bytes")


def seal(message: bytes, to: Subscription, key: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body to post, Content-Encoding aes128gcm. ``key`` and ``salt`` are of this one message.

    ValueError for a message longer than LONGEST; BadSubscription for a point that is not on the curve.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(message) > LONGEST or len(salt) != SALT:
        raise ValueError(f"at most {LONGEST} bytes, with a salt of {SALT}")
    try:
        browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to.p256dh)
    except ValueError as error:
        raise BadSubscription("p256dh: not a point of P-256") from error
    ours = public_point(key)
    shared = key.exchange(ec.ECDH(), browser)
    secret = _hkdf(to.auth, shared, b"WebPush: info\0" + to.p256dh + ours, 32)
    content_key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(content_key).encrypt(nonce, message + b"\x02", None)


def vapid(endpoint: str, key: EllipticCurvePrivateKey, contact: str, wall: int) -> str:
    """The Authorization header for a push to ``endpoint``: signed with ES256, for its origin only.
    ``contact``: a mailto: or https: address; ``wall`` is Unix ms."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": (wall + VAPID_MS) // 1000, "sub": contact}
    text = ".".join(
        plain_base64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims)
    )
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    signature = plain_base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={text}.{signature}, k={plain_base64(public_point(key))}"


def public_point(key: EllipticCurvePrivateKey) -> bytes:
    """A key's public half, uncompressed: what browsers take as ``applicationServerKey``."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def plain_base64(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    """ValueError when it is not base64url."""
    return base64.b64decode(
        text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True
    )


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
