"""One byte string per JSON value: what is signed, hashed and journalled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def canonical(body: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; ValueError or TypeError when the body is not JSON."""
    return _encode(body).encode()
