"""What a hub's key proves: its document, its requests (RFC 9421), and secrets that only it can tell.

Always true: a request's signature counts for its URL and every byte of its body. Its time and nonce are not
looked at: a message has its effect once by its number, and names the hub it is for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradelane.settlement.ehub.server.chain import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, base64url: ``x`` of its JWK."""
    return text(key.public_key().public_bytes_raw())


def fingerprint(public: str) -> str:
    """The RFC 7638 thumbprint of an Ed25519 key given by its ``x``."""
    return text(hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": public})).digest())


def secret(key: Ed25519PrivateKey, *parts: str) -> bytes:
    """32 bytes that only the key's owner can make, for these parts."""
    return hmac.new(key.private_bytes_raw(), "\n".join(("e-road", *parts)).encode(), hashlib.sha256).digest()


def sign_document(key: Ed25519PrivateKey, document: Mapping[str, Any]) -> str:
    """The signature over the canonical JSON of ``document``."""
    return text(key.sign(canonical(dict(document))))


def document_is_by(public: str, document: Mapping[str, Any], signature: str) -> bool:
    """Whether the key made the signature; False for what is no key or no signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(raw(public)).verify(raw(signature), canonical(dict(document)))
    except (InvalidSignature, ValueError):
        return False
    return True


def fault(public: str, headers: Mapping[str, str], url: str, body: bytes) -> str | None:
    """Why a POST to ``url`` is not proven to be of this key's owner; None when it is."""
    from tradelane.settlement.ehub.server import rfc9421

    known = {fingerprint(public): raw(public)}
    try:
        rfc9421.verified(rfc9421.Message("POST", url, headers), body, known.get)
    except rfc9421.Unproven as why:
        return str(why)
    return None


def text(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(given: str) -> bytes:
    """The bytes of base64url without padding; ValueError for anything else."""
    data = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    if text(data) != given:
        raise ValueError("not base64url")
    return data
