"""Message signatures by ``http_message_signatures``, which takes a while to import: imported by need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from tradelane.settlement.ehub.signing import DIGEST, REQUEST

PublicKey = Callable[[str], bytes | None]
"""The raw key of a key id, None when there is none."""


class Unproven(Exception):
    """The request is not signed as it should be; the text says why."""


class Message(NamedTuple):
    """A request; ``url`` absolute, as it came in."""

    method: str
    url: str
    headers: Mapping[str, str]


def verified(message: Message, body: bytes, key: PublicKey) -> Mapping[str, int | str]:
    """What the request's one signature says of itself. It covers method, URL and every byte of the body;
    how old it is, and whether it was seen before, is for the caller to judge. Raises Unproven."""
    required = (*REQUEST, DIGEST) if body else REQUEST
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(key))
    try:
        (result,) = verifier.verify(message, max_age=None, require_components=required, body=body)
    except HTTPMessageSignaturesException as error:
        raise Unproven(str(error) or "the signature does not fit the request") from error
    return result.parameters


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, key: PublicKey) -> None:
        self._key = key

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        raw = self._key(key_id)
        return None if raw is None else Ed25519PublicKey.from_public_bytes(raw)


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:
        """Nothing: the library would ask the machine's clock."""
