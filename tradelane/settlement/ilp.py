"""Interledger's condition and fulfilment, pure: a transfer commits for one secret only."""

from __future__ import annotations

import base64
import hashlib
import hmac


def condition_of(fulfilment: str) -> str:
    """The condition of a fulfilment, both base64url of 32 bytes without padding (FSPIOP, IlpCondition).

    Raises ValueError when the fulfilment is not that.
    """
    try:
        preimage = base64.b64decode(fulfilment + "=", altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError("a fulfilment is 43 characters of base64url") from None
    if len(preimage) != 32 or len(fulfilment) != 43:
        raise ValueError("a fulfilment is 32 bytes")
    return base64.urlsafe_b64encode(hashlib.sha256(preimage).digest()).rstrip(b"=").decode()


def fulfils(fulfilment: str, condition: str) -> bool:
    """Whether the SHA-256 of the fulfilment's bytes is the condition's."""
    try:
        return hmac.compare_digest(condition_of(fulfilment), condition)
    except (TypeError, ValueError):
        return False
