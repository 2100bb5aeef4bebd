"""Requests signed by a member as RFC 9421 has it: Ed25519 over the method, the whole URL and, where there is
a body, its Content-Digest (RFC 9530), with the time, a nonce and the member's id.

Pure, but for the nonce's default. ``http_message_signatures`` reads what is written here; it shares no code
with it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "ed25519"
LABEL = "sig"
REQUEST = ("@method", "@target-uri")
"""What every signature covers."""
DIGEST = "content-digest"
"""And what it covers besides, where there is a body."""
WINDOW_S = 300
"""How far a signature's ``created`` may lie from the hub's clock, either way."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A member's key and id. ``now`` in Unix ms; ``nonce`` gives a text never given before."""

    keyid: str
    key: Ed25519PrivateKey
    now: Callable[[], int]
    nonce: Callable[[], str] = secrets.token_urlsafe

    def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The fields to add to a request. ``url`` is absolute and exactly as it will be asked for."""
        digest = content_digest(body) if body else None
        params = parameters(self.keyid, self.now() // 1000, self.nonce(), signs_body=digest is not None)
        made = self.key.sign(signature_base(method, url, digest, params))
        fields = {"Signature-Input": f"{LABEL}={params}", "Signature": f"{LABEL}={_bytes(made)}"}
        return fields if digest is None else {"Content-Digest": digest, **fields}


def content_digest(body: bytes) -> str:
    return f"sha-256={_bytes(hashlib.sha256(body).digest())}"


def parameters(keyid: str, created_s: int, nonce: str, *, signs_body: bool) -> str:
    """The covered components and what is said about the signature: the value of ``@signature-params``."""
    covered = " ".join(f'"{name}"' for name in (*REQUEST, *([DIGEST] if signs_body else [])))
    return (
        f"({covered});created={created_s};keyid={_string(keyid)};nonce={_string(nonce)};"
        f"alg={_string(ALGORITHM)}"
    )


def signature_base(method: str, url: str, digest: str | None, params: str) -> bytes:
    """The bytes that are signed (RFC 9421, section 2.5)."""
    lines = [f'"@method": {method}', f'"@target-uri": {url}']
    if digest is not None:
        lines.append(f'"{DIGEST}": {digest}')
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def _bytes(data: bytes) -> str:
    return f":{base64.b64encode(data).decode()}:"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
