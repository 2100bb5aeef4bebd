"""Members who sign what they ask, for tests of what a hub lets them do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import count

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from tradelane.settlement.ehub.signing import Signer

KEYS = {
    id: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n, id in enumerate(("ana", "ben", "cem"), 1)
}
PUBLIC = {id: key.public_key().public_bytes_raw() for id, key in KEYS.items()}


def known(_conn: Connection, keyid: str) -> bytes | None:
    return PUBLIC.get(keyid)


def signer(member: str, now: Callable[[], int]) -> Signer:
    """The member's, whose nonces are numbers."""
    numbers = count()
    return Signer(member, KEYS[member], now, lambda: f"{member}-{next(numbers):08}")


class Signed(httpx2.Auth):
    """Signs every request on its way out."""

    requires_request_body = True

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        request.headers.update(self._signer.headers(request.method, str(request.url), request.content))
        yield request
